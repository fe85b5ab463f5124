import type { Context } from 'koa';
import { Change } from '../redis/change.ts';
import type { Store } from '../redis/redis.ts';
import type { AccountSource } from './claims.ts';
import type { ClientStore } from './client-store.ts';
import { summarise } from './engine-pages.ts';
import type { ClientSummary } from './pages.ts';
import type { SessionStore, StoredSession } from './session-store.ts';
import type { StoredGrant, TokenStore } from './token-store.ts';

/**
 * Where an account is signed in, and which clients may act for it. Sessions and grants are found by the account's
 * list of them (redis/keys.ts), which may name some that have ended: each one is looked at.
 *
 * Times are ms since the epoch.
 */
export type SignedInSession = {
  uid: string;
  signedInAt: number;
  lastUsedAt: number;
  /** Such as "Firefox, Linux"; empty where it is not known. */
  browser: string;
  /** IP address at sign-in; empty where it is not known. */
  address: string;
  acr: string | undefined;
  amr: string[];
  clients: (ClientSummary & { clientId: string })[];
};

export type ConnectedApplication = {
  client: ClientSummary & { clientId: string };
  /** Of all its grants together. */
  scopes: string[];
  resources: Record<string, string[]>;
  /** Whether it may act while nobody is signed in (offline_access). */
  isOffline: boolean;
};

/** The session that a browser shows with a request. */
export type BrowserSession = {
  uid: string;
  accountId: string;
  epoch: number;
  signedInAt: number;
  acr: string | undefined;
  amr: string[];
  /** Whether it will do for the client alone that it was made for, which asks for no second factor. */
  isWaived: boolean;
};

export type SignedIn = {
  /** undefined when nobody is signed in, or what was signed in has ended */
  current(ctx: Context): Promise<BrowserSession | undefined>;
  /** The most recently used first. */
  sessions(accountId: string): Promise<SignedInSession[]>;
  /** Ends one session, with the tokens that end with it. @returns false when the account has no such session */
  endSession(accountId: string, uid: string): Promise<boolean>;
  /** Ends all of them but one. @returns how many were ended */
  endOtherSessions(accountId: string, keptUid: string): Promise<number>;
  /** Ends every session and every grant; for an account that goes. May be repeated. */
  endAll(accountId: string): Promise<void>;
  /**
   * Keeps one session signed in when the account's epoch has counted up for a reason that its own person had.
   * @param from the epoch at which it was signed in
   */
  carryOver(uid: string, from: number, to: number): Promise<boolean>;
  applications(accountId: string): Promise<ConnectedApplication[]>;
  /** Ends every grant of this client, with all its tokens. @returns how many were ended */
  disconnect(accountId: string, clientId: string): Promise<number>;
};

export function createSignedIn(parts: {
  store: Store;
  sessions: SessionStore;
  tokens: TokenStore;
  clients: ClientStore;
  accounts: AccountSource;
  sessionCookie(ctx: Context): string | undefined;
}): SignedIn {
  const { store, sessions, tokens, clients, accounts, sessionCookie } = parts;
  const { keys } = store;

  async function listed(accountId: string): Promise<{ uids: string[]; tags: string[] }> {
    const members = (await store.call('ZRANGE', keys.accountSignedIn(accountId), 0, -1)) as string[];
    const those = (kind: string) => members.filter((one) => one[0] === kind).map((one) => one.slice(1));
    return { uids: those('s'), tags: those('g') };
  }

  async function liveSessions(accountId: string): Promise<StoredSession[]> {
    const [{ uids }, present] = await Promise.all([listed(accountId), accounts.present(accountId)]);
    const found = await Promise.all(uids.map((uid) => sessions.look(uid)));
    return found.flatMap((one) =>
      one && one.accountId === accountId && one.epoch === present?.epoch ? [one] : [],
    );
  }

  /** Those of its sessions, and those that outlive theirs. */
  async function allTags(accountId: string): Promise<string[]> {
    const { uids, tags } = await listed(accountId);
    const found = await Promise.all(uids.map((uid) => sessions.look(uid)));
    return [...new Set([...tags, ...found.flatMap((one) => one?.grantTags ?? [])])];
  }

  async function liveGrants(accountId: string): Promise<StoredGrant[]> {
    const [tags, present] = await Promise.all([allTags(accountId), accounts.present(accountId)]);
    const found = await Promise.all(tags.map((tag) => tokens.look(tag)));
    return found.flatMap((one) =>
      one && one.accountId === accountId && one.epoch === present?.epoch ? [one] : [],
    );
  }

  async function summaryOf(clientId: string): Promise<ClientSummary & { clientId: string }> {
    const metadata = await clients.find(clientId);
    const text = (name: string) => metadata?.[name] as string | undefined;
    return {
      ...summarise({
        clientId,
        clientName: text('client_name'),
        clientUri: text('client_uri'),
        logoUri: text('logo_uri'),
        policyUri: text('policy_uri'),
        tosUri: text('tos_uri'),
        redirectUris: metadata?.redirect_uris as string[] | undefined,
      }),
      clientId,
    };
  }

  async function end(accountId: string, uids: string[]): Promise<void> {
    await Promise.all(uids.map((uid) => sessions.endNow(uid)));
    const list = keys.accountSignedIn(accountId);
    await store.commit(
      new Change().unlist(
        list,
        uids.map((uid) => `s${uid}`),
      ),
    );
  }

  return {
    async current(ctx) {
      const cookie = sessionCookie(ctx);
      const found = cookie === undefined ? undefined : await sessions.shown(cookie);
      if (!found) return undefined;
      const present = await accounts.present(found.accountId);
      return present?.epoch === found.epoch ? found : undefined;
    },

    async sessions(accountId) {
      const live = await liveSessions(accountId);
      live.sort((a, b) => b.lastUsedAt - a.lastUsedAt);
      return Promise.all(
        live.map(async ({ uid, signedInAt, lastUsedAt, browser, address, acr, amr, clientIds }) => ({
          uid,
          signedInAt,
          lastUsedAt,
          browser,
          address,
          acr,
          amr,
          clients: await Promise.all(clientIds.map(summaryOf)),
        })),
      );
    },

    async endSession(accountId, uid) {
      const found = await sessions.look(uid);
      if (found?.accountId !== accountId) return false;
      await end(accountId, [uid]);
      return true;
    },

    async endOtherSessions(accountId, keptUid) {
      const { uids } = await listed(accountId);
      const found = await Promise.all(uids.map((uid) => sessions.look(uid)));
      const others = found.flatMap((one) =>
        one && one.accountId === accountId && one.uid !== keptUid ? [one.uid] : [],
      );
      await end(accountId, others);
      return others.length;
    },

    async endAll(accountId) {
      const [{ uids }, tags] = await Promise.all([listed(accountId), allTags(accountId)]);
      await Promise.all([
        ...uids.map((uid) => sessions.endNow(uid)),
        ...tags.map((tag) => tokens.revokeNow(keys.grant(tag))),
      ]);
    },

    carryOver: (uid, from, to) => sessions.carryOver(uid, from, to),

    async applications(accountId) {
      const byClient = new Map<string, StoredGrant[]>();
      for (const grant of await liveGrants(accountId)) {
        byClient.set(grant.clientId, [...(byClient.get(grant.clientId) ?? []), grant]);
      }
      const applications = await Promise.all(
        [...byClient].map(async ([clientId, grants]) => {
          const scopes = [...new Set(grants.flatMap((grant) => grant.scopes))];
          const resources: Record<string, string[]> = {};
          for (const grant of grants) {
            for (const [indicator, granted] of Object.entries(grant.resources)) {
              resources[indicator] = [...new Set([...(resources[indicator] ?? []), ...granted])];
            }
          }
          return {
            client: await summaryOf(clientId),
            scopes,
            resources,
            isOffline: scopes.includes('offline_access'),
          };
        }),
      );
      return applications.sort((a, b) => a.client.name.localeCompare(b.client.name));
    },

    async disconnect(accountId, clientId) {
      const grants = (await liveGrants(accountId)).filter((grant) => grant.clientId === clientId);
      await Promise.all(grants.map(({ tag }) => tokens.revokeNow(keys.grant(tag))));
      await store.commit(
        new Change().unlist(
          keys.accountSignedIn(accountId),
          grants.map(({ tag }) => `g${tag}`),
        ),
      );
      return grants.length;
    },
  };
}
