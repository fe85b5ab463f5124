import type { Access } from '../access/access.ts';
import type { AccountFlows } from '../accounts/account-flows.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Activity } from '../accounts/activity.ts';
import type { AdministerAccounts } from '../accounts/administer.ts';
import type { Directory } from '../accounts/directory.ts';
import type { Factors } from '../accounts/factors.ts';
import type { NewPasswords } from '../accounts/new-password.ts';
import type { OneTimeLinks } from '../accounts/one-time-link.ts';
import type { Events } from '../events/events.ts';
import type { AllSessions } from '../oidc/all-sessions.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Act } from './acts.ts';
import type { Hierarchy } from './hierarchy.ts';

/** What the flows around accounts are made of. */
export type AccountParts = {
  accounts: Pick<Accounts, 'create' | 'find' | 'findByEmail'>;
  administer: AdministerAccounts;
  directory: Pick<Directory, 'search' | 'count'>;
  flows: Pick<AccountFlows, 'resetPassword' | 'deleteAccount'>;
  passwords: Pick<NewPasswords, 'problem'>;
  links: OneTimeLinks;
  factors: Pick<Factors, 'list'>;
  activity: Pick<Activity, 'list'>;
  upstream: Pick<Upstream, 'list' | 'providers'>;
  allSessions: Pick<AllSessions, 'list' | 'grants'>;
  access: Access;
  events: Pick<Events, 'list' | 'act'>;
  act: Act;
  hierarchy: Hierarchy;
};
