import { expect } from 'chai';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { Change } from '../../src/redis/change.ts';
import { openStore, type Store } from '../../src/redis/redis.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { testKeys } from '../support/pods.ts';
import { startCluster, startStandalone, type Topology } from '../support/redis-topologies.ts';

const topologies: [name: string, start: () => Promise<Topology>][] = [
  ['standalone', () => startStandalone({ appendOnly: false })],
  ['Cluster', () => startCluster({ primaries: 3 })],
];

for (const [name, start] of topologies) {
  describe(`a change to one aggregate (${name})`, () => {
    let redis: Topology;
    let store: Store;
    let count = 0;
    let key: string;
    let beside: string;

    before(async function () {
      this.timeout(60_000);
      redis = await start();
      const config = readConfig({
        HOLDFAST_ISSUER: 'https://id.example.com',
        HOLDFAST_KEYS: testKeys,
        REDIS_URL: redis.url,
      });
      store = openStore(config, parseRedisUrl(redis.url), createLog('silent', 'test'));
      await store.whenReady(10_000);
    });
    after(async () => {
      await store?.close();
      await redis?.stop();
    });
    beforeEach(() => {
      count += 1;
      key = `{t:${count}}`;
      beside = `{t:${count}}:beside`;
    });

    const commit = (change: Change) => store.commit(change);
    const write = (change: Change) => change.set(beside, 60_000, { written: 'yes' });
    const lifetime = async (of: string) => Number(await store.call('PTTL', of));

    async function expectRefused(change: Change, reason: string): Promise<void> {
      const outcome = await commit(write(change));
      expect(outcome).to.include({ ok: false, key, reason });
      expect(await store.read(beside), 'something was written').to.equal(undefined);
    }

    it('writes everything, each with its lifetime', async () => {
      const change = new Change().set(key, 60_000, { a: '1', b: '2' }).text(beside, 30_000, 'text');
      expect(await commit(change)).to.deep.equal({ ok: true });
      expect(await store.read(key)).to.deep.equal({ a: '1', b: '2' });
      expect(await store.readText(beside)).to.equal('text');
      expect(await lifetime(key)).to.be.within(55_000, 60_000);
      expect(await lifetime(beside)).to.be.within(25_000, 30_000);
    });

    it('spends a thing once, and not one that is gone', async () => {
      await expectRefused(new Change().requireUnspent(key, `${key}:again`).spend(key), 'gone');
      expect(await store.read(key)).to.equal(undefined);

      await commit(new Change().set(key, 60_000, { p: '{}' }));
      const spend = new Change()
        .requireUnspent(key, `${key}:again`)
        .spend(key)
        .text(`${key}:again`, 9_000, 'answer');
      expect(await commit(spend)).to.deep.equal({ ok: true });
      const second = await commit(write(new Change().requireUnspent(key, `${key}:again`).spend(key)));
      expect(second).to.deep.equal({ ok: false, key, reason: 'spent', answer: 'answer' });
      expect(await store.read(beside)).to.equal(undefined);
    });

    it('wants a record alive: neither gone nor buried', async () => {
      await expectRefused(new Change().requireAlive(key), 'gone');
      await commit(new Change().set(key, 60_000, { p: '{}' }));
      expect(await commit(new Change().requireAlive(key).set(key, 0, { q: '1' }))).to.deep.equal({
        ok: true,
      });
      await commit(new Change().bury(key, 60_000));
      await expectRefused(new Change().requireAlive(key), 'dead');
      await expectRefused(new Change().requireNotDead(key), 'dead');
      const tombstone = await store.read(key);
      expect(tombstone).to.have.all.keys('dead');
      expect(await lifetime(key)).to.be.greaterThan(50_000);
    });

    it('takes a record that may be missing, unless it was buried', async () => {
      expect(await commit(new Change().requireNotDead(key))).to.deep.equal({ ok: true });
    });

    it('makes a record only where none is', async () => {
      const make = () => new Change().requireAbsent(key).set(key, 60_000, { p: '1' });
      expect(await commit(make())).to.deep.equal({ ok: true });
      await expectRefused(new Change().requireAbsent(key), 'taken');
    });

    it('changes a record only as long as it is the one that was read', async () => {
      await commit(new Change().set(key, 60_000, { p: 'one' }));
      await expectRefused(new Change().requireSame(key, 'p', 'other'), 'changed');
      expect(await commit(new Change().requireSame(key, 'p', 'one').set(key, 0, { p: 'two' }))).to.deep.equal(
        {
          ok: true,
        },
      );
      await expectRefused(new Change().requireSame(`${key}`, 'p', 'one'), 'changed');
    });

    it('lengthens a lifetime, never shortens it by that, and sets it anew where asked', async () => {
      await commit(new Change().set(key, 60_000, { p: '1' }));
      await commit(new Change().extend(key, 10_000));
      expect(await lifetime(key)).to.be.greaterThan(50_000);
      await commit(new Change().extend(key, 90_000));
      expect(await lifetime(key)).to.be.greaterThan(80_000);
      await commit(new Change().expireIn(key, 5_000));
      expect(await lifetime(key)).to.be.within(1, 5_000);
    });

    it('stamps, drops and removes', async () => {
      await commit(
        new Change().set(key, 60_000, { a: '1', b: '2' }).stamp(key, 'until', 30_000).drop(key, ['a']),
      );
      const fields = await store.read(key);
      expect(fields).to.have.all.keys('b', 'until');
      expect(Number(fields?.until) - Date.now()).to.be.within(20_000, 40_000);
      await commit(new Change().remove(key));
      expect(await store.read(key)).to.equal(undefined);
    });

    it('happens once for twenty at the same moment', async () => {
      await commit(new Change().set(key, 60_000, { p: '{}' }));
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, () => commit(new Change().requireUnspent(key, beside).spend(key))),
      );
      expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
    });
  });
}

describe('changes of several aggregates where one script may touch them all', () => {
  let redis: Topology;
  let store: Store;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    const config = readConfig({
      HOLDFAST_ISSUER: 'https://id.example.com',
      HOLDFAST_KEYS: testKeys,
      REDIS_URL: redis.url,
    });
    store = openStore(config, parseRedisUrl(redis.url), createLog('silent', 'test'));
    await store.whenReady(10_000);
  });
  after(async () => {
    await store?.close();
    await redis?.stop();
  });

  it('happen together or not at all, and the answer to a spent thing is found', async () => {
    const session = () => new Change().requireNotDead('{s}').set('{s}', 60_000, { p: '1' });
    const gate = () =>
      new Change().requireUnspent('{i}', '{i}:again').spend('{i}').text('{i}:again', 9_000, 'answer');
    expect(await store.commit(Change.merge([session(), gate()]))).to.deep.include({
      ok: false,
      reason: 'gone',
    });
    expect(await store.read('{s}')).to.equal(undefined);

    await store.commit(new Change().set('{i}', 60_000, { p: '{}' }));
    expect(await store.commit(Change.merge([session(), gate().durable()]))).to.deep.equal({ ok: true });
    expect(await store.read('{s}')).to.deep.equal({ p: '1' });
    const again = await store.commit(Change.merge([session().set('{s}', 0, { p: '2' }), gate()]));
    expect(again).to.deep.equal({ ok: false, key: '{i}', reason: 'spent', answer: 'answer' });
    expect(await store.read('{s}')).to.deep.equal({ p: '1' });
  });

  it('are durable when one of them is', () => {
    expect(Change.merge([new Change(), new Change().durable()]).isDurable).to.equal(true);
    expect(Change.merge([new Change()]).isDurable).to.equal(false);
  });
});
