import { expect } from 'chai';
import { clients, type JsonReply, startProvider, type TestProvider } from '../support/provider.ts';
import { startSentinel, type Topology } from '../support/redis-topologies.ts';
import { isAlive, refresh } from './relying-party.ts';

/** What is acknowledged is held by a replica first, also when it is acknowledged to a request that was sent again. */
describe('an answer, while no replica answers', () => {
  let redis: Topology;
  let provider: TestProvider;

  before(async function () {
    this.timeout(60_000);
    redis = await startSentinel({ replicas: 1, sentinels: 1 });
    provider = await startProvider(redis.url, 2, {
      HOLDFAST_DURABLE_REPLICAS: '1',
      HOLDFAST_DURABLE_TIMEOUT_MS: '300',
    });
  });
  after(async () => {
    await provider?.stop();
    await redis?.stop();
  });

  /** Sends the same request to one pod and the other while the replica is frozen, and once more when it is back. */
  async function whileFrozen(request: (pod: number) => Promise<JsonReply>): Promise<JsonReply> {
    const replicas = redis.processes.filter(({ role }) => role === 'replica');
    for (const replica of replicas) await replica.kill('SIGSTOP');
    try {
      for (const pod of [0, 1, 0]) {
        const reply = await request(pod);
        expect(reply.status, reply.body).to.equal(503);
        expect(reply.headers.get('retry-after')).to.match(/^\d+$/);
        expect(reply.body).not.to.include('token"');
      }
    } finally {
      for (const replica of replicas) await replica.kill('SIGCONT');
    }
    return untilHeld(() => request(1));
  }

  async function untilHeld(request: () => Promise<JsonReply>): Promise<JsonReply> {
    for (;;) {
      const reply = await request();
      if (reply.status !== 503) return reply;
    }
  }

  async function signedIn() {
    const { answer, verifier } = await provider.authorize(provider.person(), clients.first);
    return { code: answer.code ?? '', verifier };
  }

  async function tokens() {
    const { code, verifier } = await signedIn();
    const reply = await untilHeld(() => provider.exchange(clients.first, code, verifier));
    expect(reply.status, reply.body).to.equal(200);
    return reply.json as { access_token: string; refresh_token: string };
  }

  it('to a code is refused each time, and given when the replica is back', async () => {
    const { code, verifier } = await signedIn();
    const reply = await whileFrozen((pod) => provider.exchange(clients.first, code, verifier, { pod }));
    expect(reply.status, reply.body).to.equal(200);
    expect(await isAlive(provider, String(reply.json.access_token))).to.equal(true);
  });

  it('to a refresh token is refused each time, and given when the replica is back', async () => {
    const { refresh_token } = await tokens();
    const reply = await whileFrozen((pod) => refresh(provider, clients.first, refresh_token, {}, { pod }));
    expect(reply.status, reply.body).to.equal(200);
    expect(await isAlive(provider, String(reply.json.access_token))).to.equal(true);
  });

  for (const kind of ['access_token', 'refresh_token'] as const) {
    it(`to a revocation (${kind}) is refused each time, and given when the replica is back`, async () => {
      const { [kind]: token, access_token } = await tokens();
      const reply = await whileFrozen((pod) =>
        provider.post('/token/revocation', { token }, { client: clients.first, pod }),
      );
      expect(reply.status, reply.body).to.equal(200);
      expect(await isAlive(provider, access_token)).to.equal(false);
    });
  }
});
