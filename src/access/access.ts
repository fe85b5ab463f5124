/**
 * The door to roles and groups: what those are who have them, which permissions and claims come with them.
 *
 * It owns their definitions. It does not own who has them (an account names its roles and groups itself, see
 * accounts/), nor what a permission opens (admin/).
 */
import type { Log } from '../log.ts';
import { createDefinitions, type Definition } from '../redis/definitions.ts';
import type { Store } from '../redis/redis.ts';
import { watch } from '../redis/watched.ts';
import { builtInRoleMap, toGroup, toGroupDraft, toRole, toRoleDraft } from './definition-records.ts';
import { claimNamesOf, type Definitions, effectiveOf } from './effective.ts';
import { groupFaults, roleFaults } from './faults.ts';
import { createKept } from './kept.ts';
import type { Permission } from './permissions.ts';

export { nameFaults, sizeFaults, textFaults } from './faults.ts';
export { permissionTexts } from './permission-texts.ts';
export { builtInRoles, isPermission, outranks, type Permission, permissions } from './permissions.ts';

/** Claim name → value, released with the scope `roles` or `groups`. */
export type ClaimValues = Record<string, string | number | boolean | string[]>;

/** `id`: 1 to 64 of a-z, 0-9, `-`, `_`, `.`, `:`; never used again when it was removed. Times are ms since the epoch. */
export type Role = {
  id: string;
  name: string;
  description: string;
  permissions: Permission[];
  claims: ClaimValues;
  isBuiltIn: boolean;
  version: number;
  createdAt: number;
  updatedAt: number;
};

export type Group = {
  id: string;
  name: string;
  description: string;
  /** Ids of the roles that its members have by it. */
  roles: string[];
  claims: ClaimValues;
  version: number;
  createdAt: number;
  updatedAt: number;
};

export type RoleDraft = Pick<Role, 'name' | 'description' | 'permissions' | 'claims'>;
export type GroupDraft = Pick<Group, 'name' | 'description' | 'roles' | 'claims'>;

export type Fault = { path: string; message: string };

export type Writing<T> =
  | { ok: true; value: T }
  | { ok: false; problem: 'not-found' | 'taken' | 'changed' | 'built-in' | 'too-many' }
  /** What does not fit, each with a text for people. */
  | { ok: false; problem: 'invalid'; faults: Fault[] };

export type Kept<T, D> = {
  /** By id, straight from Redis. */
  list(): Promise<T[]>;
  find(id: string): Promise<T | undefined>;
  create(id: string, draft: D): Promise<Writing<T>>;
  /** @param version that must still hold; undefined for whichever */
  update(id: string, version: number | undefined, draft: Partial<D>): Promise<Writing<T>>;
  remove(id: string, version: number | undefined): Promise<Writing<T>>;
};

/** What roles and groups amount to. */
export type Effective = {
  /** With those that come by a group; ids that are there, sorted. */
  roles: string[];
  groups: string[];
  permissions: ReadonlySet<Permission>;
  /** Of scope `roles`: `roles` itself and the claims of the roles. */
  roleClaims: Record<string, unknown>;
  /** Of scope `groups`. */
  groupClaims: Record<string, unknown>;
};

export type Access = {
  roles: Kept<Role, RoleDraft>;
  groups: Kept<Group, GroupDraft>;
  /** From what this pod read last, which is less than a second old. */
  effective(of: { roles: readonly string[]; groups: readonly string[] }): Effective;
  /** As it is in Redis now. @throws Unavailable */
  effectiveNow(of: { roles: readonly string[]; groups: readonly string[] }): Promise<Effective>;
  /** The names of all claims that roles (groups) have, beside `roles` (`groups`) itself; sorted. */
  claimNames(): { roles: string[]; groups: string[] };
  onClaimNamesChange(listener: () => void): void;
  close(): void;
};

/** Beside the built-in roles. */
const mostRoles = 500;
const mostGroups = 5000;
/** Of all of a kind: every pod reads all of them again when one has changed. */
const mostBytes = 4 * 1024 * 1024;

/** @throws Unavailable when the definitions cannot be read at first */
export async function createAccess({ store, log }: { store: Store; log: Log }): Promise<Access> {
  const { keys } = store;
  const keysOf = (kind: 'roles' | 'groups') => ({
    all: keys.accessDefinitions(kind),
    watched: keys.access(),
    removed: keys.removedDefinitions(keys.accessDefinitions(kind)),
    others: keys.accessDefinitions('roles'),
  });
  const roleDefinitions = createDefinitions(store, keysOf('roles'), { most: mostRoles, mostBytes });
  const groupDefinitions = createDefinitions(store, keysOf('groups'), { most: mostGroups, mostBytes });

  const toRoles = (found: Definition[]) =>
    new Map([...found.map(toRole), ...builtInRoleMap.values()].map((role) => [role.id, role]));
  const toGroups = (found: Definition[]) => new Map(found.map(toGroup).map((group) => [group.id, group]));

  async function readAll(): Promise<Definitions> {
    const [foundRoles, foundGroups] = await Promise.all([roleDefinitions.list(), groupDefinitions.list()]);
    return { roles: toRoles(foundRoles), groups: toGroups(foundGroups) };
  }

  const watched = await watch({ store, log }, keys.access(), readAll);
  const claimNames = () => claimNamesOf(watched.current());
  const listeners: (() => void)[] = [];
  let namesBefore = JSON.stringify(claimNames());
  watched.onChange(() => {
    const names = JSON.stringify(claimNames());
    if (names === namesBefore) return;
    namesBefore = names;
    for (const listener of listeners) listener();
  });

  const isOwnRole = (id: string) => !builtInRoleMap.has(id);
  const { refresh } = watched;
  const roles = createKept<Role, RoleDraft>({
    refresh,
    definitions: roleDefinitions,
    builtIn: builtInRoleMap,
    toThing: toRole,
    toDraft: toRoleDraft,
    faults: roleFaults,
    needs: () => [],
    mend: async (found) => found,
  });
  const groups = createKept<Group, GroupDraft>({
    refresh,
    definitions: groupDefinitions,
    builtIn: new Map(),
    toThing: toGroup,
    toDraft: toGroupDraft,
    faults: groupFaults,
    needs: (draft) => (draft.roles ?? []).filter(isOwnRole),
    async mend(found) {
      const there = toRoles(await roleDefinitions.findSome(found.flatMap((group) => group.roles)));
      return found.map((group) => ({ ...group, roles: group.roles.filter((id) => there.has(id)) }));
    },
  });

  return {
    roles,
    groups,
    effective: (of) => effectiveOf(of, watched.current()),
    async effectiveNow(of) {
      // Read together with what their groups have given lately; so a second reading is rare.
      const expected = of.groups.flatMap((id) => watched.current().groups.get(id)?.roles ?? []);
      const wanted = new Set([...of.roles, ...expected]);
      const [foundRoles, foundGroups] = await Promise.all([
        roleDefinitions.findSome([...wanted].filter(isOwnRole)),
        groupDefinitions.findSome(of.groups),
      ]);
      const itsGroups = toGroups(foundGroups);
      const others = [...itsGroups.values()]
        .flatMap((group) => group.roles)
        .filter((id) => isOwnRole(id) && !wanted.has(id));
      const moreRoles = await roleDefinitions.findSome(others);
      return effectiveOf(of, { roles: toRoles([...foundRoles, ...moreRoles]), groups: itsGroups });
    },
    claimNames,
    onClaimNamesChange: (listener) => listeners.push(listener),
    close: () => watched.close(),
  };
}
