/**
 * The door to roles and groups: what those are who have them, which permissions and claims come with them.
 *
 * It owns their definitions. It does not own who has them (an account names its roles and groups itself, see
 * accounts/), nor what a permission opens (admin/).
 */
import type { Permission } from './permissions.ts';

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
