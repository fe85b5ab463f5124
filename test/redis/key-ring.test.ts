import { expect } from 'chai';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { CannotOpen, openKeyRing } from '../../src/redis/key-ring.ts';
import { openStore, type Store } from '../../src/redis/redis.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { createVault, type VaultKey } from '../../src/redis/vault.ts';
import { send } from '../support/person.ts';
import { startPod, testKeys } from '../support/pods.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

describe('the key ring', () => {
  let redis: Topology;
  let count = 0;
  let stores: Store[];

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
  });
  after(() => redis?.stop());
  beforeEach(async () => {
    count += 1;
    stores = await Promise.all([openPodStore(), openPodStore(), openPodStore()]);
  });
  afterEach(() => Promise.all(stores.map((store) => store.close())));

  /** The store of one pod; all of a test share one prefix, which is empty at its start. */
  async function openPodStore(): Promise<Store> {
    const config = readConfig({
      HOLDFAST_ISSUER: 'https://id.example.com',
      HOLDFAST_KEYS: testKeys,
      REDIS_URL: redis.url,
      HOLDFAST_REDIS_PREFIX: `ring-${count}:`,
    });
    const store = openStore(config, parseRedisUrl(redis.url), createLog('silent', 'test'));
    await store.whenReady(5000);
    return store;
  }

  const key = (id: string, byte: number): VaultKey => ({ id, secret: Buffer.alloc(32, byte) });
  const [current, older, other] = [key('current', 1), key('older', 2), key('other', 3)];

  const store = () => stores[0] as Store;

  it('is made once, however many pods start at the same moment', async () => {
    let made = 0;
    const makers = {
      one: () => `one-${++made}`,
      two: async () => {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
        return `two-${++made}`;
      },
    };
    const rings = await Promise.all(stores.map((one) => openKeyRing(one, createVault([current]), makers)));
    for (const name of ['one', 'two']) {
      expect(new Set(rings.map((ring) => ring.secret(name))).size, name).to.equal(1);
    }
    expect(new Set(rings.map((ring) => ring.hash('p', 'v'))).size).to.equal(1);
    expect(new Set(rings.map((ring) => ring.key('p').export().toString('hex'))).size).to.equal(1);
  });

  it('is not made anew by a pod that comes later, which gets what it lacks', async () => {
    const first = await openKeyRing(store(), createVault([current]), { one: () => 'first' });
    const second = await openKeyRing(store(), createVault([current]), {
      one: () => expect.fail('made again'),
      two: () => 'second',
    });
    expect(second.secret('one')).to.equal('first');
    expect(second.secret('two')).to.equal('second');
    expect(second.hash('p', 'v')).to.equal(first.hash('p', 'v'));
    expect(() => first.secret('two')).to.throw('not asked for');
  });

  it('opens with an older key beside the current one, but not without it', async () => {
    await openKeyRing(store(), createVault([older]), { one: () => 'secret' });
    const rotated = await openKeyRing(store(), createVault([current, older]), { one: () => 'other' });
    expect(rotated.secret('one')).to.equal('secret');
    for (const keys of [[current], [other], [{ ...older, secret: current.secret }]]) {
      const opening = openKeyRing(store(), createVault(keys), { one: () => 'other' });
      const error = await opening.catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(CannotOpen);
      expect(String(error)).to.include('HOLDFAST_KEYS');
    }
  });

  it('that cannot be opened is left as it was', async () => {
    await openKeyRing(store(), createVault([older]), { one: () => 'secret' });
    const before = await store().read(store().keys.keyRing());
    await openKeyRing(store(), createVault([other]), { one: () => 'x' }).catch(() => {});
    expect(await store().read(store().keys.keyRing())).to.deep.equal(before);
  });

  it('shows nothing of what it holds, and no secret opens under the name of another', async () => {
    await openKeyRing(store(), createVault([current]), { one: () => 'plain text', two: () => 'other text' });
    const sealed = (await store().read(store().keys.keyRing())) ?? {};
    expect(sealed).to.have.all.keys('root', 'one', 'two');
    expect(JSON.stringify(sealed)).not.to.match(/plain text|other text/);
    await store().call('HSET', store().keys.keyRing(), 'one', sealed.two ?? '');
    const opening = openKeyRing(store(), createVault([current]), { one: () => 'x' });
    expect(await opening.catch((thrown: unknown) => thrown)).to.be.instanceOf(CannotOpen);
  });

  it('hashes and seals for one purpose at a time', async () => {
    const ring = await openKeyRing(store(), createVault([current]), {});
    expect(ring.hash('one', 'value')).to.match(/^[\w-]{22}$/);
    expect(ring.hash('one', 'value')).not.to.equal(ring.hash('two', 'value'));
    expect(ring.hash('one', 'value')).not.to.equal(ring.hash('one', 'value2'));
    const sealed = ring.seal('one', 'record', 'plain');
    expect(ring.open('one', 'record', sealed)).to.equal('plain');
    for (const [purpose, record, text] of [
      ['two', 'record', sealed],
      ['one', 'other', sealed],
      ['one', 'record', `${sealed.slice(0, -2)}AA`],
      ['one', 'record', ''],
      ['one', 'record', 'x'],
    ] as const) {
      expect(() => ring.open(purpose, record, text)).to.throw();
    }
  });

  it('gives three pods that start at once on an empty Redis the same published keys', async () => {
    const empty = await startStandalone({ appendOnly: false });
    const starting = ['a', 'b', 'c'].map((name) =>
      startPod({ name, issuer: 'http://id.example', redisUrl: empty.url }),
    );
    const started = (await Promise.allSettled(starting)).flatMap((one) =>
      one.status === 'fulfilled' ? [one.value] : [],
    );
    try {
      expect(started).to.have.lengthOf(3);
      const published = await Promise.all(
        started.map(({ url }) =>
          send(new URL('/jwks', url), { method: 'GET', headers: { host: 'id.example' } }),
        ),
      );
      expect(JSON.parse(published[0]?.body ?? '').keys).to.have.lengthOf(3);
      expect(new Set(published.map(({ body }) => body)).size).to.equal(1);
    } finally {
      await Promise.all(started.map((pod) => pod.kill('SIGKILL')));
      await empty.stop();
    }
  });
});
