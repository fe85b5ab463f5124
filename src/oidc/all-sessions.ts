import { nowMs } from '../clock.ts';
import { createAccountSignIns, type SignInParts } from './account-sign-ins.ts';
import type { Eras } from './eras.ts';
import type { StoredSession } from './session-store.ts';
import type { ConnectedApplication, SignedInSession } from './signed-in.ts';
import { pageDown } from './sorted-page.ts';
import type { StoredGrant } from './token-store.ts';

/** All sign-in sessions and grants, for administrators. Times are ms since the epoch. */
export type AnySession = SignedInSession & { accountId: string };

export type GrantSummary = {
  id: string;
  accountId: string;
  client: ConnectedApplication['client'];
  scopes: string[];
  resources: Record<string, string[]>;
  isOffline: boolean;
};

export type AllSessions = {
  /** The latest first. Those of an account are given whole, without a cursor. */
  list(query: {
    accountId?: string;
    clientId?: string;
    cursor?: string;
    /** 1 to 200, default 50. A page may hold fewer, also when others follow. */
    count?: number;
  }): Promise<{ sessions: AnySession[]; cursor: string | undefined }>;
  find(uid: string): Promise<AnySession | undefined>;
  /** About how many there are, of one client or of all. */
  count(clientId?: string): Promise<number>;
  /** @returns the account that was signed in; undefined when there is no such session */
  end(uid: string): Promise<{ accountId: string } | undefined>;
  /** @returns how many were ended */
  endOfAccount(accountId: string): Promise<number>;
  /** @param mayGoOn asked before each block of them; they may be many */
  endOfClient(clientId: string, mayGoOn?: () => Promise<boolean>): Promise<number>;
  /** Everything that was signed in before now ends, on every pod within a second, whatever their number. */
  endAll(): Promise<{ before: number }>;
  grants(accountId: string): Promise<GrantSummary[]>;
  /**
   * Ends all that a client was granted by what `work` does, but for what these people granted it. Cut short, or when
   * somebody else ends it all at the same moment, it ends theirs as well.
   */
  sparing<T extends { ok: boolean }>(
    clientId: string,
    accountIds: string[],
    work: () => Promise<T>,
  ): Promise<T>;
  findGrant(id: string): Promise<GrantSummary | undefined>;
  /** @returns the grant as it was; undefined when there is none */
  revokeGrant(id: string): Promise<GrantSummary | undefined>;
};

const usualCount = 50;
const mostCount = 200;
/** Sessions that are ended at once by the end of all of a client. */
const endedAtOnce = 50;

export function createAllSessions(
  parts: SignInParts & {
    eras: Eras;
    /** Of a client; see registered-clients.ts. */
    revokeGrants(clientId: string): Promise<unknown>;
  },
): AllSessions {
  const { store, sessions, tokens, clients, accounts, eras, revokeGrants } = parts;
  const { keys } = store;
  const signIns = createAccountSignIns(parts);

  function listOf(era: number, clientId: string | undefined): string {
    return clientId === undefined ? keys.sessionsOf(era) : keys.sessionsOfClient(era, clientId);
  }

  async function live(uid: string): Promise<StoredSession | undefined> {
    const found = await sessions.look(uid);
    if (!found) return undefined;
    const present = await accounts.present(found.accountId);
    return present?.epoch === found.epoch ? found : undefined;
  }

  const describe = async (session: StoredSession): Promise<AnySession> => ({
    ...(await signIns.describe(session)),
    accountId: session.accountId,
  });

  async function summarise(grant: StoredGrant): Promise<GrantSummary> {
    const { tag, accountId, clientId, scopes, resources } = grant;
    return {
      id: tag,
      accountId,
      client: await signIns.summaryOf(clientId),
      scopes,
      resources,
      isOffline: scopes.includes('offline_access'),
    };
  }

  async function findGrant(id: string): Promise<GrantSummary | undefined> {
    await eras.now();
    const grant = await tokens.look(id);
    const present = grant && (await accounts.present(grant.accountId));
    return grant && present?.epoch === grant.epoch ? summarise(grant) : undefined;
  }

  return {
    async list({ accountId, clientId, cursor, count = usualCount }) {
      const era = await eras.now();
      if (accountId !== undefined) {
        const all = await signIns.liveSessions(accountId);
        const found = all.filter(({ clientIds }) => clientId === undefined || clientIds.includes(clientId));
        found.sort((a, b) => b.lastUsedAt - a.lastUsedAt);
        return { sessions: await Promise.all(found.map(describe)), cursor: undefined };
      }
      const page = await pageDown(store, listOf(era, clientId), {
        cursor,
        count: Math.min(Math.max(Math.trunc(count) || usualCount, 1), mostCount),
      });
      const found = await Promise.all(page.found.map(({ member }) => live(member)));
      const present = found.filter((one) => one !== undefined);
      return { sessions: await Promise.all(present.map(describe)), cursor: page.cursor };
    },

    async find(uid) {
      await eras.now();
      const found = await live(uid);
      return found && describe(found);
    },

    async count(clientId) {
      const key = listOf(await eras.now(), clientId);
      return Number(await store.call('ZCOUNT', key, nowMs(), '+inf'));
    },

    async end(uid) {
      const found = await sessions.look(uid);
      if (!found) return undefined;
      await signIns.endSessions(found.accountId, [found]);
      return { accountId: found.accountId };
    },

    async endOfAccount(accountId) {
      const found = await signIns.liveSessions(accountId);
      await signIns.endAll(accountId);
      return found.length;
    },

    async endOfClient(clientId, mayGoOn = async () => true) {
      // What it was granted goes first, and at once; its sessions after it, and again where this is cut short.
      await revokeGrants(clientId);
      const key = listOf(await eras.now(), clientId);
      let ended = 0;
      let cursor: string | undefined;
      do {
        const page = await pageDown(store, key, { cursor, count: endedAtOnce });
        const found = await Promise.all(page.found.map(({ member }) => sessions.look(member)));
        const ending = found.filter((one) => one?.clientIds.includes(clientId)) as StoredSession[];
        await Promise.all(ending.map((one) => signIns.endSessions(one.accountId, [one])));
        ended += ending.length;
        cursor = page.cursor;
      } while (cursor !== undefined && (await mayGoOn()));
      return ended;
    },

    async endAll() {
      const { era, before } = await eras.beginNext();
      // Those of clients, and this one if it stays, expire.
      await store.call('UNLINK', keys.sessionsOf(era - 1)).catch(() => {});
      return { before };
    },

    async grants(accountId) {
      await eras.now();
      return Promise.all((await signIns.liveGrants(accountId)).map(summarise));
    },

    async sparing(clientId, accountIds, work) {
      const before = await clients.eraNow(clientId);
      const tags: string[] = [];
      for (const some of blocksOf(accountIds, endedAtOnce)) {
        const grants = (await Promise.all(some.map(signIns.liveGrants))).flat();
        tags.push(...grants.filter((grant) => grant.clientId === clientId).map(({ tag }) => tag));
      }
      const done = await work();
      const isByUs = done.ok && (await clients.eraNow(clientId)) === before + 1;
      if (!isByUs) return done;
      for (const some of blocksOf(tags, endedAtOnce)) {
        await Promise.all(some.map((tag) => tokens.carryOver(tag, before + 1)));
      }
      return done;
    },

    findGrant,

    async revokeGrant(id) {
      const grant = await findGrant(id);
      if (grant) await signIns.endGrants(grant.accountId, [grant.id]);
      return grant;
    },
  };
}

function* blocksOf<T>(things: T[], size: number): Generator<T[]> {
  for (let from = 0; from < things.length; from += size) yield things.slice(from, from + size);
}
