import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { createPods, listPods, type Pod, type Pods, silentMs } from '../../src/redis/pods.ts';
import { openStore, type Store } from '../../src/redis/redis.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { version } from '../../src/version.ts';
import { type Pod as PodProcess, startPod, testKeys } from '../support/pods.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

describe('the pods that are alive', () => {
  const log = createLog('silent', 'test');
  let redis: Topology;
  let store: Store;
  let open: Pods[] = [];
  let count = 0;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
  });
  after(() => redis?.stop());
  beforeEach(async () => {
    count += 1;
    store = storeOf(`pods-${count}:`);
    await store.whenReady(5000);
  });
  afterEach(async () => {
    await Promise.all(open.map((pods) => pods.close()));
    open = [];
    await store.close();
  });

  function storeOf(prefix: string): Store {
    const config = readConfig({
      HOLDFAST_ISSUER: 'https://id.example.com',
      HOLDFAST_KEYS: testKeys,
      REDIS_URL: redis.url,
      HOLDFAST_REDIS_PREFIX: prefix,
    });
    return openStore(config, parseRedisUrl(redis.url), log);
  }

  async function begin(name: string, describe = () => ({ keySetVersion: 1, isReady: true })): Promise<Pods> {
    const pods = await createPods({ store, name, version: '1.2.3', describe, log });
    open.push(pods);
    return pods;
  }

  /** As Redis has it, with what has fallen silent. */
  const kept = async () => Object.keys((await store.read(store.keys.pods())) ?? {});

  async function rewrite(id: string, change: (pod: Omit<Pod, 'id'>) => void): Promise<void> {
    const fields = (await store.read(store.keys.pods())) ?? {};
    const pod = JSON.parse(fields[id] ?? '{}') as Omit<Pod, 'id'>;
    change(pod);
    await store.call('HSET', store.keys.pods(), id, JSON.stringify(pod));
  }

  async function until(is: () => Promise<boolean>): Promise<void> {
    while (!(await is())) await pause(20);
  }

  it('are listed by name, with what each says of itself', async () => {
    const [second, first] = [await begin('b'), await begin('a')];
    const listed = await second.list();
    expect(listed.map(({ name }) => name)).to.deep.equal(['a', 'b']);
    expect(listed[0]).to.include({ version: '1.2.3', keySetVersion: 1, isReady: true });
    expect(listed[0]?.id).to.match(/^a-[\w-]{8}$/);
    expect(Math.abs((listed[0]?.seenAt ?? 0) - (await store.nowMs()))).to.be.lessThan(1000);
    const ids = listed.map(({ id }) => id);
    expect((await first.list()).map(({ id }) => id)).to.deep.equal(ids);
    expect((await listPods(store)).map(({ id }) => id)).to.deep.equal(ids);
  });

  it('say again and again that they are, and what has changed at once', async () => {
    let keySetVersion = 1;
    const pods = await begin('a', () => ({ keySetVersion, isReady: true }));
    const [before] = await pods.list();
    await until(async () => ((await pods.list())[0]?.seenAt ?? 0) > (before?.seenAt ?? 0));
    expect((await pods.list())[0]?.startedAt).to.equal(before?.startedAt);
    keySetVersion = 7;
    await pods.tell();
    expect((await pods.list())[0]?.keySetVersion).to.equal(7);
  });

  it('do not include one that has been silent for ten seconds; another pod takes it off the list', async () => {
    await begin('a');
    const gone = 'gone-12345678';
    await rewrite(gone, (pod) => Object.assign(pod, { name: 'gone', seenAt: 0, startedAt: 0 }));
    const now = await store.nowMs();
    await rewrite(gone, (pod) => Object.assign(pod, { seenAt: now - silentMs - 1000 }));
    expect((await listPods(store)).map(({ name }) => name)).to.deep.equal(['a']);
    await until(async () => !(await kept()).includes(gone));
    const late = 'late-12345678';
    await rewrite(late, (pod) => Object.assign(pod, { name: 'late', seenAt: now, startedAt: now }));
    expect((await listPods(store)).map(({ name }) => name)).to.deep.equal(['a', 'late']);
  });

  it('do not include one that was closed, not even when it was about to say something', async () => {
    const pods = await begin('a');
    await Promise.all([pods.tell(), pods.close(), pods.tell()]);
    expect(await kept()).to.deep.equal([]);
    await pods.tell();
    expect(await kept()).to.deep.equal([]);
  });

  it('leave nothing for good when all of them are gone', async () => {
    await begin('a');
    expect(await store.call('PTTL', store.keys.pods())).to.be.within(silentMs, silentMs * 6);
  });

  it('are told apart by each start, and leave when they drain', async () => {
    const start = () =>
      startPod({
        name: 'same-name',
        issuer: 'http://id.example',
        redisUrl: redis.url,
        environment: { HOLDFAST_REDIS_PREFIX: `pods-${count}:`, HOLDFAST_DRAIN_PAUSE_MS: '0' },
      });
    const started: PodProcess[] = [];
    try {
      started.push(await start());
      await until(async () => (await listPods(store)).some(({ isReady }) => isReady));
      const [first] = await listPods(store);
      expect(first).to.include({ name: 'same-name', version });
      expect(first?.keySetVersion).to.be.greaterThan(0);
      await started[0]?.kill('SIGKILL');
      started.push(await start());
      await until(async () => (await listPods(store)).some(({ id }) => id !== first?.id));
      await started[1]?.kill('SIGTERM');
      // The one that was killed is silent, and goes later.
      expect(await kept()).to.deep.equal([first?.id]);
    } finally {
      await Promise.all(started.map((pod) => pod.kill('SIGKILL')));
    }
  });
});
