/**
 * The door to administration: what may be done to accounts, clients, resources, roles, sessions, keys and settings,
 * by whom, and that it is in the audit trail. The console, the API and the command line are three ways to the same
 * flows (`Admin`).
 *
 * It owns who may do what to whom, and how it is told. It does not own the things themselves (accounts/, oidc/,
 * access/, settings/) nor what is recorded of them (events/).
 */
import type { Events } from '../events/events.ts';
import type { AllSessions } from '../oidc/all-sessions.ts';
import type { KeyLifecycle } from '../oidc/key-lifecycle.ts';
import type { RegisteredClients } from '../oidc/registered-clients.ts';
import type { Resources } from '../oidc/resources.ts';
import type { Pods } from '../redis/pods.ts';
import type { LiveSettings } from '../settings/settings.ts';
import type { AccountParts } from './account-parts.ts';
import { createAct } from './acts.ts';
import { createDeclarations, type Declarations } from './declared/declared.ts';
import type { DeclaredMarks } from './declared/declared-marks-store.ts';
import { createHierarchy } from './hierarchy.ts';
import {
  createManageGroups,
  createManageRoles,
  type ManageGroups,
  type ManageRoles,
} from './manage-access.ts';
import { createManageAccounts, type ManageAccounts } from './manage-accounts.ts';
import { createManageClients, type ManageClients } from './manage-clients.ts';
import { createManageKeys, type ManageKeys } from './manage-keys.ts';
import { createManageResources, type ManageResources } from './manage-resources.ts';
import { createManageSessions, type ManageSessions } from './manage-sessions.ts';
import { createManageSettings, type ManageSettings } from './manage-settings.ts';
import { createReadOverview, type ReadOverview } from './overview.ts';
import { createVerifyEvents, type VerifyEvents } from './verify-events.ts';

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
  /** Files that say what there is to be. */
  declarations: Declarations;
  events: Pick<Events, 'list' | 'find' | 'after' | 'export' | 'act'>;
  verifyEvents: VerifyEvents;
};

export type AdminParts = Omit<AccountParts, 'act' | 'hierarchy' | 'events' | 'allSessions'> & {
  events: Events;
  allSessions: AllSessions;
  clients: RegisteredClients;
  resources: Resources;
  keys: KeyLifecycle;
  settings: LiveSettings;
  pods: Pick<Pods, 'list'>;
  marks: DeclaredMarks;
  issuer: string;
  /** What the environment decides, for people; see environment.ts. */
  environment: { name: string; value: string }[];
};

export function createAdmin(parts: AdminParts): Admin {
  const { events, access } = parts;
  const act = createAct(events);
  const hierarchy = createHierarchy(access);
  const inner = { ...parts, act, hierarchy };
  const admin = {
    accounts: createManageAccounts(inner),
    clients: createManageClients(inner),
    resources: createManageResources(inner),
    roles: createManageRoles(inner),
    groups: createManageGroups(inner),
    sessions: createManageSessions(inner),
    keys: createManageKeys(inner),
    settings: createManageSettings(inner),
    overview: createReadOverview(parts),
    events,
    verifyEvents: createVerifyEvents(events),
  };
  return { ...admin, declarations: createDeclarations(admin, parts.marks) };
}
