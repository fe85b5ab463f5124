import type { Group, Role } from '../../access/access.ts';
import type { Account } from '../../accounts/accounts.ts';
import type { RecordedEvent } from '../../events/events.ts';
import type { AccountOverview } from '../manage-accounts.ts';
import type { ConsolePage, Crumb } from './console-views.ts';

/** A role or a group where it is chosen. */
export type Named = { id: string; name: string; description: string };

export type AccountFilters = { text: string; status: string; role: string; group: string };

type AccountViews = {
  'admin-accounts': ConsolePage & {
    accounts: Account[];
    /** Names by id. */
    roleNames: Record<string, string>;
    groups: Named[];
    roles: Named[];
    total: number;
    filters: AccountFilters;
    isFiltered: boolean;
    first?: string;
    next?: string;
  };
  /** What became of an act on several accounts. */
  'admin-accounts-done': ConsolePage & {
    title: string;
    rows: { id: string; label: string; isDone: boolean; message: string }[];
    back: Crumb;
  };
  /** Posts the fields of the profile, `email`, `verified`, `way` (invite, password, none), `password`, `role`s, `group`s. */
  'admin-account-new': ConsolePage & {
    values: Record<string, string>;
    way: 'invite' | 'password' | 'none';
    isVerified: boolean;
    chosenRoles: string[];
    chosenGroups: string[];
    roles: (Named & { isFixed: boolean })[];
    groups: Named[];
    mailIsOn: boolean;
    minimumLength: number;
  };
  'admin-account': ConsolePage &
    Omit<AccountOverview, 'effective' | 'isOutranked' | 'events'> & {
      /** Whether the actor may act on it at all. */
      isWithinReach: boolean;
      isSelf: boolean;
      events: RecordedEvent[];
      /** Of the account and of its groups; `by` names groups. */
      roles: { id: string; name: string; by: string[]; isOwn: boolean }[];
      groups: { id: string; name: string }[];
      permissions: string[];
      mailIsOn: boolean;
    };
  /** Posts `version`, `email`, `verified` and the fields of the profile. */
  'admin-account-edit': ConsolePage & {
    id: string;
    label: string;
    version: number;
    values: Record<string, string>;
    isVerified: boolean;
  };
  /** Posts `version`, `role`s and `group`s. */
  'admin-account-access': ConsolePage & {
    id: string;
    label: string;
    version: number;
    roles: (Named & { isOn: boolean; isFixed: boolean; permissions: number })[];
    groups: (Named & { isOn: boolean; roles: string[] })[];
  };
  /** Posts `password` and `must-change` ("yes"). */
  'admin-account-password': ConsolePage & {
    id: string;
    label: string;
    suggestion: string;
    mustChange: boolean;
    sessions: number;
    minimumLength: number;
  };
};

export type RoleChoice = Pick<Role, 'id' | 'name' | 'description' | 'permissions'>;
export type GroupChoice = Pick<Group, 'id' | 'name' | 'description' | 'roles'>;

declare module '../../http/views.ts' {
  interface Views extends AccountViews {}
}
