import { expect } from 'chai';
import { decodeJwt } from 'jose';
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
  ): Promise<Reply> {
    const href = new RegExp(`href="([^"]*/upstream/${provider})"`).exec(page.body)?.[1];
    expect(href, page.body.slice(0, 2000)).to.be.a('string');
    const away = await person.request(href ?? '');
    const { origin, pathname, search } = new URL(away.location ?? '');
    const answer = await authorize(
      new Person(origin, [origin]),
      pathname + search,
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
