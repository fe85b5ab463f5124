import { expect } from 'chai';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { openStore, type Store } from '../../src/redis/redis.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { dataForm, faultOf, openSchema, readSchema } from '../../src/redis/schema.ts';
import { startPod, testKeys } from '../support/pods.ts';
import { startCluster, startStandalone, type Topology } from '../support/redis-topologies.ts';

for (const [where, start] of [
  ['one Redis', () => startStandalone({ appendOnly: false })],
  ['a Redis Cluster', () => startCluster()],
] as const) {
  describe(`the form of the data in ${where}`, () => {
    let redis: Topology;
    let stores: Store[] = [];
    let count = 0;

    before(async function () {
      this.timeout(60_000);
      redis = await start();
    });
    after(() => redis?.stop());
    beforeEach(async () => {
      count += 1;
      stores = [open(), open()];
      await Promise.all(stores.map((one) => one.whenReady(5000)));
    });
    afterEach(() => Promise.all(stores.map((one) => one.close())));

    function open(): Store {
      const config = readConfig({
        HOLDFAST_ISSUER: 'https://id.example.com',
        HOLDFAST_KEYS: testKeys,
        REDIS_URL: redis.url,
        HOLDFAST_REDIS_PREFIX: `schema-${count}:`,
      });
      return openStore(config, parseRedisUrl(redis.url), createLog('silent', 'test'));
    }
    const first = () => stores[0] as Store;

    async function mark(fields: Record<string, string | number>): Promise<void> {
      const store = first();
      await store.call('HSET', store.keys.schema(), ...Object.entries(fields).flat());
    }

    it('is written once, by whichever of twenty pods is first on an empty Redis', async () => {
      const opened = await Promise.all(
        Array.from({ length: 20 }, (_, i) => openSchema(stores[i % 2] as Store, { expectsData: false })),
      );
      for (const one of opened) {
        if (!one.ok) throw new Error(one.fault);
        expect(one.schema).to.include({ form: dataForm.written, reader: dataForm.reader });
      }
      expect(await first().read(first().keys.schema())).to.deep.equal({ form: '1', reader: '1' });
    });

    it('is not written over', async () => {
      await mark({ form: 7, reader: 1 });
      await Promise.all(stores.map((one) => openSchema(one, { expectsData: true })));
      expect(await readSchema(first())).to.include({ form: 7, reader: 1 });
    });

    it('is 1 where there is data without a mark', async () => {
      const store = first();
      await store.call('HSET', store.keys.keyRing(), 'root', 'sealed');
      const opened = await openSchema(store, { expectsData: true });
      expect(opened.ok && opened.schema.form).to.equal(1);
      expect(await store.read(store.keys.schema())).to.deep.equal({ form: '1', reader: '1' });
    });

    it('lets a version start beside a later one that it can still read', async () => {
      await mark({ form: dataForm.known + 1, reader: dataForm.known });
      expect((await openSchema(first(), { expectsData: false })).ok).to.equal(true);
    });

    it('keeps a version from starting on data that only a later one can read', async () => {
      await mark({ form: dataForm.known + 2, reader: dataForm.known + 1 });
      const opened = await openSchema(first(), { expectsData: false });
      expect(opened).to.have.property('fault').that.includes('takes a version of Holdfast that knows form 2');
    });

    it('keeps pods from starting while a backup is put in, but not who puts it in', async () => {
      await mark({ restore: 'some-backup', begun: 1_700_000_000_000, step: 'loading', chunk: 3 });
      const opened = await openSchema(first(), { expectsData: false });
      expect(opened).to.have.property('fault').that.includes('since 2023-11-14T22:13:20.000Z');
      expect((await openSchema(first(), { expectsData: false, mayBeRestoring: true })).ok).to.equal(true);
    });

    it('takes an empty Redis for a loss where data is expected, and writes nothing', async () => {
      const opened = await openSchema(first(), { expectsData: true });
      expect(opened).to.have.property('fault').that.includes('HOLDFAST_EXPECT_DATA');
      expect(await readSchema(first())).to.equal(undefined);
    });
  });
}

describe('a pod that starts', () => {
  let redis: Topology;
  before(async () => {
    redis = await startStandalone({ appendOnly: false });
  });
  after(() => redis?.stop());

  const start = (name: string, environment: Record<string, string>) =>
    startPod({ name, issuer: 'http://id.example', redisUrl: redis.url, environment });

  it('refuses an empty Redis with HOLDFAST_EXPECT_DATA, and takes one that has data', async () => {
    const expecting = { HOLDFAST_EXPECT_DATA: 'true', HOLDFAST_REDIS_PREFIX: 'guarded:' };
    const failure = await start('wary', expecting).catch((error: Error) => error);
    expect(failure).to.be.an('error');
    expect(String(failure)).to.include('Holdfast cannot start').and.include('this Redis is empty');
    const one = await start('first', { HOLDFAST_REDIS_PREFIX: 'guarded:' });
    await one.kill('SIGTERM');
    const two = await start('second', expecting);
    await two.kill('SIGKILL');
  });
});

describe('which data this code may read', () => {
  it('goes by the least form that is asked for, not by the form itself', () => {
    expect(faultOf({ form: 9, reader: 3 }, 3)).to.equal(undefined);
    expect(faultOf({ form: 9, reader: 4 }, 3)).to.match(/form 9.*knows form 4.*knows 3/);
  });
});
