import { expect } from 'chai';
import type { Actor } from '../../src/access/actor.ts';
import { createIdempotency, type Idempotency, type KeptAnswer } from '../../src/admin/api/idempotency.ts';
import { ApiProblem } from '../../src/admin/api/problem.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { openKeyRing } from '../../src/redis/key-ring.ts';
import { openStore, type Store } from '../../src/redis/redis.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { createVault } from '../../src/redis/vault.ts';
import { testKeys } from '../support/pods.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

/** A request with an idempotency key is done once, whichever pods it reaches. */
describe('idempotency keys', () => {
  let redis: Topology;
  const stores: Store[] = [];
  const pods: Idempotency[] = [];

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    const config = readConfig({
      HOLDFAST_ISSUER: 'http://id.example',
      HOLDFAST_KEYS: testKeys,
      REDIS_URL: redis.url,
      HOLDFAST_UNSAFE_ALLOW_HTTP: 'true',
      HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: 'true',
    });
    for (let i = 0; i < 2; i++) {
      const store = openStore(config, parseRedisUrl(redis.url), createLog('silent', `pod-${i}`));
      await store.whenReady(5000);
      stores.push(store);
      const ring = await openKeyRing(store, createVault(config.vaultKeys), {});
      pods.push(createIdempotency({ store, ring }));
      // Those of a pod whose requests are taken to be lost at once.
      pods.push(createIdempotency({ store, ring }, { leaseMs: 1, isLost: true }));
    }
  });
  after(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await redis?.stop();
  });

  const ada: Actor = {
    kind: 'account',
    id: 'ada',
    name: 'ada@example.com',
    permissions: new Set(),
    via: 'api',
    requestId: 'request',
    address: '192.0.2.1',
  };
  const made = (body: string): KeptAnswer => ({ status: 201, headers: { etag: '"1"' }, body });
  const pod = (i: number) => pods[i] as Idempotency;

  async function problemOf(work: Promise<unknown>): Promise<string> {
    try {
      await work;
    } catch (error) {
      if (error instanceof ApiProblem) return error.kind;
      throw error;
    }
    return 'none';
  }

  it('does twenty at once on two pods once, and gives each the same answer', async () => {
    let done = 0;
    const send = async (i: number): Promise<KeptAnswer> => {
      for (;;) {
        try {
          return await pod(i % 2 === 0 ? 0 : 2).once(ada, 'twenty', ['POST', '/x'], async () => {
            done += 1;
            await new Promise((resolve) => setImmediate(resolve));
            return made(`number ${done}`);
          });
        } catch (error) {
          if (!(error instanceof ApiProblem) || error.kind !== 'in-progress') throw error;
          expect(Number(error.headers['retry-after'])).to.be.within(1, 5);
        }
      }
    };
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => send(i)));
    expect(done).to.equal(1);
    for (const answer of answers) expect(answer).to.deep.equal(made('number 1'));
  });

  it('is left to a pod that works on it for longer than others wait', async () => {
    const ring = await openKeyRing(
      stores[0] as Store,
      createVault([{ id: 'test', secret: Buffer.alloc(32, 7) }]),
      {},
    );
    const patient = createIdempotency({ store: stores[0] as Store, ring }, { leaseMs: 900 });
    let finish = (_answer: KeptAnswer) => {};
    const slow = patient.once(
      ada,
      'long',
      ['POST', '/x'],
      () => new Promise((resolve) => (finish = resolve)),
    );
    const until = performance.now() + 1500;
    while (performance.now() < until) {
      expect(await problemOf(pod(2).once(ada, 'long', ['POST', '/x'], async () => made('second')))).to.equal(
        'in-progress',
      );
    }
    finish(made('first'));
    expect((await slow).body).to.equal('first');
  });

  it('refuses the key for another request', async () => {
    await pod(0).once(ada, 'other', ['POST', '/x', { a: 1 }], async () => made('a'));
    expect(
      await problemOf(pod(2).once(ada, 'other', ['POST', '/x', { a: 2 }], async () => made('b'))),
    ).to.equal('key-reused');
  });

  it('keeps the keys of others apart', async () => {
    const bob = { ...ada, id: 'bob' };
    const client = { ...ada, kind: 'client' as const };
    const ids = new Set<string>();
    for (const actor of [ada, bob, client]) {
      await pod(0).once(actor, 'shared', ['POST', '/x'], async (once) => {
        ids.add(once.id('account'));
        return made(actor.id);
      });
    }
    expect(ids.size).to.equal(3);
  });

  it('lets the next try do it again, with the same ids, when a pod was killed in between', async () => {
    const seen: string[] = [];
    // Its pod was killed: no answer, and nobody gives the request back.
    void pod(1).once(ada, 'killed', ['POST', '/x'], (once) => {
      seen.push(`${once.isRetry} ${once.id('account')}`);
      return new Promise(() => {});
    });
    for (;;) {
      const problem = await problemOf(
        pod(2).once(ada, 'killed', ['POST', '/x'], async (once) => {
          seen.push(`${once.isRetry} ${once.id('account')}`);
          return made('second');
        }),
      );
      if (problem === 'none') break;
      expect(problem).to.equal('in-progress');
    }
    const [first = '', second = ''] = seen;
    expect(seen).to.have.lengthOf(2);
    expect(first).to.match(/^false [\w-]{22}$/);
    expect(second).to.equal(first.replace('false', 'true'));
  });

  it('gives each try the same secrets, and others when the key is used again after its time', async () => {
    const seen: string[] = [];
    const fail = (index: number) =>
      pod(index).once(ada, 'secrets', ['POST', '/x'], (once) => {
        seen.push(once.secret('secret'));
        expect(once.secret('other')).to.not.equal(once.secret('secret'));
        throw new Error('killed');
      });
    for (const index of [0, 2]) await fail(index).catch(() => {});
    expect(seen[0]).to.match(/^[\w-]{44}$/);
    expect(seen[1]).to.equal(seen[0]);
    const [store] = stores;
    const keys = (await store?.call('KEYS', 'hf:{once:*')) as string[];
    for (const key of keys) {
      expect(JSON.stringify(await store?.read(key))).to.not.include(seen[0]);
      await store?.call('DEL', key);
    }
    await fail(2).catch(() => {});
    expect(seen[2]).to.be.a('string').and.not.equal(seen[0]);
  });

  it('does not let a try that was overtaken replace the answer', async () => {
    let finish = (_answer: KeptAnswer) => {};
    const slow = pod(1).once(ada, 'slow', ['POST', '/x'], () => new Promise((resolve) => (finish = resolve)));
    while ((await problemOf(pod(2).once(ada, 'slow', ['POST', '/x'], async () => made('fast')))) !== 'none');
    finish(made('slow'));
    await slow;
    const kept = await pod(0).once(ada, 'slow', ['POST', '/x'], async () => made('third'));
    expect(kept.body).to.equal('fast');
  });

  it('may be sent again at once when the work failed', async () => {
    const failing = pod(0).once(ada, 'failed', ['POST', '/x'], async () => {
      throw new Error('Redis went away');
    });
    await failing.then(
      () => expect.fail('it failed'),
      () => {},
    );
    const answer = await pod(2).once(ada, 'failed', ['POST', '/x'], async (once) =>
      made(String(once.isRetry)),
    );
    expect(answer.body).to.equal('true');
  });

  it('takes only keys that can be seen, and of some length', async () => {
    for (const key of ['a b', 'a\u00e9', 'x'.repeat(129)]) {
      expect(await problemOf(pod(0).once(ada, key, ['POST', '/x'], async () => made('x'))), key).to.equal(
        'invalid-request',
      );
    }
  });

  it('leaves neither key, request nor answer to be read in Redis', async () => {
    const secret = 'the-secret-of-the-answer';
    await pod(0).once(ada, 'key-to-look-for', ['POST', '/x', { password: secret }], async () => made(secret));
    const { client } = (stores[0] as Store).handle as { client: { keys(p: string): Promise<string[]> } };
    const all = await client.keys('*');
    const records = await Promise.all(
      all.filter((key) => key.includes('{once:')).map((key) => (stores[0] as Store).read(key)),
    );
    expect(records).not.to.have.lengthOf(0);
    const dump = JSON.stringify([all, records]);
    for (const text of [secret, 'key-to-look-for', 'ada']) expect(dump).not.to.contain(text);
    for (const key of all.filter((one) => one.includes('{once:'))) {
      expect(Number(await (stores[0] as Store).call('PTTL', key))).to.be.within(1, 24 * 3600 * 1000);
    }
  });
});
