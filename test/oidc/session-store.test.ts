import { expect } from 'chai';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import type { Payload } from '../../src/oidc/adapter.ts';
import { createSessionStore, mintSessionId, type SessionStore } from '../../src/oidc/session-store.ts';
import { mintTag } from '../../src/oidc/token-store.ts';
import { inUnitOfWork, UnitOfWork } from '../../src/oidc/unit-of-work.ts';
import { openKeyRing } from '../../src/redis/key-ring.ts';
import { openStore, type Store } from '../../src/redis/redis.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { createVault } from '../../src/redis/vault.ts';
import { testKeys } from '../support/pods.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

describe('a session in Redis', () => {
  let redis: Topology;
  let store: Store;
  let sessions: SessionStore;
  let uid: string;
  let id: string;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    const config = readConfig({
      HOLDFAST_ISSUER: 'https://id.example.com',
      HOLDFAST_KEYS: testKeys,
      REDIS_URL: redis.url,
    });
    store = openStore(config, parseRedisUrl(redis.url), createLog('silent', 'test'));
    await store.whenReady(10_000);
    const ring = await openKeyRing(store, createVault(config.vaultKeys), {});
    sessions = createSessionStore(store, ring, { idleSeconds: 600, absoluteSeconds: 3600 });
  });
  after(async () => {
    await store?.close();
    await redis?.stop();
  });
  beforeEach(() => {
    uid = mintTag();
    id = mintSessionId(uid);
  });

  /** One request: what it reads, what it makes of that, and its commit. */
  function request(work: (unit: UnitOfWork) => Promise<void>) {
    const unit = new UnitOfWork(store, { mayAnswerAgain: false });
    return inUnitOfWork(unit, async () => {
      await work(unit);
      return unit.commit();
    });
  }

  const make = (payload: Payload = { accountId: 'ada' }) =>
    request(async () => sessions.upsert(id, { uid, jti: id, ...payload }, 600));

  /** Reads now, and changes and commits when the returned function is called: a request that takes its time. */
  async function begin(change: (payload: Payload) => void) {
    const unit = new UnitOfWork(store, { mayAnswerAgain: false });
    const read = await inUnitOfWork(unit, () => sessions.find(id));
    return () =>
      inUnitOfWork(unit, async () => {
        const payload = structuredClone(read) as Payload;
        change(payload);
        await sessions.upsert(id, payload, 600);
        return unit.commit();
      });
  }

  const authorizations = (payload: Payload | undefined) =>
    payload?.authorizations as Record<string, { grantId: string }> | undefined;

  const found = () => inUnitOfWork(new UnitOfWork(store, { mayAnswerAgain: false }), () => sessions.find(id));

  it('keeps what two requests changed at the same moment, each its own part', async () => {
    await make({ accountId: 'ada', authorizations: { first: { grantId: 'old' } } });
    const one = await begin((payload) => {
      payload.authorizations = { first: { grantId: 'new' } };
    });
    const other = await begin((payload) => {
      payload.authorizations = { ...authorizations(payload), second: { grantId: 'two' } };
    });
    expect(await one()).to.deep.equal({ ok: true });
    expect(await other()).to.deep.equal({ ok: true });
    expect(authorizations(await found())).to.deep.equal({
      first: { grantId: 'new' },
      second: { grantId: 'two' },
    });
  });

  it('is not brought back by a request that read it before it was ended', async () => {
    await make();
    const late = await begin((payload) => {
      payload.authorizations = { first: { grantId: 'g' } };
    });
    await request(async () => sessions.end(id));
    expect(await late()).to.deep.include({ ok: false, rank: 'session' });
    expect(await found()).to.equal(undefined);
  });

  it('is not begun again under the uid of one that was ended', async () => {
    await make();
    await request(async () => sessions.end(id));
    expect(await make()).to.deep.include({ ok: false, rank: 'session' });
    expect(await found()).to.equal(undefined);
  });

  it('is opened by its own ids alone', async () => {
    await make();
    const unit = new UnitOfWork(store, { mayAnswerAgain: false });
    await inUnitOfWork(unit, async () => {
      expect(await sessions.find(mintSessionId(uid))).to.equal(undefined);
      expect(await sessions.find(`${uid}.`)).to.equal(undefined);
      expect(await sessions.find(uid)).to.equal(undefined);
      expect((await sessions.find(id))?.accountId).to.equal('ada');
    });
  });

  it('drops the ids from before a sign-in at once, and retires replaced ones', async () => {
    await make({});
    const next = mintSessionId(uid);
    await request(async (unit) => {
      const payload = await sessions.find(id);
      unit.retiredSessionIds.add(id);
      await sessions.upsert(next, { ...payload, jti: next, accountId: 'ada' }, 600);
    });
    expect(await found(), 'an id from before the sign-in').to.equal(undefined);

    const third = mintSessionId(uid);
    await request(async (unit) => {
      const payload = await sessions.find(next);
      unit.retiredSessionIds.add(next);
      await sessions.upsert(third, { ...payload, jti: third }, 600);
    });
    id = next;
    expect((await found())?.accountId, 'a replaced id, for the tab next door').to.equal('ada');
  });

  it('ends at the absolute limit, however busy it is', async () => {
    const brief = createSessionStore(store, await openKeyRing(store, createVault(testVaultKeys()), {}), {
      idleSeconds: 600,
      absoluteSeconds: 0,
    });
    await request(async () => brief.upsert(id, { uid, jti: id, accountId: 'ada' }, 600));
    expect(await found()).to.equal(undefined);
  });

  it('keeps what it has with clients apart from what every object has, whatever they are called', async () => {
    await make();
    const names = ['__proto__', 'constructor', 'toString'];
    for (const name of names) {
      await store.call(
        'HSET',
        store.keys.session(uid),
        `a:${name}`,
        JSON.stringify({ sid: name, polluted: 1 }),
      );
    }
    const found = await inUnitOfWork(new UnitOfWork(store, { mayAnswerAgain: false }), () =>
      sessions.find(id),
    );
    const authorizations = found?.authorizations as Record<string, { sid?: string }>;
    expect(Object.keys(authorizations).sort()).to.deep.equal([...names].sort());
    expect(Object.getPrototypeOf(authorizations)).to.equal(null);
    expect(authorizations.valueOf).to.equal(undefined);
    // One that has nothing yet is written into as well.
    await request(async () => sessions.end(id));
    [uid, id] = [mintTag(), ''];
    id = mintSessionId(uid);
    await make();
    const other = await inUnitOfWork(new UnitOfWork(store, { mayAnswerAgain: false }), () =>
      sessions.find(id),
    );
    expect(Object.getPrototypeOf(other?.authorizations)).to.equal(null);
  });
});

function testVaultKeys() {
  const [name = '', secret = ''] = testKeys.split(':');
  return [{ id: name, secret: Buffer.from(secret, 'base64url') }];
}
