import { expect } from 'chai';
import { readConfig } from '../../src/config.ts';
import { Unavailable } from '../../src/errors.ts';
import { createLog } from '../../src/log.ts';
import { Change, type Outcome } from '../../src/redis/change.ts';
import { openStore, type Store } from '../../src/redis/redis.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { testKeys } from '../support/pods.ts';
import { startCluster, startSentinel, type Topology } from '../support/redis-topologies.ts';

const topologies: [name: string, start: () => Promise<Topology>][] = [
  ['Sentinel', () => startSentinel({ replicas: 1, sentinels: 1 })],
  ['a Cluster', () => startCluster({ primaries: 3, replicasPerPrimary: 1 })],
];

/** Tries the same write until it counts; what says that it does not is `Unavailable` and nothing else. */
async function untilHeld(write: () => Promise<Outcome>): Promise<void> {
  for (;;) {
    try {
      expect(await write()).to.deep.equal({ ok: true });
      return;
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
    }
  }
}

for (const [name, start] of topologies) {
  describe(`durable writes on ${name}`, () => {
    let redis: Topology;
    let store: Store;

    before(async function () {
      this.timeout(60_000);
      redis = await start();
      const config = readConfig({
        HOLDFAST_ISSUER: 'https://id.example.com',
        HOLDFAST_KEYS: testKeys,
        REDIS_URL: redis.url,
        HOLDFAST_DURABLE_REPLICAS: '1',
        HOLDFAST_DURABLE_TIMEOUT_MS: '700',
      });
      store = openStore(config, parseRedisUrl(redis.url), createLog('silent', 'test'));
      await store.whenReady(10_000);
    });
    after(async () => {
      await store?.close();
      await redis?.stop();
    });

    it('are answered once a replica holds them; when none can, they are unavailable and reads go on', async function () {
      this.timeout(30_000);
      const change = (value: string) => new Change().durable().set('{d:1}', 60_000, { value });
      // A replica that was just started may still be taking its first copy.
      await untilHeld(() => store.commit(change('held')));

      const replicas = redis.processes.filter(({ role }) => role === 'replica');
      expect(replicas.length).to.be.greaterThan(0);
      for (const replica of replicas) await replica.kill('SIGSTOP');
      try {
        const writing = store.commit(change('alone')).then(
          () => undefined,
          (error: unknown) => error,
        );
        // While that one waits for the replica, the same server still answers reads.
        const seen = await store.read('{d:1}');
        expect(seen?.value).to.be.oneOf(['held', 'alone']);
        const error = await writing;
        expect(error).to.be.instanceOf(Unavailable);
        expect((error as Unavailable).message).to.include('held by 0 of 1');
      } finally {
        for (const replica of replicas) await replica.kill('SIGCONT');
      }
      // A second try of the same write finds the replica again.
      await untilHeld(() => store.commit(change('again')));
    });

    it('that do not have to last do not wait', async () => {
      const replicas = redis.processes.filter(({ role }) => role === 'replica');
      for (const replica of replicas) await replica.kill('SIGSTOP');
      try {
        const brief = new Change().set('{d:2}', 60_000, { value: 'brief' });
        expect(await store.commit(brief)).to.deep.equal({ ok: true });
      } finally {
        for (const replica of replicas) await replica.kill('SIGCONT');
      }
    });
  });
}
