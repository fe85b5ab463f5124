import type { Group, Role } from '../../access/access.ts';
import type { ClaimRow } from './claim-rows.ts';
import type { ConsolePage } from './console-views.ts';

/** Permissions of one area, as boxes. */
export type PermissionGroup = {
  area: string;
  permissions: { id: string; text: string; isOn: boolean; isFixed: boolean }[];
};

/** Addresses of the beginning of a list, where this is a later page, and of what follows. */
export type PageEnds = { first?: string; next?: string };

type AccessViews = {
  'admin-roles': ConsolePage & PageEnds & { roles: (Role & { accounts: number })[] };
  'admin-role': ConsolePage & {
    role: Role;
    accounts: number;
    /** By which it comes as well. */
    groups: { id: string; name: string }[];
    areas: { area: string; texts: string[] }[];
    isWithinReach: boolean;
  };
  /**
   * Posts `id` (of a new one), `name`, `description`, `permission`s, `kept` ones that are fixed, the rows of claims, and
   * `version`.
   */
  'admin-role-edit': ConsolePage & {
    isNew: boolean;
    id: string;
    name: string;
    description: string;
    version: number;
    areas: PermissionGroup[];
    claims: ClaimRow[];
  };
  'admin-groups': ConsolePage & PageEnds & { groups: (Group & { accounts: number; roleNames: string[] })[] };
  'admin-group': ConsolePage & {
    group: Group;
    accounts: number;
    roles: { id: string; name: string }[];
    isWithinReach: boolean;
  };
  /** Posts `id` (of a new one), `name`, `description`, `role`s, `kept` ones that are fixed, the claims, and `version`. */
  'admin-group-edit': ConsolePage & {
    isNew: boolean;
    id: string;
    name: string;
    description: string;
    version: number;
    roles: { id: string; name: string; hint: string; isOn: boolean; isFixed: boolean }[];
    claims: ClaimRow[];
  };
};

declare module '../../http/views.ts' {
  interface Views extends AccessViews {}
}
