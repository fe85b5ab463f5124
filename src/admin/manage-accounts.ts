import type { Effective } from '../access/access.ts';
import type { Actor } from '../access/actor.ts';
import type { Account, Profile } from '../accounts/accounts.ts';
import type { ActivityEntry } from '../accounts/activity.ts';
import type { AccountPatch } from '../accounts/administer.ts';
import type { DirectoryQuery } from '../accounts/directory.ts';
import type { Factor } from '../accounts/factors.ts';
import type { RecordedEvent } from '../events/events.ts';
import type { AnySession, GrantSummary } from '../oidc/all-sessions.ts';
import type { AccountParts } from './account-parts.ts';
import { createChangeAccount } from './change-account.ts';
import { createCreateAccount } from './create-account.ts';
import { createManageCredentials } from './manage-account-credentials.ts';
import { createManageOwners } from './manage-owners.ts';
import type { Outcome, Page, WriteOptions } from './outcome.ts';
import { createReadAccounts } from './read-accounts.ts';
import { createUpdateAccount } from './update-account.ts';

export type AccountDraft = Profile & {
  email: string;
  emailVerified?: boolean;
  /** Left out, the account has none: with `sendsInvitation` its person is mailed a link to choose one. */
  password?: string;
  mustChangePassword?: boolean;
  roles?: string[];
  groups?: string[];
};

/** Everything about one person, for one page. */
export type AccountOverview = {
  account: Account;
  effective: Effective;
  /** Whether the actor may do all that the account may. */
  isOutranked: boolean;
  factors: Factor[];
  sessions: AnySession[];
  grants: GrantSummary[];
  activity: ActivityEntry[];
  /** The latest, as actor and as target; only for who may read the audit. */
  events: RecordedEvent[];
  /** Other providers that it signs in with. */
  upstreams: { id: string; providerName: string; linkedAt: number }[];
};

export type ManageAccounts = {
  search(query: DirectoryQuery): Promise<Page<Account>>;
  /** All, or those who have a role or are in a group themselves. */
  count(of?: { role?: string; group?: string }): Promise<number>;
  find(id: string): Promise<Outcome<Account>>;
  overview(actor: Actor, id: string): Promise<Outcome<AccountOverview>>;
  create(
    actor: Actor,
    draft: AccountDraft,
    /** id: the account's own, when it was asked for before under the same idempotency key */
    options?: WriteOptions & { id?: string; sendsInvitation?: boolean },
  ): Promise<Outcome<Account>>;
  update(actor: Actor, id: string, patch: AccountPatch, options?: WriteOptions): Promise<Outcome<Account>>;
  disable(actor: Actor, id: string, options?: WriteOptions): Promise<Outcome<Account>>;
  enable(actor: Actor, id: string, options?: WriteOptions): Promise<Outcome<Account>>;
  remove(actor: Actor, id: string, options?: WriteOptions): Promise<Outcome<{ id: string }>>;
  setPassword(
    actor: Actor,
    id: string,
    password: string,
    options: WriteOptions & { mustChange: boolean },
  ): Promise<Outcome<Account>>;
  expirePassword(actor: Actor, id: string, options?: WriteOptions): Promise<Outcome<Account>>;
  /** Mails the person a link to choose a new password. */
  sendReset(actor: Actor, id: string): Promise<Outcome<Account>>;
  factors(id: string): Promise<Outcome<Factor[]>>;
  removeFactor(actor: Actor, id: string, factorId: string): Promise<Outcome<Account>>;
  resetFactors(actor: Actor, id: string): Promise<Outcome<Account>>;
  activity(id: string): Promise<Outcome<ActivityEntry[]>>;
  sessions(id: string): Promise<Outcome<AnySession[]>>;
  grants(id: string): Promise<Outcome<GrantSummary[]>>;
  /** A one-time link by which whoever signs in becomes the first owner, or another one. @returns its token */
  inviteOwner(actor: Actor, lifetimeSeconds: number): Promise<Outcome<{ token: string; expiresAt: number }>>;
  /** Makes an account an owner for the token of `inviteOwner`, once. */
  claimOwnership(
    token: string,
    accountId: string,
    from: Pick<Actor, 'requestId' | 'address'>,
  ): Promise<Outcome<Account>>;
};

export function createManageAccounts(parts: AccountParts): ManageAccounts {
  const change = createChangeAccount(parts);
  return {
    ...createReadAccounts(parts),
    create: createCreateAccount(parts),
    ...createUpdateAccount({ ...parts, change }),
    ...createManageCredentials({ ...parts, change }),
    ...createManageOwners(parts),
  };
}
