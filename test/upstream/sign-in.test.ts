import { expect } from 'chai';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { type EngineIssuer, engineClient, startEngineIssuer } from './engine-issuer.ts';
import { SmallBrowser } from './small-browser.ts';
import { begun, callbackOf, entry, home, openUpstream, type UpstreamFixture } from './upstream-fixture.ts';

describe('signing in with another provider', () => {
  let redis: Topology;
  let issuer: EngineIssuer;
  let pod: UpstreamFixture;
  let otherPod: UpstreamFixture;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    issuer = await startEngineIssuer(callbackOf('acme'));
    const list = [entry('acme', issuer.url), entry('other', issuer.url)];
    pod = await openUpstream(redis.url, list);
    otherPod = await openUpstream(redis.url, list, pod.prefix);
  });
  after(async () => {
    await Promise.all([pod?.close(), otherPod?.close()]);
    await issuer?.stop();
    await redis?.stop();
  });
  beforeEach(() => {
    issuer.refuses = false;
    issuer.person = { sub: 'grace', email: 'grace@acme.example', email_verified: true, name: 'Grace Hopper' };
  });

  /** There and back, as far as the answer that comes back. */
  async function goThere(uid?: string) {
    const { url, browserSecret } = await begun(pod.upstream, 'acme', uid);
    const back = await new SmallBrowser().follow(url, home);
    return { query: back.searchParams, browserSecret, path: back.pathname };
  }

  it('brings somebody back on another pod, with what they are called there', async () => {
    const { query, browserSecret, path } = await goThere('uid-1');
    expect(path).to.equal('/upstream/callback/acme');
    expect(await otherPod.upstream.finish('acme', query, browserSecret)).to.deep.equal({
      ok: true,
      context: { kind: 'sign-in', interactionUid: 'uid-1' },
      identity: {
        providerId: 'acme',
        issuer: issuer.url,
        sub: 'grace',
        email: 'grace@acme.example',
        emailVerified: true,
        isEmailTrusted: false,
        name: 'Grace Hopper',
      },
    });
  });

  it('asks with PKCE, a state and a nonce that are new each time', async () => {
    const [one, two] = [await begun(pod.upstream, 'acme'), await begun(pod.upstream, 'acme')];
    const [first, second] = [new URL(one.url).searchParams, new URL(two.url).searchParams];
    expect(first.get('code_challenge_method')).to.equal('S256');
    expect(first.get('redirect_uri')).to.equal(callbackOf('acme'));
    expect(first.get('response_type')).to.equal('code');
    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect(first.get(name)).to.match(/^[\w-]{43}$/);
      expect(first.get(name)).not.to.equal(second.get(name));
    }
    expect(one.browserSecret).not.to.equal(two.browserSecret);
  });

  it('keeps the secret that a browser has, so that two tabs both come back', async () => {
    const one = await begun(pod.upstream, 'acme');
    const context = { kind: 'link', accountId: 'ada', epoch: 3 } as const;
    const two = await pod.upstream.begin('acme', context, one.browserSecret);
    if (!two.ok) throw new Error(two.problem);
    expect(two.browserSecret).to.equal(one.browserSecret);
    for (const { url } of [two, one]) {
      const { searchParams } = await new SmallBrowser().follow(url, home);
      expect(await pod.upstream.finish('acme', searchParams, one.browserSecret)).to.include({ ok: true });
    }
    const made = await pod.upstream.begin('acme', context, 'x');
    expect(made).to.include({ ok: true }).and.not.to.include({ browserSecret: 'x' });
  });

  it('says so when the person said no', async () => {
    issuer.refuses = true;
    const { query, browserSecret } = await goThere('uid-2');
    const context = { kind: 'sign-in', interactionUid: 'uid-2' };
    expect(await pod.upstream.finish('acme', query, browserSecret)).to.deep.equal({
      ok: false,
      problem: 'refused',
      context,
    });
  });

  it('lets one of twenty through that come back with one answer, on two pods', async () => {
    const { query, browserSecret } = await goThere();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        (i % 2 ? pod : otherPod).upstream.finish('acme', query, browserSecret),
      ),
    );
    expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
    const problems = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.problem]));
    expect(problems).to.deep.equal(Array(19).fill('start-again'));
  });

  it('says where to start again when a code was used, or its pod died with it', async () => {
    const { query, browserSecret } = await goThere('uid-3');
    // The pod that took the answer is gone: nobody has exchanged the code.
    const key = pod.store.keys.upstreamSignIn(pod.ring.hash('upstream-state', query.get('state') ?? ''));
    await pod.store.run('upstream-spend', [key], []);
    const context = { kind: 'sign-in', interactionUid: 'uid-3' };
    const startAgain = { ok: false, problem: 'start-again', context };
    expect(await pod.upstream.finish('acme', query, browserSecret)).to.deep.equal(startAgain);
    expect(
      await goThere('uid-3').then(({ query: next, browserSecret: secret }) =>
        pod.upstream.finish('acme', next, secret),
      ),
    ).to.include({ ok: true });

    const replayed = await goThere('uid-3');
    const { url, browserSecret: secret } = await begun(pod.upstream, 'acme', 'uid-3');
    await pod.upstream.finish('acme', replayed.query, replayed.browserSecret);
    const mixed = new URLSearchParams(replayed.query);
    mixed.set('state', new URL(url).searchParams.get('state') ?? '');
    expect(await pod.upstream.finish('acme', mixed, secret)).to.deep.equal(startAgain);
  });

  it('takes no answer of another browser, and leaves it to the one that it belongs to', async () => {
    const { query, browserSecret } = await goThere();
    const { browserSecret: strangers } = await begun(pod.upstream, 'acme');
    for (const secret of [strangers, undefined, '', `${browserSecret}x`, browserSecret.slice(1)]) {
      const outcome = await pod.upstream.finish('acme', query, secret);
      expect(outcome).to.deep.equal({ ok: false, problem: 'other-browser' });
    }
    expect(await pod.upstream.finish('acme', query, browserSecret)).to.include({ ok: true });
  });

  it('takes no answer at the address of another provider (mix-up)', async () => {
    const { query, browserSecret } = await goThere();
    expect(await pod.upstream.finish('other', query, browserSecret)).to.include({ problem: 'bad-answer' });
    expect(await pod.upstream.finish('acme', query, browserSecret)).to.include({ problem: 'start-again' });
    expect(await pod.upstream.finish('nobody', query, browserSecret)).to.include({
      problem: 'unknown-provider',
    });
    expect(await pod.upstream.begin('nobody', { kind: 'sign-in', interactionUid: 'x' })).to.deep.equal({
      ok: false,
      problem: 'unknown-provider',
    });
  });

  it('takes no answer that names another issuer, or none (RFC 9207)', async () => {
    for (const change of [
      (query: URLSearchParams) => query.set('iss', 'https://evil.example'),
      (query: URLSearchParams) => query.append('iss', issuer.url),
      (query: URLSearchParams) => query.delete('iss'),
    ]) {
      const { query, browserSecret } = await goThere();
      change(query);
      expect(await pod.upstream.finish('acme', query, browserSecret)).to.include({ problem: 'bad-answer' });
    }
  });

  it('takes no code that was given to somebody else (code injection)', async () => {
    const thief = await goThere();
    const victim = await goThere();
    victim.query.set('code', thief.query.get('code') ?? '');
    const outcome = await pod.upstream.finish('acme', victim.query, victim.browserSecret);
    expect(outcome).to.include({ ok: false, problem: 'start-again' });
  });

  it('takes no answer after ten minutes, nor one that was never asked for', async () => {
    const { query, browserSecret } = await goThere();
    const key = pod.store.keys.upstreamSignIn(pod.ring.hash('upstream-state', query.get('state') ?? ''));
    expect(Number(await pod.store.call('PTTL', key))).to.be.within(590_000, 600_000);
    await pod.store.call('DEL', key);
    const expired = { ok: false, problem: 'expired' };
    expect(await pod.upstream.finish('acme', query, browserSecret)).to.deep.equal(expired);
    for (const text of ['', 'code=x', 'state=', 'state=x&code=x', `state=${'A'.repeat(43)}&code=x`]) {
      const outcome = await pod.upstream.finish('acme', new URLSearchParams(text), browserSecret);
      expect(outcome, text).to.deep.equal(expired);
    }
    const twice = await goThere();
    twice.query.append('state', twice.query.get('state') ?? '');
    expect(await pod.upstream.finish('acme', twice.query, twice.browserSecret)).to.deep.equal(expired);
  });

  it('leaves nothing in Redis or in the log that opens a door', async () => {
    const { query, browserSecret } = await goThere('uid-secret');
    const secrets = [browserSecret, query.get('state'), query.get('code'), 'uid-secret', engineClient.secret];
    const dump = await dumpOf(pod);
    await pod.upstream.finish('acme', query, browserSecret);
    await pod.upstream.finish('acme', query, browserSecret);
    await pod.upstream.finish('acme', query, undefined);
    const all = `${dump}\n${await dumpOf(pod)}\n${await pod.readLog()}\n${await otherPod.readLog()}`;
    for (const secret of secrets) {
      expect(secret).to.have.length.greaterThan(9);
      expect(all).not.to.include(String(secret));
    }
    expect(all).to.include('another browser');
    expect(all).to.include('{w:');
  });
});

/** Every key with everything under it. */
async function dumpOf({ store, prefix }: UpstreamFixture): Promise<string> {
  const keys = (await store.call('KEYS', `${prefix}*`)) as string[];
  expect(keys.length).to.be.greaterThan(1);
  const entries = await Promise.all(
    keys.map(async (key) => {
      const type = await store.call('TYPE', key);
      const value =
        type === 'hash' ? await store.read(key) : type === 'string' ? await store.readText(key) : type;
      return `${key} ${JSON.stringify(value)}`;
    }),
  );
  return entries.join('\n');
}
