import { createFactors, type Factors } from '../../src/accounts/factors.ts';
import { startStandalone } from '../support/redis-topologies.ts';
import { type AccountFixture, openAccounts } from './account-fixture.ts';

export type FactorFixture = Awaited<ReturnType<typeof openFactors>>;

export const issuer = 'https://id.example.com';

/** Factors as two pods have them, each with a connection of its own to one real Redis; and a clock to turn. */
export async function openFactors() {
  const topology = await startStandalone({ appendOnly: false });
  const first = await openAccounts(topology.url);
  const second = await openAccounts(topology.url, first.prefix);
  let aheadMs = 0;
  const now = () => Date.now() + aheadMs;
  const on = ({ store, ring, log }: AccountFixture): Factors =>
    createFactors({ store, ring, log, config: { issuer }, now });
  const pods = [on(first), on(second)] as const;
  let number = 0;

  return {
    store: first.store,
    ring: first.ring,
    accounts: first.accounts,
    factors: pods[0],
    now,
    turnClock: (ms: number) => {
      aheadMs += ms;
    },
    readLog: async () => (await first.readLog()) + (await second.readLog()),

    /** @returns its id; it has a password if asked for, as far as a hash is one */
    async account(options: { hasPassword?: boolean } = {}): Promise<string> {
      const made = await first.accounts.create({ email: `person-${++number}@example.com` });
      if (!made.ok) throw new Error(made.problem);
      const { id } = made.account;
      if (options.hasPassword)
        await first.store.call('HSET', first.store.keys.account(id), 'passwordHash', 'x');
      return id;
    },

    /** The same on both pods, twenty at once. */
    atOnce<T>(work: (factors: Factors, index: number) => Promise<T>): Promise<T[]> {
      return Promise.all(
        Array.from({ length: 20 }, (_, index) => work(index % 2 === 0 ? pods[0] : pods[1], index)),
      );
    },

    epoch: async (id: string) => (await first.accounts.find(id))?.epoch,

    /** All that lies in Redis, as one text. */
    async dump(): Promise<string> {
      const { store } = first;
      const found: string[] = [];
      for (const key of (await store.call('KEYS', '*')) as string[]) {
        const type = await store.call('TYPE', key);
        const value =
          type === 'hash'
            ? await store.call('HGETALL', key)
            : type === 'string'
              ? await store.call('GET', key)
              : '';
        found.push(`${key} ${JSON.stringify(value)}`);
      }
      return found.join('\n');
    },

    async close() {
      await first.close();
      await second.close();
      await topology.stop();
    },
  };
}
