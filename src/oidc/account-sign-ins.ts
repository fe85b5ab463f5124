import { Change } from '../redis/change.ts';
import type { Store } from '../redis/redis.ts';
import type { AccountSource } from './claims.ts';
import type { ClientStore } from './client-store.ts';
import { summarise } from './engine-pages.ts';
import type { ClientSummary } from './pages.ts';
import type { SessionStore, StoredSession } from './session-store.ts';
import type { SignedInSession } from './signed-in.ts';
import type { StoredGrant, TokenStore } from './token-store.ts';

/**
 * The sessions and grants of one account. They are found by the account's list of them (redis/keys.ts), which may name
 * some that have ended: each one is looked at.
 */
export type SignInParts = {
  store: Store;
  sessions: SessionStore;
  tokens: TokenStore;
  clients: ClientStore;
  accounts: AccountSource;
};

export function createAccountSignIns({ store, sessions, tokens, clients, accounts }: SignInParts) {
  const { keys } = store;

  async function listed(accountId: string): Promise<{ uids: string[]; tags: string[] }> {
    const members = (await store.call('ZRANGE', keys.accountSignedIn(accountId), 0, -1)) as string[];
    const those = (kind: string) => members.filter((one) => one[0] === kind).map((one) => one.slice(1));
    return { uids: those('s'), tags: those('g') };
  }

  /** Of its sessions, and those that outlive theirs. */
  async function allTags(accountId: string): Promise<string[]> {
    const { uids, tags } = await listed(accountId);
    const found = await Promise.all(uids.map((uid) => sessions.look(uid)));
    return [...new Set([...tags, ...found.flatMap((one) => one?.grantTags ?? [])])];
  }

  async function unlist(accountId: string, members: string[]): Promise<void> {
    if (members.length === 0) return;
    await store.commit(new Change().unlist(keys.accountSignedIn(accountId), members));
  }

  /** What is told about a client, also about one that is gone. */
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

  return {
    summaryOf,

    async liveSessions(accountId: string): Promise<StoredSession[]> {
      const [{ uids }, present] = await Promise.all([listed(accountId), accounts.present(accountId)]);
      const found = await Promise.all(uids.map((uid) => sessions.look(uid)));
      return found.flatMap((one) =>
        one && one.accountId === accountId && one.epoch === present?.epoch ? [one] : [],
      );
    },

    async liveGrants(accountId: string): Promise<StoredGrant[]> {
      const [tags, present] = await Promise.all([allTags(accountId), accounts.present(accountId)]);
      const found = await Promise.all(tags.map((tag) => tokens.look(tag)));
      return found.flatMap((one) =>
        one && one.accountId === accountId && one.epoch === present?.epoch ? [one] : [],
      );
    },

    async describe(session: StoredSession): Promise<SignedInSession> {
      const { uid, signedInAt, lastUsedAt, browser, address, acr, amr, clientIds } = session;
      const summaries = await Promise.all(clientIds.map(summaryOf));
      return { uid, signedInAt, lastUsedAt, browser, address, acr, amr, clients: summaries };
    },

    async endSessions(accountId: string, ending: { uid: string; clientIds: string[] }[]): Promise<void> {
      await Promise.all(ending.map(({ uid, clientIds }) => sessions.endNow(uid, clientIds)));
      await unlist(
        accountId,
        ending.map(({ uid }) => `s${uid}`),
      );
    },

    async endGrants(accountId: string, tags: string[]): Promise<void> {
      await Promise.all(tags.map((tag) => tokens.revokeNow(keys.grant(tag))));
      await unlist(
        accountId,
        tags.map((tag) => `g${tag}`),
      );
    },

    /** All that the list names, whatever has become of it. May be repeated. */
    async endAll(accountId: string): Promise<void> {
      const [{ uids }, tags] = await Promise.all([listed(accountId), allTags(accountId)]);
      await Promise.all([
        ...uids.map(async (uid) => sessions.endNow(uid, (await sessions.look(uid))?.clientIds)),
        ...tags.map((tag) => tokens.revokeNow(keys.grant(tag))),
      ]);
    },
  };
}
