import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { authorizationRequest, authorize, formOf, Person, type Reply } from '../support/person.ts';
import { type Pod, startPod } from '../support/pods.ts';
import { clients, startProvider, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { startPodAhead } from './odd-pods.ts';
import { claimsOf, isAlive, isSignedIn, refresh, signOut } from './relying-party.ts';

/** What a session cookie is good for, how long, and in whose hands. */
describe('a sign-in session', () => {
  let redis: Topology;
  let provider: TestProvider;
  /** Past the half minute for which a replaced cookie still works. */
  let late: Pod;
  /** With sessions of a minute. */
  let brief: Pod;
  /** Speaks for an https issuer, as behind a TLS proxy. */
  let secure: Pod;
  const bob = { email: 'bob@example.com', password: 'bob has a long passphrase' };

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    provider = await startProvider(redis.url);
    [late, brief, secure] = await Promise.all([
      startPodAhead(provider, redis.url, 31),
      startPod({
        name: 'pod-brief',
        issuer: provider.issuer,
        redisUrl: redis.url,
        environment: { HOLDFAST_SESSION_IDLE_SECONDS: '60', HOLDFAST_SESSION_ABSOLUTE_SECONDS: '60' },
      }),
      startPod({ name: 'pod-secure', issuer: 'https://id.example', redisUrl: redis.url }),
    ]);
    await provider.parts.accounts.create({ ...bob, emailVerified: true });
  });
  after(async () => {
    await Promise.all([provider?.stop(), ...[late, brief, secure].map((pod) => pod?.kill('SIGKILL'))]);
    await redis?.stop();
  });

  const cookieOf = (person: Person) => person.cookies.get('holdfast_session')?.value ?? '';

  /** This browser, with its requests going to one pod alone. */
  function onPod(pod: Pod, person: Person): Person {
    const same = new Person(provider.issuer, [pod.url]);
    for (const [name, cookie] of person.cookies) (same.cookies as Map<string, unknown>).set(name, cookie);
    return same;
  }

  async function loginForm(person: Person, extra: Record<string, string> = {}) {
    const { path, verifier } = authorizationRequest(clients.first, extra);
    const page = await person.request((await person.request(path)).location ?? '');
    return { ...formOf(page.body), verifier };
  }

  async function signIn(person: Person, extra: Record<string, string> = {}): Promise<Reply> {
    const { action, fields } = await loginForm(person);
    const { email, password } = provider.account;
    return person.request(action, { form: { ...fields, email, password, ...extra } });
  }

  async function sessionKeys(): Promise<string[]> {
    return (await provider.parts.store.call('KEYS', 'hf:{s:*')) as string[];
  }

  async function keyOf(person: Person): Promise<string> {
    const [key = ''] = (await sessionKeys()).filter((one) =>
      one.includes(cookieOf(person).split('.')[0] ?? '-'),
    );
    expect(key).not.to.equal('');
    return key;
  }

  const { call } = {
    call: (...args: [string, ...(string | number)[]]) => provider.parts.store.call(...args),
  };

  describe('changes its cookie at each sign-in', () => {
    async function signedInTwice(): Promise<{ person: Person; old: Person }> {
      const person = provider.person();
      await provider.signIn(person, clients.first);
      const old = person.clone();
      await provider.signIn(person, clients.first, { prompt: 'login' });
      expect(cookieOf(person)).not.to.equal(cookieOf(old));
      return { person, old };
    }

    it('and once the new one is there, the old one works for half a minute', async () => {
      const { person, old } = await signedInTwice();
      expect(await isSignedIn(provider, person, clients.first)).to.equal(true);
      for (let i = 0; i < 3; i++) {
        expect(await isSignedIn(provider, old.clone(), clients.first)).to.equal(true);
      }
      expect(await isSignedIn(provider, onPod(late, old), clients.first)).to.equal(false);
      expect(await isSignedIn(provider, onPod(late, person), clients.first)).to.equal(true);
    });

    it('and nobody is signed out when the answer with the new one was lost', async () => {
      const { old } = await signedInTwice();
      expect(await isSignedIn(provider, onPod(late, old), clients.first)).to.equal(true);
    });

    it('and no slow answer puts the old one back', async () => {
      const { person, old } = await signedInTwice();
      for (const isShown of [false, true]) {
        if (isShown) expect(await isSignedIn(provider, person, clients.first)).to.equal(true);
        const reply = await old.clone().request(authorizationRequest(clients.first).path);
        expect(reply.location).to.match(/[?&]code=/);
        expect(reply.setCookies.filter((line) => line.startsWith('holdfast_session'))).to.deep.equal([]);
      }
    });

    it('and one from before the sign-in is worth nothing (session fixation)', async () => {
      const attacker = provider.person();
      await attacker.request('/device');
      expect(cookieOf(attacker)).not.to.equal('');
      const victim = attacker.clone();
      await provider.signIn(victim, clients.first);
      expect(cookieOf(victim)).not.to.equal(cookieOf(attacker));
      expect(await isSignedIn(provider, victim, clients.first)).to.equal(true);
      expect(await isSignedIn(provider, attacker, clients.first)).to.equal(false);
    });

    it('and one of another person is worth nothing after a switch', async () => {
      const attacker = provider.person();
      const { path, verifier } = authorizationRequest(clients.first);
      const answer = await authorize(attacker, path, bob, clients.first.redirectUri);
      await provider.exchange(clients.first, answer.code ?? '', verifier);
      const planted = attacker.clone();
      const { action, fields } = await loginForm(planted, { prompt: 'login' });
      const { email, password } = provider.account;
      const switching = await planted.request(action, { form: { ...fields, email, password } });
      const next = formOf(switching.body);
      let reply = await planted.request(next.action, { form: next.fields });
      while (!reply.location?.startsWith(clients.first.redirectUri)) {
        expect(reply.location, reply.body).to.be.a('string');
        reply = await planted.request(reply.location ?? '');
      }
      expect(await isSignedIn(provider, planted, clients.first)).to.equal(true);
      expect(await isSignedIn(provider, attacker, clients.first)).to.equal(false);
    });
  });

  it('belongs to the last who signed in, and ends the tokens of the one before', async () => {
    const person = provider.person();
    const before = await provider.signIn(person, clients.first);
    const { action, fields, verifier } = await loginForm(person, { prompt: 'login' });
    const switching = await person.request(action, { form: { ...fields, ...bob } });
    expect(switching.body).to.include('/session/end/confirm');
    const next = formOf(switching.body);
    let reply = await person.request(next.action, { form: next.fields });
    for (let hop = 0; hop < 4 && !reply.location?.startsWith(clients.first.redirectUri); hop++) {
      reply = await person.request(reply.location ?? '');
    }
    const code = new URL(reply.location ?? '').searchParams.get('code') ?? '';
    const after = await provider.exchange(clients.first, code, verifier);
    expect(after.status, after.body).to.equal(200);
    const bobId = (await provider.parts.accounts.findByEmail(bob.email))?.id;
    expect(claimsOf(String(after.json.id_token)).sub).to.equal(bobId);
    expect(await isAlive(provider, before.access_token)).to.equal(false);
    expect(await isAlive(provider, String(after.json.access_token))).to.equal(true);
  });

  it('does not begin for an account that is disabled while its password is checked', async () => {
    const { accounts } = provider.parts;
    const made = await accounts.create({ email: 'eve@example.com', password: 'eve has a long passphrase' });
    const id = made.ok ? made.account.id : '';
    const browsers = await Promise.all(
      Array.from({ length: 13 }, async () => {
        const person = onPod(provider.pods[0] as Pod, provider.person());
        return { person, form: await loginForm(person) };
      }),
    );
    // Passwords are checked a few at a time; so the last of these is still waiting when the account goes.
    const answers = browsers.map(({ person, form }, i) => {
      // The others are of somebody else each, since there is a limit for one account.
      const email = i === 12 ? 'eve@example.com' : `nobody-${i}@example.com`;
      const { action, fields } = form;
      return person.request(action, { form: { ...fields, email, password: 'eve has a long passphrase' } });
    });
    await pause(40);
    await accounts.setStatus(id, 'disabled');
    const [browser] = browsers.slice(-1);
    let [reply] = (await Promise.all(answers)).slice(-1);
    for (let hop = 0; hop < 5 && reply?.location?.includes('/auth/'); hop++) {
      reply = await browser?.person.request(reply.location);
    }
    expect(reply?.status, reply?.location).to.equal(400);
    expect(browser && (await isSignedIn(provider, browser.person, clients.first))).to.equal(false);
  });

  describe('that was signed out', () => {
    it('stays out, with every cookie that it had', async () => {
      const person = provider.person();
      await provider.signIn(person, clients.first);
      const replaced = person.clone();
      await provider.signIn(person, clients.first, { prompt: 'login' });
      const current = person.clone();
      await signOut(person);
      expect(cookieOf(person)).to.equal('');
      for (const browser of [person, current, replaced]) {
        expect(await isSignedIn(provider, browser, clients.first)).to.equal(false);
      }
    });

    it('takes its tokens along, but not those for offline access', async () => {
      const person = provider.person();
      const bound = await provider.signIn(person, clients.first);
      const offline = await provider.signIn(person, clients.second, {
        scope: 'openid offline_access',
        prompt: 'consent',
      });
      await signOut(person);
      expect(await isAlive(provider, bound.access_token)).to.equal(false);
      expect((await refresh(provider, clients.first, bound.refresh_token)).json.error).to.equal(
        'invalid_grant',
      );
      expect(await isAlive(provider, offline.access_token)).to.equal(true);
      expect((await refresh(provider, clients.second, offline.refresh_token)).status).to.equal(200);
    });

    it('takes its unused codes along', async () => {
      const person = provider.person();
      const { answer, verifier } = await provider.authorize(person, clients.first);
      await signOut(person);
      const reply = await provider.exchange(clients.first, answer.code ?? '', verifier);
      expect(reply.json.error).to.equal('invalid_grant');
    });

    it('does not come back in a sign-in page that was open before', async () => {
      const person = provider.person();
      await provider.signIn(person, clients.first);
      const tab = person.clone();
      const { action, fields } = await loginForm(tab, { prompt: 'login' });
      await signOut(person);
      const { email, password } = provider.account;
      const reply = await tab.request(action, { form: { ...fields, email, password } });
      expect(reply.status).to.equal(400);
      expect(await isSignedIn(provider, tab, clients.first)).to.equal(false);
    });
  });

  describe('lasts', () => {
    it('no longer than its absolute limit, however busy it is', async () => {
      const person = onPod(brief, provider.person());
      await signIn(person);
      const key = await keyOf(person);
      expect(Number(await call('PTTL', key))).to.be.within(50_000, 60_000);
      // As if it had begun 58.5 seconds ago.
      await call('HSET', key, 'c', Date.now() - 58_500);
      expect(await isSignedIn(provider, person, clients.first)).to.equal(true);
      expect(Number(await call('PTTL', key))).to.be.within(1, 1_500);
      while (Number(await call('EXISTS', key)) === 1) await pause(50);
      expect(await isSignedIn(provider, person, clients.first)).to.equal(false);
    });

    it('longer when it is used', async () => {
      const person = provider.person();
      await signIn(person);
      const key = await keyOf(person);
      await call('PEXPIRE', key, 60_000);
      expect(await isSignedIn(provider, person, clients.first)).to.equal(true);
      expect(Number(await call('PTTL', key))).to.be.greaterThan(13 * 24 * 3600_000);
    });

    it('as long as the tokens that end with it are in use', async () => {
      const person = provider.person();
      const tokens = await provider.signIn(person, clients.first);
      const key = await keyOf(person);
      await call('PEXPIRE', key, 60_000);
      await call('HSET', key, 'u', Math.floor(Date.now() / 1000) - 400);
      expect((await refresh(provider, clients.first, tokens.refresh_token)).status).to.equal(200);
      expect(Number(await call('PTTL', key))).to.be.greaterThan(13 * 24 * 3600_000);
    });

    it('a short while when nobody signed in to it', async () => {
      const known = new Set(await sessionKeys());
      await provider.person().request('/device');
      await provider.person().request('/session/end');
      const fresh = (await sessionKeys()).filter((key) => !known.has(key));
      expect(fresh).to.have.lengthOf(2);
      for (const key of fresh) expect(Number(await call('PTTL', key))).to.be.within(1, 3600_000);
    });
  });

  describe('has a cookie', () => {
    const lineOf = (reply: Reply, name = 'holdfast_session') =>
      reply.setCookies.find((line) => line.startsWith(`${name}=`)) ?? '';

    it('that ends with the browser, unless the person wants to stay signed in', async () => {
      const short = lineOf(await signIn(provider.person()));
      expect(short).to.match(/; path=\//i);
      expect(short).not.to.match(/expires|max-age/i);
      const long = lineOf(await signIn(provider.person(), { remember: 'yes' }));
      const expires = Date.parse(/expires=([^;]*)/i.exec(long)?.[1] ?? '');
      expect(expires - Date.now()).to.be.within(13 * 24 * 3600_000, 15 * 24 * 3600_000);
    });

    it('that scripts and other sites cannot have', async () => {
      expect(lineOf(await signIn(provider.person())))
        .to.match(/httponly/i)
        .and.match(/samesite=lax/i);
    });

    it('that is for https and this host alone where the issuer has https', async () => {
      const person = new Person('https://id.example', [secure.url]);
      const started = await person.request(authorizationRequest(clients.first).path);
      const { action, fields } = formOf((await person.request(started.location ?? '')).body);
      const { email, password } = provider.account;
      const reply = await person.request(action, { form: { ...fields, email, password } });
      expect(reply.location).to.match(/[?&]code=/);
      for (const line of [...started.setCookies, ...reply.setCookies]) {
        expect(line)
          .to.match(/; secure/i)
          .and.match(/httponly/i)
          .and.match(/samesite=lax/i);
        expect(line).not.to.match(/domain=/i);
      }
      expect(lineOf(reply, '__Host-holdfast_session')).to.match(/; path=\/(;|$)/i);
      expect(reply.headers.get('strict-transport-security')).to.match(/max-age=\d{8}/);
    });

    it('that cannot be made up or altered', async () => {
      const person = provider.person();
      await provider.signIn(person, clients.first);
      const [uid = '', random = ''] = cookieOf(person).split('.');
      const altered = `${uid}.${random.startsWith('A') ? 'B' : 'A'}${random.slice(1)}`;
      for (const change of [
        (jar: Map<string, unknown>) => jar.delete('holdfast_session.sig'),
        (jar: Map<string, unknown>) => jar.set('holdfast_session', { value: altered, path: '/' }),
        (jar: Map<string, unknown>) => jar.set('holdfast_session', { value: uid, path: '/' }),
        (jar: Map<string, unknown>) => jar.set('holdfast_session.sig', { value: 'A'.repeat(43), path: '/' }),
      ]) {
        const thief = person.clone();
        change(thief.cookies as unknown as Map<string, unknown>);
        expect(await isSignedIn(provider, thief, clients.first)).to.equal(false);
      }
      expect(await isSignedIn(provider, person, clients.first)).to.equal(true);
    });
  });
});
