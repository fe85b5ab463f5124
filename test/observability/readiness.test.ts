import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { openParts, type Parts } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { type EventLoopWatch, watchEventLoop } from '../../src/metrics/event-loop.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { type Pod, startPod, testKeys } from '../support/pods.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

const issuer = 'http://id.example';

function isReady(pod: Pod): Promise<boolean> {
  return fetch(`${pod.url}/readyz`).then(({ status }) => status === 200);
}

async function untilReady(pod: Pod, wanted: boolean): Promise<void> {
  while ((await isReady(pod)) !== wanted) await pause(50);
}

describe('an event loop', () => {
  const limits = { limitMs: 60, forMs: 400, windowMs: 100 };
  let watch: EventLoopWatch;
  beforeEach(() => {
    watch = watchEventLoop(limits);
  });
  afterEach(() => watch.close());

  function block(ms: number): void {
    const until = performance.now() + ms;
    while (performance.now() < until);
  }

  it('lags when it is late for long, and no more when it has been in time for as long', async () => {
    expect(watch.isLagging()).to.equal(false);
    const began = performance.now();
    while (!watch.isLagging()) {
      block(80);
      await pause(1);
    }
    expect(performance.now() - began).to.be.at.least(limits.forMs - limits.windowMs);
    expect(watch.lagMs()).to.be.greaterThan(limits.limitMs);
    while (watch.isLagging()) await pause(10);
  });

  it('does not lag after one long task that is over before the time', async () => {
    block(150);
    let hasLagged = false;
    for (const until = performance.now() + 800; performance.now() < until; ) {
      await pause(10);
      hasLagged ||= watch.isLagging();
    }
    expect(hasLagged).to.equal(false);
  });
});

describe('a pod', () => {
  let redis: Topology;
  let prefix = '';
  const running: Pod[] = [];
  const opened: Parts[] = [];

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
  });
  after(() => redis?.stop());
  beforeEach(() => {
    prefix = `ready-${randomBytes(4).toString('hex')}:`;
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((parts) => parts.close()));
    await Promise.all(running.splice(0).map((pod) => pod.kill('SIGKILL')));
  });

  async function start(
    name: string,
    environment: Record<string, string> = {},
    url = redis.url,
  ): Promise<Pod> {
    const pod = await startPod({
      name,
      issuer,
      redisUrl: url,
      environment: { HOLDFAST_REDIS_PREFIX: prefix, ...environment },
    });
    running.push(pod);
    return pod;
  }

  /** Another HOLDFAST_KEYS, whose first key older pods do not have. */
  const newerKeys = `newer:${Buffer.alloc(32, 9).toString('base64url')} ${testKeys}`;

  async function commandLine(keys: string): Promise<Parts> {
    const config = readConfig({
      HOLDFAST_ISSUER: issuer,
      HOLDFAST_KEYS: keys,
      REDIS_URL: redis.url,
      HOLDFAST_REDIS_PREFIX: prefix,
      HOLDFAST_UNSAFE_ALLOW_HTTP: 'true',
      HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: 'true',
    });
    const parts = await openParts(config, parseRedisUrl(redis.url), createLog('silent', 'cli'));
    opened.push(parts);
    return parts;
  }

  it('is unready while its keys are older than those that another pod serves', async function () {
    this.timeout(60_000);
    const old = await start('pod-old');
    const fresh = await start('pod-fresh', { HOLDFAST_KEYS: newerKeys });
    await (await commandLine(newerKeys)).oidc.keys.rotate('signing');
    await untilReady(old, false);
    expect(await isReady(fresh)).to.equal(true);
    expect((await fetch(`${old.url}/livez`)).status).to.equal(200);
    // When the other is gone, this one is the best that there is.
    await fresh.kill('SIGTERM');
    await untilReady(old, true);
  });

  it('stays ready with keys that no pod can open: then all would leave', async function () {
    this.timeout(60_000);
    const pods = [await start('pod-a'), await start('pod-b')];
    await (await commandLine(newerKeys)).oidc.keys.rotate('signing');
    const isSaid = (pod: Pod) => pod.log().includes('does not open');
    while (!pods.every(isSaid)) await pause(50);
    for (const until = performance.now() + 7000; performance.now() < until; await pause(250)) {
      for (const pod of pods) expect(await isReady(pod), pod.name).to.equal(true);
    }
  });

  it('is unready while its event loop is late for seconds, and alive all the time', async function () {
    this.timeout(60_000);
    const pod = await start('pod-slow');
    let isHeldUp = true;
    const holdUp = async () => {
      while (isHeldUp) {
        pod.process.kill('SIGSTOP');
        await pause(700);
        pod.process.kill('SIGCONT');
        await pause(150);
      }
    };
    const holding = holdUp();
    try {
      await untilReady(pod, false);
      expect((await fetch(`${pod.url}/livez`)).status).to.equal(200);
    } finally {
      isHeldUp = false;
      await holding;
    }
    await untilReady(pod, true);
  });

  it('stays ready without Redis', async function () {
    this.timeout(60_000);
    const other = await startStandalone({ appendOnly: false });
    try {
      const pod = await start('pod-alone', {}, other.url);
      await other.processes[0]?.kill('SIGKILL');
      while (!pod.log().includes('Redis does not answer')) await pause(50);
      for (const until = performance.now() + 7000; performance.now() < until; await pause(250)) {
        expect(await isReady(pod)).to.equal(true);
      }
    } finally {
      await other.stop();
    }
  });
});
