import type { ClaimValues, Effective, Group, Role } from './access.ts';
import type { Permission } from './permissions.ts';

export type Definitions = { roles: ReadonlyMap<string, Role>; groups: ReadonlyMap<string, Group> };

/** What roles and groups amount to. Those that are not there (any more) count for nothing. */
export function effectiveOf(
  of: { roles: readonly string[]; groups: readonly string[] },
  { roles, groups }: Definitions,
): Effective {
  const ownGroups = those(of.groups, groups);
  const ownRoles = those([...of.roles, ...ownGroups.flatMap((group) => group.roles)], roles);
  const roleIds = ownRoles.map(({ id }) => id);
  const groupIds = ownGroups.map(({ id }) => id);
  return {
    roles: roleIds,
    groups: groupIds,
    permissions: new Set<Permission>(ownRoles.flatMap((role) => role.permissions)),
    roleClaims: { ...together(ownRoles.map(({ claims }) => claims)), roles: roleIds },
    groupClaims: { ...together(ownGroups.map(({ claims }) => claims)), groups: groupIds },
  };
}

/** Each once, by id. */
function those<T>(ids: readonly string[], all: ReadonlyMap<string, T>): T[] {
  return [...new Set(ids)].sort().flatMap((id) => all.get(id) ?? []);
}

/** Lists under one name become one list; of other values the first counts. */
function together(all: ClaimValues[]): ClaimValues {
  const values = new Map<string, ClaimValues[string]>();
  for (const [name, value] of all.flatMap((claims) => Object.entries(claims))) {
    const before = values.get(name);
    if (before === undefined) values.set(name, value);
    else if (Array.isArray(before) && Array.isArray(value)) {
      values.set(name, [...new Set([...before, ...value])].sort());
    }
  }
  return Object.fromEntries(values);
}

/** The names of all claims that these define; sorted. */
export function claimNamesOf({ roles, groups }: Definitions): { roles: string[]; groups: string[] } {
  const names = (all: Iterable<{ claims: ClaimValues }>) =>
    [...new Set([...all].flatMap(({ claims }) => Object.keys(claims)))].sort();
  return { roles: names(roles.values()), groups: names(groups.values()) };
}
