import type { Definition } from '../redis/definitions.ts';
import type { Group, GroupDraft, Role, RoleDraft } from './access.ts';
import { builtInRoles, isPermission } from './permissions.ts';

/** Roles and groups as they lie in Redis, and the roles that lie in no Redis. */

const descriptions: Record<keyof typeof builtInRoles, string> = {
  owner: 'May do everything, and make others owners.',
  'account-manager': 'Looks after accounts: their data, factors, sessions and groups.',
  'client-manager': 'Looks after applications and APIs.',
  auditor: 'May read everything and change nothing.',
};

export const builtInRoleMap: ReadonlyMap<string, Role> = new Map(
  Object.entries(builtInRoles).map(([id, { name, permissions }]) => [
    id,
    {
      id,
      name,
      description: descriptions[id as keyof typeof builtInRoles],
      permissions: [...permissions],
      claims: {},
      isBuiltIn: true,
      version: 0,
      createdAt: 0,
      updatedAt: 0,
    },
  ]),
);

export function toRole({ body, ...rest }: Definition): Role {
  const { permissions, ...draft } = body as RoleDraft;
  // Another version of this provider may know permissions that this one does not.
  return { ...draft, permissions: permissions.filter(isPermission), ...rest, isBuiltIn: false };
}

export function toGroup({ body, ...rest }: Definition): Group {
  return { ...(body as GroupDraft), ...rest };
}

export function toRoleDraft({ name, description, permissions, claims }: RoleDraft): RoleDraft {
  return { ...plain({ name, description }), permissions: [...new Set(permissions)], claims: { ...claims } };
}

export function toGroupDraft({ name, description, roles, claims }: GroupDraft): GroupDraft {
  return { ...plain({ name, description }), roles: [...new Set(roles)].sort(), claims: { ...claims } };
}

function plain({ name, description }: { name: string; description: string }) {
  return { name: name.normalize('NFC').trim(), description: description.normalize('NFC').trim() };
}
