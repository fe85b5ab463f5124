import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { createOutboundFetch } from '../../src/upstream/outbound-fetch.ts';
import type { Upstream } from '../../src/upstream/upstream.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { CrookedIssuer } from './crooked-issuer.ts';
import { SmallBrowser } from './small-browser.ts';
import { begun, configWith, entry, home, openUpstream, type UpstreamFixture } from './upstream-fixture.ts';

describe('another provider that does not keep the rules', () => {
  let redis: Topology;
  let pod: UpstreamFixture;
  const issuer = new CrookedIssuer();

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    await issuer.start();
    pod = await openUpstream(redis.url, [entry('acme', issuer.url)]);
  });
  after(async () => {
    await pod?.close();
    await issuer.stop();
    await redis?.stop();
  });
  beforeEach(() => issuer.reset());

  async function finish(upstream: Upstream, id = 'acme') {
    const { url, browserSecret } = await begun(upstream, id, 'uid');
    const back = await new SmallBrowser().follow(url, home);
    return upstream.finish(id, back.searchParams, browserSecret);
  }

  const context = { kind: 'sign-in', interactionUid: 'uid' };
  const now = () => Math.floor(Date.now() / 1000);
  const status =
    (code: number, body = '{}') =>
    (response: ServerResponse) =>
      response.writeHead(code, { 'content-type': 'application/json' }).end(body);

  it('is taken at its word while it does', async () => {
    issuer.claims = { email: 'grace@acme.example', email_verified: true, name: 'Grace', sid: 'a-session' };
    const outcome = await finish(pod.upstream);
    expect(outcome).to.deep.nested.include({
      ok: true,
      'identity.sub': 'grace',
      'identity.sid': 'a-session',
    });
    expect(issuer.requests).not.to.include('/me');
    const [exchange] = issuer.exchanges;
    expect(exchange?.get('code_verifier')).to.match(/^[\w-]{43}$/);
    expect(exchange?.get('redirect_uri')).to.equal(`${home}/upstream/callback/acme`);
    expect(exchange?.has('client_secret')).to.equal(false);
  });

  const wrongTokens: [string, () => void][] = [
    ['another nonce', () => Object.assign(issuer.claims, { nonce: 'another' })],
    ['no nonce', () => Object.assign(issuer.claims, { nonce: undefined })],
    ['another issuer', () => Object.assign(issuer.claims, { iss: 'https://accounts.google.com' })],
    ['another audience', () => Object.assign(issuer.claims, { aud: 'somebody-else' })],
    ['another authorized party', () => Object.assign(issuer.claims, { aud: ['holdfast', 'x'], azp: 'x' })],
    ['an end that has passed', () => Object.assign(issuer.claims, { exp: now() - 60 })],
    ['no subject', () => Object.assign(issuer.claims, { sub: undefined })],
    ['an empty subject', () => Object.assign(issuer.claims, { sub: '' })],
    ['an endless subject', () => Object.assign(issuer.claims, { sub: 'x'.repeat(256) })],
    ['a signature of another key', () => Object.assign(issuer, { signsWithOtherKey: true })],
  ];
  for (const [what, breakIt] of wrongTokens) {
    it(`is not believed with an ID token that has ${what}`, async () => {
      breakIt();
      expect(await finish(pod.upstream)).to.deep.equal({ ok: false, problem: 'bad-answer', context });
    });
  }

  it('is not believed when it tells of two people at once', async () => {
    issuer.userInfo = { sub: 'somebody-else', email: 'ada@example.com', email_verified: true };
    expect(await finish(pod.upstream)).to.deep.equal({ ok: false, problem: 'bad-answer', context });
  });

  it('is not believed when its metadata names another issuer', async () => {
    issuer.metadata = { issuer: 'https://accounts.google.com' };
    const upstream = pod.variant({});
    const outcome = await upstream.begin('acme', { kind: 'sign-in', interactionUid: 'uid' });
    expect(outcome).to.deep.equal({ ok: false, problem: 'provider-error' });
  });

  it('has its texts cut to what fits a page', async () => {
    issuer.claims = {
      email: 'two\nlines@acme.example',
      email_verified: true,
      name: 'x'.repeat(300),
      given_name: { first: 'Grace' },
      family_name: '  Hopper ',
      picture: 'javascript:alert(1)',
    };
    const outcome = await finish(pod.upstream);
    if (!outcome.ok) throw new Error(outcome.problem);
    expect(outcome.identity).to.deep.equal({
      providerId: 'acme',
      issuer: issuer.url,
      sub: 'grace',
      emailVerified: false,
      isEmailTrusted: false,
      familyName: 'Hopper',
    });
  });

  it('has verified an address only when it says so itself', async () => {
    const upstream = pod.variant({
      config: configWith([entry('acme', issuer.url, { trusted_email: true })]),
    });
    for (const [said, counts] of [
      [true, true],
      ['true', true],
      [false, false],
      ['false', false],
      [undefined, false],
      ['yes', false],
      [{}, false],
    ] as const) {
      issuer.claims = { email: 'grace@acme.example', email_verified: said };
      // What it says of another address does not count for this one.
      issuer.userInfo = { email: 'other@acme.example', email_verified: true };
      const outcome = await finish(upstream);
      expect(outcome).to.deep.nested.include({
        'identity.email': 'grace@acme.example',
        'identity.emailVerified': counts,
        'identity.isEmailTrusted': counts,
      });
    }
    issuer.claims = { email_verified: true };
    issuer.userInfo = { email: 'other@acme.example' };
    expect(await finish(upstream)).to.deep.nested.include({ 'identity.emailVerified': false });
    expect(issuer.requests).to.include('/me');
  });

  it('is away when it breaks off, refuses to answer, or is too slow', async () => {
    const fetch = createOutboundFetch({ mayBeHttp: true, privateHosts: 'all', timeoutMs: 150 });
    const upstream = pod.variant({ fetch });
    await finish(upstream);
    const away = { ok: false, problem: 'provider-away', retryAfterSeconds: 5, context };
    const faults: [string, (response: ServerResponse) => void][] = [
      ['hangs', () => {}],
      ['breaks off', (response) => response.destroy()],
      ['stops in the middle', (response) => response.writeHead(200, { 'content-length': '99' }).write('{')],
      ['is down', status(503)],
      ['is busy', status(429, '{"error":"slow_down"}')],
      ['is endless', (response) => response.writeHead(200).end('x'.repeat(300 * 1024))],
    ];
    for (const [what, fault] of faults) {
      issuer.faults = { '/token': fault };
      expect(await finish(upstream), what).to.deep.equal(away);
    }
    issuer.faults = { '/me': status(500) };
    expect(await finish(upstream), 'who it is, is known').to.deep.nested.include({
      ok: true,
      'identity.sub': 'grace',
    });
  });

  it('is followed nowhere else', async () => {
    const target = new CrookedIssuer();
    await target.start();
    try {
      issuer.faults = {
        '/token': (response) => response.writeHead(307, { location: `${target.url}/token` }).end(),
      };
      expect(await finish(pod.upstream)).to.deep.equal({ ok: false, problem: 'bad-answer', context });
      expect(target.requests).to.deep.equal([]);
    } finally {
      await target.stop();
    }
  });

  it('is an affair of the operator when it does not take us', async () => {
    issuer.faults = { '/token': status(401, '{"error":"invalid_client"}') };
    expect(await finish(pod.upstream)).to.deep.equal({ ok: false, problem: 'provider-error', context });
    issuer.faults = { '/token': status(400, '{"error":"invalid_grant"}') };
    expect(await finish(pod.upstream)).to.deep.equal({ ok: false, problem: 'start-again', context });
    const log = await pod.readLog();
    expect(log).to.match(/"level":"error".*"reason":"invalid_client"/);
    expect(log).to.match(/"level":"warn".*"reason":"invalid_grant"/);
  });

  it('may say why it gives no code, and the log gets a word of it at most', async () => {
    for (const [error, problem] of [
      ['login_required', 'refused'],
      ['temporarily_unavailable', 'provider-away'],
      ['invalid_scope', 'provider-error'],
      ['<script>alert(1)</script>', 'provider-error'],
    ] as const) {
      const { url, browserSecret } = await begun(pod.upstream, 'acme');
      const state = new URL(url).searchParams.get('state') ?? '';
      const query = new URLSearchParams({ error, state, error_description: 'a-word-too-many' });
      expect(await pod.upstream.finish('acme', query, browserSecret)).to.include({ ok: false, problem });
    }
    expect(await pod.readLog()).not.to.match(/script|a-word-too-many/);
  });

  it('hurts no other provider, and is asked again a while after it failed', async () => {
    const broken = new CrookedIssuer();
    await broken.start();
    await broken.stop();
    const [list, address] = [[entry('broken', broken.url), entry('acme', issuer.url)], new URL(broken.url)];
    const upstream = pod.variant({ config: configWith(list) });
    const begin = () => upstream.begin('broken', { kind: 'sign-in', interactionUid: 'uid' });
    const away = { ok: false, problem: 'provider-away', retryAfterSeconds: 5 };
    expect(await begin()).to.deep.equal(away);
    expect(await finish(upstream)).to.include({ ok: true });
    await broken.listen(Number(address.port));
    try {
      expect(await begin(), 'not knocked at by each visitor').to.deep.equal(away);
      expect(broken.requests).to.deep.equal([]);
      for (let outcome = await begin(); !outcome.ok; outcome = await begin()) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      await Promise.all(Array.from({ length: 20 }, begin));
      expect(broken.requests).to.deep.equal(['/.well-known/openid-configuration']);
    } finally {
      await broken.stop();
    }
  });
});
