import { expect } from 'chai';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import type { Payload } from '../../src/oidc/adapter.ts';
import { createTokenStore, mintTag, mintTokenId, type TokenStore } from '../../src/oidc/token-store.ts';
import { inUnitOfWork, UnitOfWork } from '../../src/oidc/unit-of-work.ts';
import { openKeyRing } from '../../src/redis/key-ring.ts';
import { openStore, type Store } from '../../src/redis/redis.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { createVault } from '../../src/redis/vault.ts';
import { testKeys } from '../support/pods.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

/** Requests that have read what another changes before they commit: the moments that a test over HTTP seldom hits. */
describe('codes, tokens and grants in Redis', () => {
  let redis: Topology;
  let store: Store;
  let tokens: TokenStore;
  let tag: string;
  let code: string;

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
    tokens = createTokenStore(store, ring, {
      longestLifetimeSeconds: () => 3600,
      retrySeconds: 30,
    });
  });
  after(async () => {
    await store?.close();
    await redis?.stop();
  });
  beforeEach(async () => {
    tag = mintTag();
    code = mintTokenId(tag);
    const made = await request(async () => {
      await tokens.upsertGrant(tag, grant(), 600);
      await tokens.upsert(code, ofGrant('AuthorizationCode'), 60);
    });
    expect(made).to.deep.equal({ ok: true });
  });

  const grant = (scope = 'openid'): Payload => ({ accountId: 'ada', clientId: 'first', openid: { scope } });
  const ofGrant = (kind: string): Payload => ({ kind, grantId: tag, accountId: 'ada', clientId: 'first' });

  /** Does the work now, and commits when the returned function is called: a request that takes its time. */
  async function begin(work: () => Promise<unknown>) {
    const unit = new UnitOfWork(store, { mayAnswerAgain: true });
    await inUnitOfWork(unit, work);
    return () => inUnitOfWork(unit, () => unit.commit());
  }

  const request = async (work: () => Promise<unknown>) => (await begin(work))();
  const find = (id: string) =>
    inUnitOfWork(new UnitOfWork(store, { mayAnswerAgain: false }), () => tokens.find(id));
  const findGrant = () =>
    inUnitOfWork(new UnitOfWork(store, { mayAnswerAgain: false }), () => tokens.findGrant(tag));
  const keysOfGrant = async () => ((await store.call('KEYS', `hf:{g:${tag}}*`)) as string[]).sort();

  async function exchange(accessToken: string, refreshToken: string): Promise<void> {
    await tokens.find(code);
    await tokens.findGrant(tag);
    await tokens.consume(code);
    await tokens.upsert(refreshToken, ofGrant('RefreshToken'), 600);
    await tokens.upsert(accessToken, ofGrant('AccessToken'), 60);
  }

  it('gives no token for a grant that was revoked meanwhile, and writes none', async () => {
    const [accessToken, refreshToken] = [mintTokenId(tag), mintTokenId(tag)];
    const late = await begin(() => exchange(accessToken, refreshToken));
    await tokens.revokeNow(store.keys.grant(tag));
    const before = await keysOfGrant();
    expect(await late()).to.deep.include({ ok: false, rank: 'grant' });
    expect(await keysOfGrant()).to.deep.equal(before);
  });

  it('gives no token for a grant that has expired meanwhile', async () => {
    const late = await begin(() => exchange(mintTokenId(tag), mintTokenId(tag)));
    await store.call('DEL', store.keys.grant(tag));
    expect(await late()).to.deep.include({ ok: false, rank: 'grant' });
    expect(await keysOfGrant()).to.have.lengthOf(1);
  });

  it('spends a code for one of two requests that have both seen it', async () => {
    const [one, other] = [mintTokenId(tag), mintTokenId(tag)];
    const [first, second] = [
      await begin(() => exchange(one, mintTokenId(tag))),
      await begin(() => exchange(other, mintTokenId(tag))),
    ];
    expect(await first()).to.deep.equal({ ok: true });
    expect(await second()).to.deep.include({ ok: false, rank: 'grant' });
    expect(await find(one)).to.be.an('object');
    expect(await find(other)).to.equal(undefined);
    expect((await find(code))?.consumed).to.be.a('number');
  });

  it('spends no code that has expired meanwhile', async () => {
    const late = await begin(() => exchange(mintTokenId(tag), mintTokenId(tag)));
    const [codeKey = ''] = (await keysOfGrant()).filter((key) => key !== store.keys.grant(tag));
    await store.call('DEL', codeKey);
    expect(await late()).to.deep.include({ ok: false, rank: 'grant' });
    expect(await keysOfGrant()).to.deep.equal([store.keys.grant(tag)]);
  });

  it('makes a grant once, and widens one only as it was read', async () => {
    const widen = (scope: string) => async () => {
      await tokens.findGrant(tag);
      await tokens.upsertGrant(tag, grant(scope), 600);
    };
    const [one, other] = [await begin(widen('openid email')), await begin(widen('openid profile'))];
    expect(await one()).to.deep.equal({ ok: true });
    expect(await other()).to.deep.include({ ok: false, rank: 'grant' });
    expect((await findGrant())?.openid).to.deep.equal({ scope: 'openid email' });

    tag = mintTag();
    const [making, same] = [await begin(widen('openid')), await begin(widen('openid email'))];
    expect(await making()).to.deep.equal({ ok: true });
    expect(await same()).to.deep.include({ ok: false, rank: 'grant' });
  });

  it('does not bring a revoked grant back', async () => {
    const late = await begin(async () => {
      await tokens.findGrant(tag);
      await tokens.upsertGrant(tag, grant('openid email'), 600);
    });
    await tokens.revokeNow(store.keys.grant(tag));
    expect(await late()).to.deep.include({ ok: false, rank: 'grant' });
    expect(await findGrant()).to.equal(undefined);
    expect(await find(code)).to.equal(undefined);
    const again = await request(() => tokens.upsertGrant(tag, grant(), 600));
    expect(again, 'a grant made under a buried id').to.deep.include({ ok: false, rank: 'grant' });
  });

  it('takes the first of two answers about a device', async () => {
    const device = mintTokenId(mintTag());
    const payload = (answer: Payload): Payload => ({ kind: 'DeviceCode', clientId: 'first', ...answer });
    await request(async () => tokens.upsert(device, payload({}), 600));
    const answer = (how: Payload) => async () => {
      await tokens.find(device);
      await tokens.upsert(device, payload(how), 600);
    };
    const [yes, no] = [
      await begin(answer({ inFlight: true })),
      await begin(answer({ error: 'access_denied' })),
    ];
    expect(await no()).to.deep.equal({ ok: true });
    expect(await yes()).to.deep.include({ ok: false });
    expect(await find(device)).to.include({ error: 'access_denied' });
  });

  it('keeps a grant as long as the longest token that hangs on it', async () => {
    const lifetime = async () => Number(await store.call('PTTL', store.keys.grant(tag)));
    expect(await lifetime()).to.be.within(590_000, 600_000);
    await request(async () => {
      await tokens.findGrant(tag);
      await tokens.upsert(mintTokenId(tag), ofGrant('RefreshToken'), 1200);
    });
    expect(await lifetime()).to.be.within(1_190_000, 1_200_000);
    await request(async () => {
      await tokens.findGrant(tag);
      await tokens.upsert(mintTokenId(tag), ofGrant('RefreshToken'), 100);
    });
    expect(await lifetime()).to.be.within(1_190_000, 1_200_000);
  });

  it('knows no id that it did not make', async () => {
    for (const id of [
      '',
      'x',
      '.',
      `${tag}.`,
      tag,
      `${tag}.${'A'.repeat(43)}`,
      `{${tag}}.x`,
      `${code}x`,
      `${code}\0`,
    ]) {
      expect(await find(id), JSON.stringify(id)).to.equal(undefined);
    }
    for (const id of ['', '*', '{k}', `${tag}x`]) {
      const unit = new UnitOfWork(store, { mayAnswerAgain: false });
      expect(await inUnitOfWork(unit, () => tokens.findGrant(id))).to.equal(undefined);
    }
  });
});
