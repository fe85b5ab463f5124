/**
 * What an administrator may do, one word for each kind of act. They are the scopes of the admin API as well. A route
 * names the one that it needs; a role is a list of them.
 */
export const permissions = [
  'overview:read',
  'accounts:read',
  'accounts:create',
  'accounts:update',
  'accounts:disable',
  'accounts:delete',
  /** Start a reset, set or expire a password, remove a factor. */
  'accounts:credentials',
  'accounts:assign-roles',
  'sessions:read',
  'sessions:end',
  'grants:read',
  'grants:revoke',
  'clients:read',
  'clients:write',
  'clients:secrets',
  'clients:delete',
  'resources:read',
  'resources:write',
  'roles:read',
  'roles:write',
  'groups:read',
  'groups:write',
  'keys:read',
  'keys:rotate',
  'keys:revoke',
  'settings:read',
  'settings:write',
  'audit:read',
  'audit:export',
] as const;
export type Permission = (typeof permissions)[number];

export function isPermission(text: string): text is Permission {
  return (permissions as readonly string[]).includes(text);
}

/** Roles that are part of the product; they cannot be changed or removed. */
export const builtInRoles = {
  owner: { name: 'Owner', permissions: [...permissions] },
  'account-manager': {
    name: 'Account manager',
    permissions: permissions.filter(
      (one) =>
        /^(accounts|sessions|grants):/.test(one) ||
        ['overview:read', 'clients:read', 'roles:read', 'groups:read', 'groups:write'].includes(one),
    ),
  },
  'client-manager': {
    name: 'Client manager',
    permissions: permissions.filter(
      (one) => /^(clients|resources):/.test(one) || ['overview:read', 'roles:read'].includes(one),
    ),
  },
  auditor: {
    name: 'Auditor',
    permissions: permissions.filter((one) => one.endsWith(':read') || one === 'audit:export'),
  },
} as const satisfies Record<string, { name: string; permissions: Permission[] }>;

/**
 * Nobody acts on, or hands out, more than they may themselves.
 * @returns whether `actor` may do all that `target` may
 */
export function outranks(actor: ReadonlySet<Permission>, target: Iterable<Permission>): boolean {
  for (const permission of target) if (!actor.has(permission)) return false;
  return true;
}
