import type { Directory } from '../accounts/directory.ts';
import type { Events, HourCount } from '../events/events.ts';
import type { AllSessions } from '../oidc/all-sessions.ts';
import type { KeyLifecycle, KeySummary } from '../oidc/key-lifecycle.ts';
import type { RegisteredClients } from '../oidc/registered-clients.ts';
import type { Pod, Pods } from '../redis/pods.ts';

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

const hours = 48;
const days = 7;

export function createReadOverview(parts: {
  directory: Pick<Directory, 'count'>;
  clients: Pick<RegisteredClients, 'count' | 'find'>;
  allSessions: Pick<AllSessions, 'count'>;
  events: Pick<Events, 'signInsByHour' | 'topClients'>;
  pods: Pick<Pods, 'list'>;
  keys: Pick<KeyLifecycle, 'list'>;
}): ReadOverview {
  const { directory, clients, allSessions, events, pods, keys } = parts;

  async function topClients(): Promise<Overview['topClients']> {
    const top = await events.topClients(days);
    return Promise.all(
      top.map(async ({ clientId, signIns }) => {
        const name = (await clients.find(clientId))?.metadata.client_name;
        // One that was removed meanwhile is known by its id.
        return { clientId, name: typeof name === 'string' ? name : clientId, signIns };
      }),
    );
  }

  return {
    async read() {
      const [accountCount, clientCount, activeSessions, signIns, top, alive, keyList] = await Promise.all([
        directory.count(),
        clients.count(),
        allSessions.count(),
        events.signInsByHour(hours),
        topClients(),
        pods.list(),
        keys.list(),
      ]);
      return {
        accounts: accountCount,
        clients: clientCount,
        activeSessions,
        signIns,
        topClients: top,
        pods: alive,
        keys: keyList,
      };
    },
  };
}
