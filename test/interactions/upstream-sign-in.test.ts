import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { TOTP } from 'otpauth';
import { openParts, type Parts } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { authorizationRequest, authorize, formOf, Person, type Reply } from '../support/person.ts';
import { freePort, type Pod, startPod, testKeys } from '../support/pods.ts';
import { clients, startProvider, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

const elsewhere = { password: 'a passphrase for elsewhere' };
const secret = 'a-secret-of-the-other-provider';

/** Two other providers, which are one Holdfast under two names: only one is trusted with addresses. */
describe('signing in with another provider', () => {
  let theirRedis: Topology;
  let ourRedis: Topology;
  let theirs: Pod;
  let theirParts: Parts;
  let ours: TestProvider;
  const callback = (id: string) => `http://id.example/upstream/callback/${id}`;

  before(async function () {
    this.timeout(60_000);
    [theirRedis, ourRedis] = await Promise.all([
      startStandalone({ appendOnly: false }),
      startStandalone({ appendOnly: false }),
    ]);
    const port = await freePort();
    const issuer = `http://127.0.0.1:${port}`;
    theirs = await startPod({ name: 'elsewhere', issuer, redisUrl: theirRedis.url, port });
    const config = readConfig({
      HOLDFAST_ISSUER: issuer,
      HOLDFAST_KEYS: testKeys,
      REDIS_URL: theirRedis.url,
      HOLDFAST_UNSAFE_ALLOW_HTTP: 'true',
      HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: 'true',
    });
    theirParts = await openParts(config, parseRedisUrl(theirRedis.url), createLog('silent', 'test'));
    for (const id of ['trusted', 'other']) {
      await theirParts.clients.put(
        { client_id: id, client_name: 'Here', redirect_uris: [callback(id)], first_party: true },
        secret,
      );
    }
    ours = await startProvider(ourRedis.url, 3, {
      HOLDFAST_REGISTRATION: 'open',
      HOLDFAST_UPSTREAM: JSON.stringify(
        ['trusted', 'other'].map((id) => ({
          id,
          name: id === 'trusted' ? 'Trusted' : 'Other',
          issuer,
          client_id: id,
          client_secret: secret,
          trusted_email: id === 'trusted',
          private_network: true,
        })),
      ),
    });
  });
  after(async () => {
    await Promise.all([theirParts?.close(), theirs?.kill('SIGKILL'), ours?.stop()]);
    await Promise.all([theirRedis?.stop(), ourRedis?.stop()]);
  });

  async function someoneElsewhere(email: string, emailVerified = true) {
    await theirParts.accounts.create({ ...elsewhere, email, emailVerified, name: 'Grace' });
    return { email, password: elsewhere.password };
  }

  /** As if everybody had signed in there an hour ago. */
  async function agePeopleThere(): Promise<void> {
    const { store } = theirParts;
    for (const key of (await store.call('KEYS', 'hf:{s:*}')) as string[]) {
      const session = JSON.parse(String(await store.call('HGET', key, 'p')));
      await store.call('HSET', key, 'p', JSON.stringify({ ...session, loginTs: session.loginTs - 3600 }));
    }
  }

  async function begin(person: Person) {
    const { path, verifier } = authorizationRequest(clients.first);
    const started = await person.request(path);
    const page = await person.request(started.location ?? '');
    return { page, verifier };
  }

  /** Chooses the provider on our page, signs in on theirs, and comes back up to the next page or the client. */
  async function goThere(
    person: Person,
    page: Reply,
    provider: string,
    credentials: { email: string; password: string },
    options: { there?: Person; tamper?: boolean } = {},
  ): Promise<Reply> {
    const href = new RegExp(`href="([^"]*/upstream/${provider})"`).exec(page.body)?.[1];
    expect(href, page.body.slice(0, 2000)).to.be.a('string');
    const away = await person.request(href ?? '');
    const { origin, pathname, searchParams } = new URL(away.location ?? '');
    if (options.tamper) for (const wish of ['prompt', 'max_age']) searchParams.delete(wish);
    const answer = await authorize(
      options.there ?? new Person(origin, [origin]),
      `${pathname}?${searchParams}`,
      credentials,
      callback(provider),
    );
    const back = `/upstream/callback/${provider}?${new URLSearchParams(answer)}`;
    return follow(person, await person.request(back));
  }

  async function follow(person: Person, reply: Reply): Promise<Reply> {
    let now = reply;
    while (now.location && !now.location.startsWith(clients.first.redirectUri)) {
      now = await person.request(now.location);
    }
    return now;
  }

  async function claimsOf(reply: Reply, verifier: string) {
    const code = new URL(reply.location ?? 'http://nowhere').searchParams.get('code') ?? '';
    const tokens = await ours.exchange(clients.first, code, verifier);
    expect(tokens.status, `${tokens.body} ${reply.body.slice(0, 800)}`).to.equal(200);
    return decodeJwt(String(tokens.json.id_token)) as { sub: string; amr: string[]; acr: string };
  }

  it('makes an account for somebody new whose address a trusted provider has verified, and finds it again', async () => {
    const grace = await someoneElsewhere('grace@elsewhere.example');
    const subs = [];
    for (const person of [ours.person(), ours.person()]) {
      const { page, verifier } = await begin(person);
      const claims = await claimsOf(await goThere(person, page, 'trusted', grace), verifier);
      expect(claims.amr).to.deep.equal(['urn:holdfast:amr:upstream']);
      expect(claims.acr).to.equal('urn:holdfast:acr:1');
      subs.push(claims.sub);
    }
    expect(subs[1]).to.equal(subs[0]);
    const account = await ours.parts.accounts.findByEmail(grace.email);
    expect(account).to.include({ id: subs[0], emailVerified: true, hasPassword: false, name: 'Grace' });
  });

  it('makes none on the word of a provider that is not trusted, and says what to do', async () => {
    const eve = await someoneElsewhere('eve@elsewhere.example');
    const person = ours.person();
    const { page } = await begin(person);
    const reply = await goThere(person, page, 'other', eve);
    expect(reply.body).to.include('There is no account here');
    expect(await ours.parts.accounts.findByEmail(eve.email)).to.equal(undefined);
  });

  it('links to an account with the same address only after its own sign-in', async () => {
    const email = 'ida@example.com';
    const password = 'correct horse battery staple';
    const made = await ours.parts.accounts.create({ email, password, emailVerified: true });
    const ida = await someoneElsewhere(email);
    const person = ours.person();
    const { page, verifier } = await begin(person);
    const asked = await goThere(person, page, 'other', ida);
    expect(asked.body).to.include('already an account with your email address');
    const { action, fields } = formOf(asked.body);
    const form = { ...fields, email, password, decision: 'sign-in' };
    const claims = await claimsOf(await follow(person, await person.request(action, { form })), verifier);
    expect(claims.sub).to.equal(made.ok && made.account.id);

    const again = ours.person();
    const second = await begin(again);
    const direct = await claimsOf(await goThere(again, second.page, 'other', ida), second.verifier);
    expect(direct.sub).to.equal(claims.sub);
  });

  it('is linked to nobody else who signs in next in that browser', async () => {
    const password = 'correct horse battery staple';
    for (const [provider, email, isKnown] of [
      ['trusted', 'mallory-1@elsewhere.example', false],
      ['other', 'mallory-2@elsewhere.example', false],
      ['other', 'mallory-3@example.com', true],
    ] as const) {
      if (isKnown) await ours.parts.accounts.create({ email, password, emailVerified: true });
      const mallory = await someoneElsewhere(email, provider === 'other');
      const next = `next-${email}`;
      const made = await ours.parts.accounts.create({ email: next, password, emailVerified: true });
      const person = ours.person();
      const { page, verifier } = await begin(person);
      const left = await goThere(person, page, provider, mallory);
      const { action, fields } = formOf(left.body);
      const form = { ...fields, email: next, password, decision: 'sign-in' };
      const claims = await claimsOf(await follow(person, await person.request(action, { form })), verifier);
      expect(claims.sub).to.equal(made.ok && made.account.id);
      expect(await ours.parts.upstream.list(claims.sub)).to.deep.equal([]);
    }
  });

  it('is bound to an account only when its second factor was shown too', async () => {
    const email = 'two-factors@example.com';
    const made = await ours.parts.accounts.create({ email, emailVerified: true });
    const id = made.ok ? made.account.id : '';
    const { totp } = ours.parts.factors;
    const { sealed, uri } = totp.begin(id, email);
    const app = new TOTP({ secret: new URL(uri).searchParams.get('secret') ?? '' });
    await totp.confirm(id, sealed, app.generate({ timestamp: Date.now() - 30_000 }));
    const person = ours.person();
    const { page, verifier } = await begin(person);
    const asked = await goThere(person, page, 'trusted', await someoneElsewhere(email));
    expect(asked.body).to.include('/factor/otp');
    expect(await ours.parts.upstream.list(id)).to.deep.equal([]);
    const { action, fields } = formOf(asked.body);
    const done = await person.request(action, { form: { ...fields, code: app.generate() } });
    await claimsOf(await follow(person, done), verifier);
    expect(await ours.parts.upstream.list(id)).to.have.lengthOf(1);
    const kinds = (await ours.parts.activity.list(id)).map(({ kind }) => kind);
    expect(kinds, 'and the owner can see it').to.include('provider-linked');
  });

  it('does not take a click there for a proof that it is still the same person', async () => {
    const email = 'una@example.com';
    const password = 'correct horse battery staple';
    await ours.parts.accounts.create({ email, password, emailVerified: true });
    const una = await someoneElsewhere(email);
    const person = ours.person();
    const { page } = await begin(person);
    const there = new Person(theirs.url, [theirs.url]);
    await goThere(person, page, 'trusted', una, { there });

    const reopen = async () => {
      const { path } = authorizationRequest(clients.first, { max_age: '0' });
      const started = await person.request(path);
      return person.request(started.location ?? '');
    };
    await agePeopleThere();
    // Whoever sits at the browser takes the wish for a new sign-in out of the address.
    const refused = await goThere(person, await reopen(), 'trusted', una, { there, tamper: true });
    expect(refused.body).to.include('did not ask you to sign in again');
    const done = await goThere(person, await reopen(), 'trusted', una, { there });
    expect(done.location).to.include('code=');
  });

  it('never links by an address that was not verified there', async () => {
    const email = 'victim@example.com';
    await ours.parts.accounts.create({
      email,
      password: 'correct horse battery staple',
      emailVerified: true,
    });
    const attacker = await someoneElsewhere(email, false);
    const person = ours.person();
    const { page } = await begin(person);
    const reply = await goThere(person, page, 'trusted', attacker);
    expect(reply.body).to.include('There is no account here');
    expect(reply.body).not.to.include('already an account');
  });

  it('takes an answer only in the browser that went there', async () => {
    const ann = await someoneElsewhere('ann@elsewhere.example');
    const [attacker, victim] = [ours.person(), ours.person()];
    const { page } = await begin(attacker);
    const href = /href="([^"]*\/upstream\/trusted)"/.exec(page.body)?.[1] ?? '';
    const away = new URL((await attacker.request(href)).location ?? '');
    const there = new Person(away.origin, [away.origin]);
    const answer = await authorize(there, away.pathname + away.search, ann, callback('trusted'));
    await begin(victim);
    const reply = await victim.request(`/upstream/callback/trusted?${new URLSearchParams(answer)}`);
    expect(reply.status).to.equal(400);
    const silent = await victim.request(authorizationRequest(clients.first, { prompt: 'none' }).path);
    expect(silent.location).to.include('login_required');
  });

  it('says that somebody did not go on there, and lets them sign in here', async () => {
    const person = ours.person();
    const { page } = await begin(person);
    const href = /href="([^"]*\/upstream\/trusted)"/.exec(page.body)?.[1] ?? '';
    const away = new URL((await person.request(href)).location ?? '');
    const refused = new URLSearchParams({
      error: 'access_denied',
      state: away.searchParams.get('state') ?? '',
      iss: away.origin,
    });
    const reply = await follow(person, await person.request(`/upstream/callback/trusted?${refused}`));
    expect(reply.status).to.equal(200);
    expect(reply.body).to.include('did not go on').and.to.include('name="password"');
  });
});
