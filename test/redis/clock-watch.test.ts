import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { planEnvironment } from '../chaos/pod-plan.ts';
import { send } from '../support/person.ts';
import { type Pod, startPod } from '../support/pods.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

describe('a pod whose clock is set wrong while it runs', () => {
  let redis: Topology;
  const issuer = 'http://id.example';

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
  });
  after(async () => {
    await redis?.stop();
  });

  async function startPodThatGoesOff(clockMs: number, settings: Record<string, string> = {}): Promise<Pod> {
    const pod = await startPod({
      name: 'pod-off',
      issuer,
      redisUrl: redis.url,
      environment: {
        ...planEnvironment({ points: [], probability: 0, seed: 1, clockMs, clockOnSignal: true }),
        ...settings,
      },
    });
    expect((await get(pod, '/jwks')).status).to.equal(200);
    pod.process.kill('SIGUSR2');
    return pod;
  }

  const get = (pod: Pod, path: string) =>
    send(new URL(path, pod.url), {
      method: 'GET',
      headers: { host: new URL(issuer).host, accept: 'application/json' },
    });

  for (const [what, clockMs] of [
    ['ten minutes ahead', 10 * 60_000],
    ['ten minutes behind', -10 * 60_000],
  ] as const) {
    it(`leaves, and answers nothing that it would judge by its clock (${what})`, async () => {
      const pod = await startPodThatGoesOff(clockMs);
      try {
        while ((await get(pod, '/readyz')).status === 200) await pause(50);
        expect((await get(pod, '/livez')).status).to.equal(200);
        const reply = await get(pod, '/auth?client_id=x');
        expect(reply.status).to.equal(503);
        expect(reply.headers.get('retry-after')).to.equal('1');
        expect(reply.headers.get('connection')).to.equal('close');
        expect((await get(pod, '/jwks')).status).to.equal(200);
      } finally {
        await pod.kill('SIGKILL');
      }
    });
  }

  it('stays when it is only seconds off', async () => {
    const pod = await startPodThatGoesOff(5000);
    try {
      await pause(500);
      expect((await get(pod, '/readyz')).status).to.equal(200);
      expect((await get(pod, '/auth?client_id=x')).status).to.equal(400);
    } finally {
      await pod.kill('SIGKILL');
    }
  });

  it('stays where any distance is allowed', async () => {
    const pod = await startPodThatGoesOff(10 * 60_000, { HOLDFAST_CLOCK_TOLERANCE_SECONDS: '0' });
    try {
      await pause(500);
      expect((await get(pod, '/readyz')).status).to.equal(200);
    } finally {
      await pod.kill('SIGKILL');
    }
  });
});
