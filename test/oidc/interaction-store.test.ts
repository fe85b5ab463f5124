import { expect } from 'chai';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import type { Payload } from '../../src/oidc/adapter.ts';
import { createInteractionStore, type InteractionStore } from '../../src/oidc/interaction-store.ts';
import { inUnitOfWork, UnitOfWork } from '../../src/oidc/unit-of-work.ts';
import { randomText } from '../../src/random.ts';
import { openKeyRing } from '../../src/redis/key-ring.ts';
import { openStore, type Store } from '../../src/redis/redis.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { createVault } from '../../src/redis/vault.ts';
import { testKeys } from '../support/pods.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

describe('an interaction in Redis', () => {
  let redis: Topology;
  let store: Store;
  let interactions: InteractionStore;
  let uid: string;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    const config = readConfig({
      HOLDFAST_ISSUER: 'https://id.example.com',
      HOLDFAST_KEYS: testKeys,
      REDIS_URL: redis.url,
    });
    store = openStore(config, parseRedisUrl(redis.url), createLog('silent', 'test'));
    await store.whenReady(10_000);
    interactions = createInteractionStore(store, await openKeyRing(store, createVault(config.vaultKeys), {}));
  });
  after(async () => {
    await store?.close();
    await redis?.stop();
  });
  beforeEach(async () => {
    uid = randomText(32);
    const made = await begin(() => interactions.upsert(uid, { prompt: 'login' }, 600));
    expect(await made()).to.deep.equal({ ok: true });
  });

  /** Does the work now, and commits when the returned function is called: a request that takes its time. */
  async function begin(work: (unit: UnitOfWork) => Promise<unknown>, mayAnswerAgain = false) {
    const unit = new UnitOfWork(store, { mayAnswerAgain });
    await inUnitOfWork(unit, () => work(unit));
    return () => inUnitOfWork(unit, () => unit.commit());
  }

  const found = () =>
    inUnitOfWork(new UnitOfWork(store, { mayAnswerAgain: false }), () => interactions.find(uid));

  const answer = (result: Payload) => async () => {
    const payload = await interactions.find(uid);
    await interactions.upsert(uid, { ...payload, result }, 600);
  };

  it('keeps the first of two answers that were given at the same moment', async () => {
    const [ada, bob] = [await begin(answer({ login: 'ada' })), await begin(answer({ login: 'bob' }))];
    expect(await bob()).to.deep.equal({ ok: true });
    expect(await ada()).to.deep.include({ ok: false });
    expect((await found())?.result).to.deep.equal({ login: 'bob' });
  });

  it('keeps the first answer also when a later one is all that is left to write', async () => {
    let alone: Awaited<ReturnType<InteractionStore['answerAlone']>> | undefined;
    await begin(async () => {
      await answer({ login: 'ada' })();
      alone = await interactions.answerAlone(uid);
    });
    await (await begin(answer({ login: 'bob' })))();
    expect(alone && (await store.commit(alone))).to.deep.include({ ok: false, reason: 'changed' });
    expect((await found())?.result).to.deep.equal({ login: 'bob' });
  });

  it('is gone on with once', async () => {
    const resume = async () => {
      await interactions.find(uid);
      await interactions.spend(uid);
    };
    const [one, other] = [await begin(resume, true), await begin(resume, true)];
    expect(await one()).to.deep.equal({ ok: true });
    expect(await other()).to.deep.include({ ok: false, rank: 'gate' });
  });

  it('is not made again by an answer to one that has expired', async () => {
    const late = await begin(answer({ login: 'ada' }));
    const [key = ''] = (await store.call('KEYS', 'hf:{i:*')) as string[];
    await store.call('DEL', key);
    await late();
    const all = (await store.call('KEYS', 'hf:{i:*')) as string[];
    expect(all).not.to.include(key);
  });
});
