/**
 * The door to administration: what may be done to accounts, clients, resources, roles, sessions, keys and settings,
 * by whom, and that it is in the audit trail. The console, the API and the command line are three ways to the same
 * flows (`Admin`).
 *
 * It owns who may do what to whom, and how it is told. It does not own the things themselves (accounts/, oidc/,
 * access/, settings/) nor what is recorded of them (events/).
 */
import type { Events } from '../events/events.ts';
import type { ManageGroups, ManageRoles } from './manage-access.ts';
import type { ManageAccounts } from './manage-accounts.ts';
import type { ManageClients } from './manage-clients.ts';
import type { ManageKeys } from './manage-keys.ts';
import type { ManageResources } from './manage-resources.ts';
import type { ManageSessions } from './manage-sessions.ts';
import type { ManageSettings } from './manage-settings.ts';
import type { ReadOverview } from './overview.ts';

/**
 * Every function throws `Unavailable` when Redis cannot answer. Those that take an actor have had its permission for
 * the act checked by their caller's route; whether it may be done to this very thing they check themselves.
 */
export type Admin = {
  accounts: ManageAccounts;
  clients: ManageClients;
  resources: ManageResources;
  roles: ManageRoles;
  groups: ManageGroups;
  sessions: ManageSessions;
  keys: ManageKeys;
  settings: ManageSettings;
  overview: ReadOverview;
  events: Pick<Events, 'list' | 'find' | 'after' | 'export' | 'verify' | 'act'>;
};
