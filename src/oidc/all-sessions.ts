import type { ConnectedApplication, SignedInSession } from './signed-in.ts';

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
  endOfClient(clientId: string): Promise<number>;
  /** Everything that was signed in before now ends, on every pod within a second, whatever their number. */
  endAll(): Promise<{ before: number }>;
  grants(accountId: string): Promise<GrantSummary[]>;
  /** @returns the grant as it was; undefined when there is none */
  revokeGrant(id: string): Promise<GrantSummary | undefined>;
};
