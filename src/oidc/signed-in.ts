import type { Context } from 'koa';
import { createAccountSignIns, type SignInParts } from './account-sign-ins.ts';
import type { ClientSummary } from './pages.ts';
import type { StoredGrant } from './token-store.ts';

/**
 * Where an account is signed in, and which clients may act for it, for the person who has it.
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
  /** Whether the second factor was left out because the account trusts the browser. */
  isTrusted: boolean;
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

export function createSignedIn(
  parts: SignInParts & { sessionCookie(ctx: Context): string | undefined },
): SignedIn {
  const { sessions, accounts, sessionCookie } = parts;
  const signIns = createAccountSignIns(parts);

  return {
    async current(ctx) {
      const cookie = sessionCookie(ctx);
      const found = cookie === undefined ? undefined : await sessions.shown(cookie);
      if (!found) return undefined;
      const present = await accounts.present(found.accountId);
      return present?.epoch === found.epoch ? found : undefined;
    },

    async sessions(accountId) {
      const live = await signIns.liveSessions(accountId);
      live.sort((a, b) => b.lastUsedAt - a.lastUsedAt);
      return Promise.all(live.map(signIns.describe));
    },

    async endSession(accountId, uid) {
      const found = await sessions.look(uid);
      if (found?.accountId !== accountId) return false;
      await signIns.endSessions(accountId, [found]);
      return true;
    },

    async endOtherSessions(accountId, keptUid) {
      const others = (await signIns.liveSessions(accountId)).filter(({ uid }) => uid !== keptUid);
      await signIns.endSessions(accountId, others);
      return others.length;
    },

    endAll: signIns.endAll,

    carryOver: (uid, from, to) => sessions.carryOver(uid, from, to),

    async applications(accountId) {
      const byClient = new Map<string, StoredGrant[]>();
      for (const grant of await signIns.liveGrants(accountId)) {
        byClient.set(grant.clientId, [...(byClient.get(grant.clientId) ?? []), grant]);
      }
      const applications = await Promise.all(
        [...byClient].map(async ([clientId, grants]) => {
          const scopes = [...new Set(grants.flatMap((grant) => grant.scopes))];
          const resources: Record<string, string[]> = Object.create(null);
          for (const grant of grants) {
            for (const [indicator, granted] of Object.entries(grant.resources)) {
              resources[indicator] = [...new Set([...(resources[indicator] ?? []), ...granted])];
            }
          }
          return {
            client: await signIns.summaryOf(clientId),
            scopes,
            resources,
            isOffline: scopes.includes('offline_access'),
          };
        }),
      );
      return applications.sort((a, b) => a.client.name.localeCompare(b.client.name));
    },

    async disconnect(accountId, clientId) {
      const grants = (await signIns.liveGrants(accountId)).filter((grant) => grant.clientId === clientId);
      await signIns.endGrants(
        accountId,
        grants.map(({ tag }) => tag),
      );
      return grants.length;
    },
  };
}
