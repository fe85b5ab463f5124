import type { HourCount } from '../events/events.ts';
import type { KeySummary } from '../oidc/key-lifecycle.ts';
import type { Pod } from '../redis/pods.ts';

/** The numbers of the console's first page. */
export type Overview = {
  accounts: number;
  clients: number;
  activeSessions: number;
  /** Of the last 48 hours, the oldest first. */
  signIns: HourCount[];
  /** Of the last 7 days. */
  topClients: { clientId: string; name: string; signIns: number }[];
  pods: Pod[];
  keys: KeySummary[];
};

export type ReadOverview = { read(): Promise<Overview> };
