import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { exportJWK, generateKeyPair } from 'jose';
import { type Config, readConfig } from '../../src/config.ts';
import { Unavailable } from '../../src/errors.ts';
import type { NewEvent } from '../../src/events/events.ts';
import { createLog } from '../../src/log.ts';
import { createCookieKeys } from '../../src/oidc/cookie-keys.ts';
import { createKeyLifecycle, type KeyLifecycle, type KeyUse } from '../../src/oidc/key-lifecycle.ts';
import { demandFresh, type LiveKeySet, openKeySet } from '../../src/oidc/key-set.ts';
import { openKeyRing } from '../../src/redis/key-ring.ts';
import { createPods, listPods, type Pods } from '../../src/redis/pods.ts';
import { openStore, type Store } from '../../src/redis/redis.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { createVault, type VaultKey } from '../../src/redis/vault.ts';
import { testKeys } from '../support/pods.ts';
import { startCluster, type Topology } from '../support/redis-topologies.ts';

const log = createLog('silent', 'test');

/** A pod as far as its keys go: it serves the set that it has read. */
type KeyPod = { store: Store; keySet: LiveKeySet; keys: KeyLifecycle; pods: Pods; isStarting: boolean };

describe('the lives of keys', () => {
  let redis: Topology;
  let count = 0;
  let running: KeyPod[] = [];
  let told: NewEvent[] = [];
  let settings: { session_absolute_seconds: number; signing_key_days: number };

  before(async () => {
    redis = await startCluster();
  });
  after(() => redis?.stop());
  beforeEach(() => {
    count += 1;
    settings = { session_absolute_seconds: 3600, signing_key_days: 0 };
    told = [];
  });
  afterEach(async () => {
    await Promise.all(running.map(stop));
    running = [];
  });

  function configOf(keys = testKeys): Config {
    return readConfig({
      HOLDFAST_ISSUER: 'https://id.example.com',
      HOLDFAST_KEYS: keys,
      REDIS_URL: redis.url,
      HOLDFAST_REDIS_PREFIX: `life-${count}:`,
    });
  }

  async function openPodStore(): Promise<Store> {
    const store = openStore(configOf(), parseRedisUrl(redis.url), log);
    await store.whenReady(5000);
    return store;
  }

  async function start(name: string, vaultKeys: VaultKey[] = configOf().vaultKeys): Promise<KeyPod> {
    const store = await openPodStore();
    const vault = createVault(vaultKeys);
    const pod = { store, isStarting: true } as KeyPod;
    const describe = () => ({
      keySetVersion: pod.isStarting ? 0 : pod.keySet.current().version,
      isReady: !pod.isStarting,
    });
    pod.pods = await createPods({ store, name, version: '1', describe, log });
    pod.keySet = await openKeySet({ store, vault, log });
    pod.keySet.onChange(() => void pod.pods.tell());
    pod.keys = createKeyLifecycle({
      store,
      vault,
      keySet: pod.keySet,
      listPods: () => listPods(store),
      settings: { current: () => settings },
      keySetSeconds: 0,
      recordEvent: async (event) => void told.push(event),
      log,
    });
    running.push(pod);
    return pod;
  }

  async function serve(pod: KeyPod): Promise<KeyPod> {
    pod.isStarting = false;
    await pod.pods.tell();
    return pod;
  }

  async function startServing(...names: string[]): Promise<[KeyPod, ...KeyPod[]]> {
    const started: KeyPod[] = [];
    for (const name of names) started.push(await serve(await start(name)));
    return started as [KeyPod, ...KeyPod[]];
  }

  async function stop(pod: KeyPod): Promise<void> {
    running = running.filter((one) => one !== pod);
    pod.keySet?.close();
    await pod.pods.close();
    await pod.store.close();
  }

  const caught = (work: Promise<unknown>) =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    );
  const kidsOf = (pod: KeyPod) => pod.keySet.current().signing.map(({ kid }) => kid);
  const ofState = async (pod: KeyPod, use: KeyUse, state: string) =>
    (await pod.keys.list()).filter((one) => one.use === use && one.state === state);

  async function rotated(pod: KeyPod, use: KeyUse): Promise<string[]> {
    const outcome = await pod.keys.rotate(use);
    if (!outcome.ok) throw new Error(outcome.problem);
    return outcome.keys.map(({ id }) => id);
  }

  async function sweepUntil(pod: KeyPod, is: () => Promise<boolean>): Promise<void> {
    for (;;) {
      await pod.keys.sweep();
      if (await is()) return;
      await pause(50);
    }
  }

  /** Every live pod has read and told the set as it is. */
  async function untilAllServe(version: number): Promise<void> {
    const [pod] = running;
    if (!pod) throw new Error('no pod');
    while ((await listPods(pod.store)).some(({ keySetVersion }) => keySetVersion < version)) await pause(20);
  }

  /** Puts the times of a key back. */
  async function age(store: Store, name: string, ms: number): Promise<void> {
    const fields = (await store.read(store.keys.keyRing())) ?? {};
    const life = JSON.parse(fields[`life:${name}`] ?? '{}') as Record<string, number>;
    for (const time of ['createdAt', 'activatedAt', 'retiredAt', 'servedSince']) {
      if (life[time] !== undefined) life[time] -= ms;
    }
    await store.call('HSET', store.keys.keyRing(), `life:${name}`, JSON.stringify(life));
  }

  const names = async (store: Store) =>
    Object.keys((await store.read(store.keys.keyRing())) ?? {})
      .filter((field) => /^(signing|cookie):/.test(field))
      .sort();

  describe('of the first pods', () => {
    it('begin with one active key of each kind, however many start at the same moment', async () => {
      const pods = await Promise.all(['a', 'b', 'c'].map((name) => start(name)));
      const [first] = pods as [KeyPod];
      expect(await names(first.store)).to.deep.equal([
        'cookie:1',
        'signing:ES256:1',
        'signing:EdDSA:1',
        'signing:RS256:1',
      ]);
      expect(new Set(pods.map((pod) => JSON.stringify(kidsOf(pod)))).size).to.equal(1);
      const listed = await first.keys.list();
      expect(listed.map(({ alg, state }) => [alg, state])).to.deep.equal([
        ['RS256', 'active'],
        ['ES256', 'active'],
        ['EdDSA', 'active'],
        ['HS256', 'active'],
      ]);
      expect(listed[3]?.id).to.equal('1');
    });

    it('go on with the keys of a version that knew no lives', async () => {
      const store = await openPodStore();
      const { privateKey } = await generateKeyPair('ES256', { extractable: true });
      const jwk = { ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig' };
      const vault = createVault(configOf().vaultKeys);
      await openKeyRing(store, vault, {
        'signing:ES256:1': () => JSON.stringify(jwk),
        'cookie:1': () => Buffer.alloc(32, 5).toString('base64url'),
      });
      await store.close();
      const [pod] = await startServing('a');
      const active = pod.keySet.current().signing.find(({ alg }) => alg === 'ES256');
      expect(active?.d).to.equal(jwk.d);
      expect(pod.keySet.current().cookies).to.deep.equal([Buffer.alloc(32, 5)]);
      expect(await ofState(pod, 'signing', 'active')).to.have.lengthOf(3);
      // And that version still finds the names that it knows.
      const again = await openKeyRing(pod.store, vault, {
        'signing:RS256:1': () => expect.fail('made anew'),
      });
      expect(JSON.parse(again.secret('signing:RS256:1')).kty).to.equal('RSA');
    });

    it('keep as retired what a pod of such a version made beside them', async () => {
      const [pod] = await startServing('a');
      await rotated(pod, 'cookie');
      await sweepUntil(pod, async () => (await ofState(pod, 'cookie', 'retired')).length === 1);
      await age(pod.store, 'cookie:1', 3600_000);
      await sweepUntil(pod, async () => !(await names(pod.store)).includes('cookie:1'));
      const vault = createVault(configOf().vaultKeys);
      await openKeyRing(pod.store, vault, { 'cookie:1': () => Buffer.alloc(32, 6).toString('base64url') });
      await pod.keySet.refresh();
      await pod.keys.sweep();
      const [active, retired] = pod.keySet.current().cookies;
      expect(retired).to.deep.equal(Buffer.alloc(32, 6));
      expect(active).to.not.deep.equal(retired);
    });
  });

  describe('in a rotation', () => {
    it('are published first, behind the one that signs, and active in its place in the end', async () => {
      const [a, b] = (await startServing('a', 'b')) as [KeyPod, KeyPod];
      const before = kidsOf(a);
      const fresh = await rotated(a, 'signing');
      expect(fresh).to.have.lengthOf(3);
      expect(kidsOf(a)).to.deep.equal([...before, ...fresh]);
      const [published] = await ofState(a, 'signing', 'published');
      expect(published).to.include({ livePods: 2, activatedAt: undefined });
      await untilAllServe(a.keySet.current().version);
      expect((await ofState(a, 'signing', 'published'))[0]?.servedBy).to.equal(2);
      await b.keys.sweep();
      const from = (await ofState(a, 'signing', 'published'))[0]?.activeFrom ?? 0;
      await sweepUntil(b, async () => (await ofState(b, 'signing', 'retired')).length === 3);
      expect(await b.store.nowMs()).to.be.greaterThanOrEqual(from);
      expect(kidsOf(b)).to.deep.equal([...fresh, ...before]);
      expect((await ofState(b, 'signing', 'retired')).map(({ id }) => id)).to.deep.equal(before);
    });

    it('begin once and are moved on once, however many ask on several pods', async () => {
      const pods = await startServing('a', 'b', 'c');
      const at = (i: number) => pods[i % 3] as KeyPod;
      const begun = await Promise.all(Array.from({ length: 20 }, (_, i) => at(i).keys.rotate('signing')));
      expect(begun.filter(({ ok }) => ok)).to.have.lengthOf(1);
      expect(await names(pods[0].store)).to.have.lengthOf(7);
      const { version } = await pods[0].keySet.refresh();
      await untilAllServe(version);
      await pods[0].keys.sweep();
      for (const kind of ['RS256', 'ES256', 'EdDSA']) await age(pods[0].store, `signing:${kind}:2`, 60_000);
      await Promise.all(Array.from({ length: 20 }, (_, i) => at(i).keys.sweep()));
      expect((await pods[0].keySet.refresh()).version).to.equal(version + 1);
      expect(await ofState(pods[0], 'signing', 'active')).to.have.lengthOf(3);
      expect(await ofState(pods[0], 'signing', 'retired')).to.have.lengthOf(3);
      const active = (await ofState(pods[0], 'signing', 'active')).map(({ id, use, alg }) => ({
        id,
        use,
        alg,
      }));
      // Whoever began the rotation tells of it; that the keys became active, the one pod that did it.
      expect(told.map(({ kind, actor }) => [kind, actor])).to.deep.equal(
        active.map(() => ['key.activated', { kind: 'system' }]),
      );
      expect(told.map(({ after }) => after)).to.have.deep.members(active);
      expect(await pods[0].keys.rotate('signing')).to.include({ ok: true });
    });

    it('wait for a pod that starts, and anew when it served the set from before', async () => {
      const [a] = await startServing('a');
      // Of these two, one has read the set before the rotation and told nothing of it, the other reads it after.
      const late = await start('late');
      late.keySet.close();
      await rotated(a, 'signing');
      await untilAllServe(0);
      await a.keys.sweep();
      for (const alg of ['RS256', 'ES256', 'EdDSA']) await age(a.store, `signing:${alg}:2`, 60_000);
      await a.keys.sweep();
      expect(await ofState(a, 'signing', 'published')).to.have.lengthOf(3);
      await serve(late);
      await a.keys.sweep();
      const [reset] = await ofState(a, 'signing', 'published');
      expect(reset).to.include({ activeFrom: undefined, servedBy: 1, livePods: 2 });
      await stop(late);
      const other = await start('other');
      await a.keys.sweep();
      for (const alg of ['RS256', 'ES256', 'EdDSA']) await age(a.store, `signing:${alg}:2`, 60_000);
      await a.keys.sweep();
      expect(await ofState(a, 'signing', 'published')).to.have.lengthOf(3);
      await serve(other);
      await a.keys.sweep();
      expect(await ofState(a, 'signing', 'published')).to.have.lengthOf(0);
    });

    it('wait for a pod that cannot open the new keys, which goes on with those that it has', async () => {
      const [older, newer] = [1, 2].map((byte) => ({ id: `k${byte}`, secret: Buffer.alloc(32, byte) }));
      if (!older || !newer) throw new Error('no keys');
      const behind = await serve(await start('behind', [older]));
      const ahead = await serve(await start('ahead', [newer, older]));
      const before = kidsOf(behind);
      await rotated(ahead, 'signing');
      const version = (await behind.keySet.refresh()).version;
      expect(version).to.be.lessThan(ahead.keySet.current().version);
      expect(kidsOf(behind)).to.deep.equal(before);
      expect(behind.keySet.isFresh()).to.equal(true);
      await ahead.keys.sweep();
      expect((await ofState(ahead, 'signing', 'published'))[0]).to.include({
        activeFrom: undefined,
        servedBy: 1,
      });
    });

    it('of cookies take over as soon as every pod knows them, and older cookies stay good', async () => {
      const [a, b] = (await startServing('a', 'b')) as [KeyPod, KeyPod];
      const [onA, onB] = [a, b].map((pod) => createCookieKeys(() => pod.keySet.current().cookies));
      const old = onA?.sign('session=1') ?? '';
      expect(await rotated(a, 'cookie')).to.deep.equal(['2']);
      expect(onA?.sign('session=1')).to.equal(old);
      await untilAllServe(a.keySet.current().version);
      await b.keys.sweep();
      await a.keySet.refresh();
      const fresh = onA?.sign('session=1') ?? '';
      expect(fresh).to.not.equal(old);
      for (const keys of [onA, onB]) {
        expect([keys?.index('session=1', old), keys?.index('session=1', fresh)]).to.deep.equal([0, 0]);
        expect([keys?.index('session=2', old), keys?.index('session=1', 'x')]).to.deep.equal([-1, -1]);
      }
    });

    it('begin by themselves when the time has come, once', async () => {
      const pods = await startServing('a', 'b');
      await age(pods[0].store, 'signing:ES256:1', 30 * 24 * 60 * 60 * 1000);
      await Promise.all(pods.map((pod) => pod.keySet.refresh()));
      await Promise.all(pods.map((pod) => pod.keys.sweep()));
      expect(await ofState(pods[0], 'signing', 'published')).to.have.lengthOf(0);
      settings.signing_key_days = 31;
      await Promise.all(pods.map((pod) => pod.keys.sweep()));
      expect(await ofState(pods[0], 'signing', 'published')).to.have.lengthOf(0);
      settings.signing_key_days = 30;
      const startedAt = await pods[0].store.nowMs();
      await Promise.all(Array.from({ length: 20 }, (_, i) => (pods[i % 2] as KeyPod).keys.sweep()));
      // The last of these sweeps may have made them active already.
      const fresh = (await pods[0].keys.list()).filter(({ createdAt }) => createdAt > startedAt);
      expect(fresh.filter(({ use }) => use === 'signing')).to.have.lengthOf(3);
      const begun = told.filter(({ kind }) => kind === 'key.rotated');
      expect(begun.map(({ actor }) => actor)).to.deep.equal([{ kind: 'system' }]);
      expect(JSON.stringify(begun[0]?.after)).to.include(fresh[0]?.id ?? 'none');
      expect(await names(pods[0].store)).to.have.lengthOf(7);
    });
  });

  it('end when nothing that they signed is good any more', async () => {
    const [pod] = await startServing('a');
    const day = 24 * 60 * 60;
    settings.session_absolute_seconds = 3 * day;
    await rotated(pod, 'signing');
    await sweepUntil(pod, async () => (await ofState(pod, 'signing', 'retired')).length === 3);
    const [retired] = await ofState(pod, 'signing', 'retired');
    expect((retired?.removedAt ?? 0) - (retired?.retiredAt ?? 0)).to.equal(3 * day * 1000);
    await age(pod.store, 'signing:ES256:1', 3 * day * 1000 - 60_000);
    await pod.keySet.refresh();
    await pod.keys.sweep();
    expect(await names(pod.store)).to.include('signing:ES256:1');
    await age(pod.store, 'signing:ES256:1', 60_000);
    await pod.keySet.refresh();
    await pod.keys.sweep();
    expect(await names(pod.store))
      .to.include('signing:RS256:1')
      .and.not.include('signing:ES256:1');
    expect(pod.keySet.current().signing).to.have.lengthOf(5);
    // Nor does the name come back, with another key under it.
    expect(await rotated(pod, 'signing')).to.have.lengthOf(3);
    expect(await names(pod.store))
      .to.include('signing:ES256:3')
      .and.not.include('signing:ES256:1');
  });

  describe('in an emergency', () => {
    it('end at once, and on every pod within a second; another signs in their place', async () => {
      const [a, b] = (await startServing('a', 'b')) as [KeyPod, KeyPod];
      const [stolen, ...others] = kidsOf(a);
      const revoked = await a.keys.revoke(stolen ?? '');
      const revokedAt = performance.now();
      if (!revoked.ok) throw new Error(revoked.problem);
      expect(revoked.replacedBy).to.include({ alg: 'RS256', state: 'active' });
      expect(kidsOf(a)).to.deep.equal([revoked.replacedBy.id, ...others]);
      while (kidsOf(b).includes(stolen)) await pause(10);
      expect(performance.now() - revokedAt).to.be.lessThan(1000);
      expect(kidsOf(b)).to.deep.equal(kidsOf(a));
      expect(b.keySet.publicKeySet().keys.map(({ kid }) => kid)).to.deep.equal(kidsOf(b));
      expect(JSON.stringify(b.keySet.publicKeySet().keys)).to.not.match(/"(d|p|q|dp|dq|qi)":/);
      expect(await names(b.store)).to.not.include('signing:RS256:1');
    });

    it('are replaced by what was to follow them, without waiting for it', async () => {
      const [pod] = await startServing('a');
      const fresh = await rotated(pod, 'signing');
      const [stolen, ...others] = kidsOf(pod);
      const revoked = await pod.keys.revoke(stolen ?? '');
      expect(revoked.ok && revoked.replacedBy.id).to.equal(fresh[0]);
      expect(kidsOf(pod)).to.deep.equal([fresh[0], ...others.slice(0, 2), fresh[1], fresh[2]]);
      await sweepUntil(pod, async () => (await ofState(pod, 'signing', 'retired')).length === 2);
      expect(kidsOf(pod).slice(0, 3)).to.deep.equal(fresh);
    });

    it('are replaced by another that is published when they sign nothing yet', async () => {
      const [pod] = await startServing('a');
      const before = kidsOf(pod);
      const [stolen = '', ...others] = await rotated(pod, 'signing');
      const revoked = await pod.keys.revoke(stolen);
      expect(revoked.ok && revoked.replacedBy).to.include({ alg: 'RS256', state: 'published' });
      expect(kidsOf(pod))
        .to.include.members([...before, ...others])
        .and.not.include(stolen);
      expect(kidsOf(pod).slice(0, 3)).to.deep.equal(before);
    });

    it('leave the one that signs when they are retired', async () => {
      const [pod] = await startServing('a');
      await rotated(pod, 'cookie');
      await sweepUntil(pod, async () => (await ofState(pod, 'cookie', 'retired')).length === 1);
      const revoked = await pod.keys.revoke('1');
      expect(revoked.ok && revoked.replacedBy).to.include({ id: '2', state: 'active' });
      expect(pod.keySet.current().cookies).to.have.lengthOf(1);
    });

    it('end also on a pod that cannot open the one in their place, which then signs nothing', async () => {
      const [older, newer] = [1, 2].map((byte) => ({ id: `k${byte}`, secret: Buffer.alloc(32, byte) }));
      if (!older || !newer) throw new Error('no keys');
      const behind = await serve(await start('behind', [older]));
      const ahead = await serve(await start('ahead', [newer, older]));
      const told: boolean[] = [];
      behind.keySet.onChange(({ canSign }) => told.push(canSign));
      const { version } = behind.keySet.current();
      const [first = '', stolen = '', third = ''] = kidsOf(ahead);
      expect((await ahead.keys.revoke(stolen)).ok).to.equal(true);
      while (kidsOf(behind).includes(stolen)) await pause(10);
      expect(kidsOf(behind)).to.deep.equal([first, third]);
      expect(behind.keySet.publicKeySet().keys.map(({ kid }) => kid)).to.deep.equal([first, third]);
      expect(behind.keySet.current().version).to.equal(version);
      expect([behind.keySet.isFresh(), behind.keySet.canSign()]).to.deep.equal([true, false]);
      expect(await caught(demandFresh(behind.keySet))).to.be.instanceOf(Unavailable);
      expect(ahead.keySet.canSign()).to.equal(true);
      await demandFresh(ahead.keySet);
      // Nothing is made of a set that lacks a key.
      expect(told).to.deep.equal([]);
    });

    it('end on such a pod, which goes on, when none that signs is sealed from it', async () => {
      const [older, newer] = [1, 2].map((byte) => ({ id: `k${byte}`, secret: Buffer.alloc(32, byte) }));
      if (!older || !newer) throw new Error('no keys');
      const behind = await serve(await start('behind', [older]));
      const ahead = await serve(await start('ahead', [newer, older]));
      await rotated(behind, 'cookie');
      await untilAllServe(behind.keySet.current().version);
      await sweepUntil(behind, async () => (await ofState(behind, 'cookie', 'retired')).length === 1);
      await rotated(ahead, 'signing');
      let told = 0;
      behind.keySet.onChange(() => {
        told += 1;
      });
      expect(behind.keySet.current().cookies).to.have.lengthOf(2);
      expect((await ahead.keys.revoke('1')).ok).to.equal(true);
      while (behind.keySet.current().cookies.length > 1) await pause(10);
      expect(told).to.equal(1);
      expect(behind.keySet.canSign()).to.equal(true);
      await demandFresh(behind.keySet);
    });

    it('end once, however many ask on two pods; there is no such key then', async () => {
      const pods = (await startServing('a', 'b')) as [KeyPod, KeyPod];
      const [stolen = ''] = kidsOf(pods[0]);
      const asked = Array.from({ length: 20 }, (_, i) => (pods[i % 2] as KeyPod).keys.revoke(stolen));
      const revoked = await Promise.all(asked);
      expect(revoked.filter(({ ok }) => ok)).to.have.lengthOf(1);
      expect(await names(pods[0].store)).to.have.lengthOf(4);
      for (const id of [stolen, '', 'signing:ES256:1', 'root']) {
        expect(await pods[0].keys.revoke(id)).to.deep.equal({ ok: false, problem: 'not-found' });
      }
    });

    it('end all at once, each replaced by one of its own', async () => {
      const pods = (await startServing('a', 'b')) as [KeyPod, KeyPod];
      const all = [...kidsOf(pods[0]), '1'].map((kid) => kid ?? '');
      const revoked = await Promise.all(all.map((id, i) => (pods[i % 2] as KeyPod).keys.revoke(id)));
      expect(revoked.every(({ ok }) => ok)).to.equal(true);
      const listed = await pods[0].keys.list();
      expect(listed.map(({ alg, state }) => `${alg} ${state}`)).to.have.members(
        ['RS256', 'ES256', 'EdDSA', 'HS256'].map((alg) => `${alg} active`),
      );
      expect(listed.map(({ id }) => id)).to.not.include.members(all);
    });
  });

  it('keep nothing in Redis that can be read', async () => {
    const [pod] = await startServing('a');
    await rotated(pod, 'signing');
    const text = JSON.stringify(await pod.store.read(pod.store.keys.keyRing()));
    for (const { secret } of pod.keySet.current().records) {
      const parts = secret.startsWith('{') ? [(JSON.parse(secret) as { d: string }).d] : [secret];
      for (const part of parts) expect(text).to.not.include(part);
    }
  });
});
