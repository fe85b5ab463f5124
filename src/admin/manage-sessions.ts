import { permissions } from '../access/access.ts';
import { type Actor, stillMay } from '../access/actor.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { AllSessions, AnySession, GrantSummary } from '../oidc/all-sessions.ts';
import type { RegisteredClients } from '../oidc/registered-clients.ts';
import type { Act } from './acts.ts';
import type { Hierarchy } from './hierarchy.ts';
import { done, endedMeanwhile, notFound, type Outcome, type Page, type Refused } from './outcome.ts';

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
  /** Those of people who may do more than the actor go on. */
  endOfClient(actor: Actor, clientId: string): Promise<Outcome<{ ended: number }>>;
  /** For an owner: those of people who may do more than the actor end as well. */
  endAll(actor: Actor): Promise<Outcome<{ before: number }>>;
  revokeGrant(actor: Actor, id: string): Promise<Outcome<GrantSummary>>;
};

/** How many are ended at once where there may be many. */
const atOnce = 20;
const pageSize = 200;

export function createManageSessions(parts: {
  allSessions: AllSessions;
  accounts: Pick<Accounts, 'find'>;
  clients: Pick<RegisteredClients, 'find'>;
  act: Act;
  hierarchy: Hierarchy;
}): ManageSessions {
  const { allSessions, accounts, clients, act, hierarchy } = parts;

  /** An account that is gone may do nothing. */
  async function mayNotActOn(actor: Actor, accountId: string): Promise<Refused | undefined> {
    const account = await accounts.find(accountId);
    return account && hierarchy.over(actor, account, 'account');
  }

  function end(actor: Actor, uid: string): Promise<Outcome<{ uid: string; accountId: string }>> {
    const target = { kind: 'session', id: uid } as const;
    return act(actor, { kind: 'session.ended', target }, async (note) => {
      const session = await allSessions.find(uid);
      if (!session) return notFound('session');
      const { accountId, browser, signedInAt } = session;
      note({ before: { accountId, browser, signedInAt } });
      const refusal = await mayNotActOn(actor, accountId);
      if (refusal) return refusal;
      const ended = await allSessions.end(uid);
      return ended ? done({ uid, accountId }) : notFound('session');
    });
  }

  /** One at a time, since among the people of a client there may be some who may do more than the actor. */
  async function endOthersOfClient(
    actor: Actor,
    clientId: string,
    mayGoOn: () => Promise<boolean>,
  ): Promise<number> {
    const judged = new Map<string, Promise<Refused | undefined>>();
    const mayNot = (accountId: string) => {
      const known = judged.get(accountId) ?? mayNotActOn(actor, accountId);
      judged.set(accountId, known);
      return known;
    };
    let ended = 0;
    let cursor: string | undefined;
    do {
      const page = await allSessions.list({ clientId, count: pageSize, ...(cursor && { cursor }) });
      for (const some of blocksOf(page.sessions, atOnce)) {
        if (!(await mayGoOn())) return ended;
        const results = await Promise.all(
          some.map(async ({ uid, accountId }) =>
            (await mayNot(accountId)) ? undefined : allSessions.end(uid),
          ),
        );
        ended += results.filter((result) => result !== undefined).length;
      }
      cursor = page.cursor;
    } while (cursor !== undefined);
    return ended;
  }

  /**
   * Asks before each part of a long act whether the actor may go on, and remembers when not. Whose own sign-in ends by
   * the act is asked no more: it was theirs to end.
   */
  async function watchOver(actor: Actor, clientId: string) {
    const own = actor.sessionUid === undefined ? undefined : await allSessions.find(actor.sessionUid);
    const isOwn =
      actor.clientId === clientId || own?.clients.some((client) => client.clientId === clientId) === true;
    const watch = {
      isOver: false,
      async mayGoOn() {
        watch.isOver ||= !isOwn && (await stillMay(actor, 'sessions:end')) === undefined;
        return !watch.isOver;
      },
    };
    return watch;
  }

  return {
    async list(query) {
      const { sessions: items, cursor } = await allSessions.list(query);
      return { items, cursor };
    },

    async find(uid) {
      const session = await allSessions.find(uid);
      return session ? done(session) : notFound('session');
    },

    count: (clientId) => allSessions.count(clientId),
    end,

    async endMany(actor, uids) {
      const results = new Map<string, Outcome<{ uid: string; accountId: string }>>();
      // The actor's own last, so that the others do not stop with it.
      const own = uids.filter((uid) => uid === actor.sessionUid);
      const inOrder = new Set([...uids.filter((uid) => uid !== actor.sessionUid), ...own]);
      for (const some of blocksOf([...inOrder], atOnce)) {
        const now = await stillMay(actor, 'sessions:end');
        await Promise.all(
          some.map(async (uid) => results.set(uid, now ? await end(now, uid) : endedMeanwhile())),
        );
      }
      return uids.map((uid) => results.get(uid) ?? notFound('session'));
    },

    endOfAccount: (actor, accountId) =>
      act(actor, { kind: 'sessions.ended', target: { kind: 'account', id: accountId } }, async (note) => {
        const account = await accounts.find(accountId);
        if (!account) return notFound('account');
        note({ target: { kind: 'account', id: accountId, name: account.email } });
        const refusal = await hierarchy.over(actor, account, 'account');
        if (refusal) return refusal;
        const ended = await allSessions.endOfAccount(accountId);
        note({ after: { ended } });
        return done({ ended });
      }),

    endOfClient: (actor, clientId) =>
      act(
        actor,
        { kind: 'sessions.ended', target: { kind: 'client', id: clientId }, clientId },
        async (note) => {
          if (!(await clients.find(clientId))) return notFound('client');
          const isOwner = !hierarchy.overPermissions(actor, permissions, 'client');
          const watch = await watchOver(actor, clientId);
          const ended = isOwner
            ? await allSessions.endOfClient(clientId, watch.mayGoOn)
            : await endOthersOfClient(actor, clientId, watch.mayGoOn);
          note({ after: { ended } });
          return watch.isOver ? endedMeanwhile(`${ended} sessions had ended by then.`) : done({ ended });
        },
      ),

    endAll: (actor) =>
      act(actor, { kind: 'sessions.ended', target: { kind: 'session', id: 'all' } }, async (note) => {
        const refusal = hierarchy.overPermissions(actor, permissions, 'act');
        if (refusal) return refusal;
        const ended = await allSessions.endAll();
        note({ after: ended });
        return done(ended);
      }),

    revokeGrant: (actor, id) =>
      act(actor, { kind: 'grant.revoked', target: { kind: 'grant', id } }, async (note) => {
        const grant = await allSessions.findGrant(id);
        if (!grant) return notFound('grant');
        const { accountId, client, scopes, resources } = grant;
        note({ before: { accountId, clientId: client.clientId, scopes, resources } });
        const refusal = await mayNotActOn(actor, accountId);
        if (refusal) return refusal;
        const revoked = await allSessions.revokeGrant(id);
        return revoked ? done(revoked) : notFound('grant');
      }),
  };
}

function* blocksOf<T>(things: T[], size: number): Generator<T[]> {
  for (let from = 0; from < things.length; from += size) yield things.slice(from, from + size);
}
