import { expect } from 'chai';
import { send } from '../support/person.ts';
import { startPod } from '../support/pods.ts';
import { clients, startProvider } from '../support/provider.ts';
import { startStandalone } from '../support/redis-topologies.ts';
import { planEnvironment } from './pod-plan.ts';

describe('a revocation', () => {
  it('is whole when its answer comes, though a pod died in the midst of it and it was sent again', async function () {
    this.timeout(30_000);
    const redis = await startStandalone();
    const provider = await startProvider(redis.url, 1);
    const dying = await startPod({
      name: 'dying',
      issuer: provider.issuer,
      redisUrl: redis.url,
      environment: planEnvironment({ points: ['between-aggregates'], probability: 1, seed: 1, clockMs: 0 }),
    });
    try {
      const tokens = await provider.signIn(provider.person(), clients.first);
      await send(new URL('/token/revocation', dying.url), {
        method: 'POST',
        headers: {
          host: new URL(provider.issuer).host,
          authorization: `Basic ${btoa(`${clients.first.id}:${clients.first.secret}`)}`,
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: new URLSearchParams({ token: tokens.refresh_token }).toString(),
      }).catch(() => {});
      const again = await provider.post(
        '/token/revocation',
        { token: tokens.refresh_token },
        { client: clients.first },
      );
      expect(again.status).to.equal(200);
      const info = await provider.get('/me', { authorization: `Bearer ${tokens.access_token}` });
      expect(info.status).to.equal(401);
    } finally {
      await dying.kill('SIGKILL');
      await provider.stop();
      await redis.stop();
    }
  });
});
