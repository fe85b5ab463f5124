import type { Actor } from '../access/actor.ts';
import type { AnySession, GrantSummary } from '../oidc/all-sessions.ts';
import type { Outcome, Page } from './outcome.ts';

export type ManageSessions = {
  list(query: {
    accountId?: string;
    clientId?: string;
    cursor?: string;
    count?: number;
  }): Promise<Page<AnySession>>;
  find(uid: string): Promise<Outcome<AnySession>>;
  count(clientId?: string): Promise<number>;
  end(actor: Actor, uid: string): Promise<Outcome<{ uid: string; accountId: string }>>;
  /** One result for each, in order. */
  endMany(actor: Actor, uids: string[]): Promise<Outcome<{ uid: string; accountId: string }>[]>;
  endOfAccount(actor: Actor, accountId: string): Promise<Outcome<{ ended: number }>>;
  endOfClient(actor: Actor, clientId: string): Promise<Outcome<{ ended: number }>>;
  /** For an owner: those of people who may do more than the actor end as well. */
  endAll(actor: Actor): Promise<Outcome<{ before: number }>>;
  revokeGrant(actor: Actor, id: string): Promise<Outcome<GrantSummary>>;
};
