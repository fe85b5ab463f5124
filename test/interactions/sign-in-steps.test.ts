import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { TOTP } from 'otpauth';
import { addClient } from '../oidc/relying-party.ts';
import { authorizationRequest, formOf, type Person, type Reply } from '../support/person.ts';
import { clients, startProvider, type TestClient, type TestProvider } from '../support/provider.ts';
import { startCluster, startStandalone, type Topology } from '../support/redis-topologies.ts';

const password = 'correct horse battery staple';
const twoFactors = 'urn:holdfast:acr:2';

const topologies: [string, () => Promise<Topology>][] = [
  ['standalone', () => startStandalone({ appendOnly: false })],
  ['Cluster', () => startCluster({ primaries: 3 })],
];

for (const [topology, start] of topologies) {
  describe(`a sign-in with more than a password, each step on another pod (${topology})`, () => {
    let redis: Topology;
    let provider: TestProvider;
    let strict: TestClient;
    let strictAlways: TestClient;
    let people = 0;

    before(async function () {
      this.timeout(60_000);
      redis = await start();
      provider = await startProvider(redis.url, 3, {
        HOLDFAST_TERMS_URL: 'https://example.com/terms',
        HOLDFAST_TERMS_VERSION: '1',
      });
      strict = await addClient(provider, { first_party: true, second_factor: 'required' });
      strictAlways = await addClient(provider, { first_party: true, second_factor: 'required-always' });
    });
    after(async () => {
      await provider?.stop();
      await redis?.stop();
    });

    /** Somebody who has accepted the terms. */
    async function newcomer(options: { withTotp?: boolean } = {}) {
      const email = `person-${people++}@example.com`;
      const terms = { version: '1', acceptedAt: 1 };
      const { accounts, factors } = provider.parts;
      const made = await accounts.create({ email, password, emailVerified: true, terms });
      if (!made.ok) throw new Error(made.problem);
      const { id } = made.account;
      if (!options.withTotp) return { email, id, code: () => '' };
      const { sealed, uri } = factors.totp.begin(id, email);
      const totp = new TOTP({ secret: new URL(uri).searchParams.get('secret') ?? '' });
      let step = -1;
      // The code that confirms it is used with that; each later one is of the next step, which is accepted ahead.
      const code = () => totp.generate({ timestamp: Date.now() + step++ * 30_000 });
      expect((await factors.totp.confirm(id, sealed, code())).ok).to.equal(true);
      return { email, id, code };
    }

    async function open(person: Person, client: TestClient, extra: Record<string, string> = {}) {
      const { path, verifier } = authorizationRequest(client, extra);
      const reply = await follow(person, client, await person.request(path));
      return { reply, verifier };
    }

    /** Follows redirects up to a page, or back to the client. */
    async function follow(person: Person, client: TestClient, reply: Reply): Promise<Reply> {
      let now = reply;
      for (let hop = 0; now.location && !now.location.startsWith(client.redirectUri) && hop < 8; hop++) {
        now = await person.request(now.location);
      }
      return now;
    }

    async function submit(person: Person, client: TestClient, page: Reply, form: Record<string, string>) {
      const { action, fields } = formOf(page.body);
      const reply = await person.request(action, { form: { ...fields, ...form } });
      return follow(person, client, reply);
    }

    const signInWith = (email: string) => ({ email, password, decision: 'sign-in' });

    async function claimsOf(client: TestClient, reply: Reply, verifier: string) {
      const code = new URL(reply.location ?? 'http://nowhere').searchParams.get('code');
      expect(code, reply.body.slice(0, 1500)).to.be.a('string');
      const tokens = await provider.exchange(client, code ?? '', verifier);
      expect(tokens.status, tokens.body).to.equal(200);
      return decodeJwt(String(tokens.json.id_token)) as {
        acr: string;
        amr: string[];
        sub: string;
        auth_time?: number;
      };
    }

    it('asks for the code of an app, and says truly what was proved', async () => {
      const { email, id, code } = await newcomer({ withTotp: true });
      const person = provider.person();
      const { reply, verifier } = await open(person, clients.first);
      const asked = await submit(person, clients.first, reply, signInWith(email));
      expect(asked.body).to.include('/factor/otp');
      const wrong = await submit(person, clients.first, asked, { code: '000000' });
      expect(wrong.status).to.equal(400);
      expect(wrong.body).to.include('not right');
      const done = await submit(person, clients.first, wrong, { code: code() });
      const claims = await claimsOf(clients.first, done, verifier);
      expect(claims).to.include({ sub: id, acr: twoFactors });
      expect(claims.amr).to.have.members(['pwd', 'otp', 'mfa']);
    });

    it('takes a code once, also from another browser', async () => {
      const { email, code } = await newcomer({ withTotp: true });
      const [one, other] = [provider.person(), provider.person()];
      const same = code();
      const pages: Reply[] = [];
      for (const person of [one, other]) {
        const { reply } = await open(person, clients.first);
        pages.push(await submit(person, clients.first, reply, signInWith(email)));
      }
      const replies = await Promise.all(
        [one, other].map((person, i) => submit(person, clients.first, pages[i] as Reply, { code: same })),
      );
      const through = replies.filter(({ location }) => location?.startsWith(clients.first.redirectUri));
      expect(through).to.have.lengthOf(1);
    });

    it('cannot be passed by a page further on: without the second fact there is no session', async () => {
      const { email } = await newcomer({ withTotp: true });
      const person = provider.person();
      const { reply } = await open(person, clients.first);
      const asked = await submit(person, clients.first, reply, signInWith(email));
      const { action, fields } = formOf(asked.body);
      const uid = action.split('/')[2];
      for (const path of [`/interaction/${uid}/consent`, `/interaction/${uid}/terms`]) {
        const skipped = await person.request(path, {
          form: {
            csrf: fields.csrf ?? '',
            decision: path.endsWith('terms') ? 'accept' : 'allow',
            version: '1',
          },
        });
        expect(skipped.location ?? '').not.to.include('code=');
      }
      const silent = await person.request(authorizationRequest(clients.first, { prompt: 'none' }).path);
      expect(silent.location).to.include('error=login_required');
    });

    it('lets a recovery code stand in, once', async () => {
      const { email, id } = await newcomer({ withTotp: true });
      const made = await provider.parts.factors.recoveryCodes.replace(id);
      const codes = made.ok ? made.codes : [];
      for (const expected of [true, false]) {
        const person = provider.person();
        const { reply } = await open(person, clients.first);
        const asked = await submit(person, clients.first, reply, signInWith(email));
        const { action } = formOf(asked.body);
        const page = await person.request(`${action.split('/factor/')[0]}?use=recovery`);
        expect(page.body).to.include('/factor/recovery');
        const done = await submit(person, clients.first, page, { code: codes[0] ?? '' });
        expect(done.location?.startsWith(clients.first.redirectUri) ?? false).to.equal(expected);
      }
    });

    it('leaves the second step out in a browser that the account trusts, but not where it is always wanted', async () => {
      const { email, code } = await newcomer({ withTotp: true });
      const person = provider.person();
      const first = await open(person, strict);
      const asked = await submit(person, strict, first.reply, signInWith(email));
      expect((await submit(person, strict, asked, { code: code(), trust: 'yes' })).location).to.include(
        'code=',
      );

      await endSession(person);
      const second = await open(person, strict);
      const done = await submit(person, strict, second.reply, signInWith(email));
      const claims = await claimsOf(strict, done, second.verifier);
      expect(claims.acr, 'no more than was proved').to.equal('urn:holdfast:acr:1');
      const silent = await open(person, strict, { prompt: 'none' });
      expect(silent.reply.location, 'and the session is enough for that client').to.include('code=');

      const third = await open(person, strictAlways);
      const page = await submit(person, strictAlways, third.reply, { password, decision: 'sign-in' });
      expect(page.body).to.include('/factor/otp');
      expect(page.body, 'trust is not offered').not.to.include('name="trust"');
      const all = await submit(person, strictAlways, page, { code: code() });
      expect((await claimsOf(strictAlways, all, third.verifier)).acr).to.equal(twoFactors);
    });

    async function endSession(person: Person): Promise<void> {
      const page = await person.request('/session/end');
      const { action, fields } = formOf(page.body);
      await person.request(action, { form: { ...fields, logout: 'yes' } });
    }

    it('has a second factor set up where one is required and the account has none', async () => {
      const { email, id } = await newcomer();
      const person = provider.person();
      const { reply, verifier } = await open(person, strict);
      const asked = await submit(person, strict, reply, signInWith(email));
      expect(asked.body).to.include('/enrol/passkey');
      const { action } = formOf(asked.body);
      const page = await person.request(`${action.split('/enrol/')[0]}?use=totp`);
      const secret = /<code class="selectable"[^>]*>([A-Z2-7 ]+)</.exec(page.body)?.[1]?.replaceAll(' ', '');
      const totp = new TOTP({ secret: secret ?? '' });
      const wrong = await submit(person, strict, page, { code: '12' });
      expect(wrong.status).to.equal(400);
      expect(wrong.body, 'the same secret once more').to.include(secret?.slice(0, 4));
      const shown = await submit(person, strict, wrong, { code: totp.generate() });
      expect(shown.body.match(/<code>[0-9A-Z-]{17}<\/code>/g)).to.have.lengthOf(10);
      const done = await submit(person, strict, shown, {});
      expect((await claimsOf(strict, done, verifier)).acr).to.equal(twoFactors);
      const kinds = (await provider.parts.factors.list(id)).map(({ kind }) => kind);
      expect(kinds).to.have.members(['totp', 'recovery-codes']);
    });

    it('steps up when a client asks for more than the session has (RFC 9470)', async () => {
      const { email, code } = await newcomer({ withTotp: true });
      const lax = await addClient(provider, { first_party: true, second_factor: 'none' });
      const person = provider.person();
      const first = await open(person, lax);
      const done = await submit(person, lax, first.reply, signInWith(email));
      expect((await claimsOf(lax, done, first.verifier)).acr).to.equal('urn:holdfast:acr:1');

      const silent = await open(person, lax, { prompt: 'none', acr_values: twoFactors });
      expect(silent.reply.location).to.include('error=login_required');
      const second = await open(person, lax, { acr_values: twoFactors });
      const asked = await submit(person, lax, second.reply, { password, decision: 'sign-in' });
      const up = await submit(person, lax, asked, { code: code() });
      expect((await claimsOf(lax, up, second.verifier)).acr).to.equal(twoFactors);
      const later = await open(person, lax, { prompt: 'none', acr_values: twoFactors });
      expect(later.reply.location).to.include('code=');
    });

    it('opens nothing else by a password alone, given to a client that asks for no more', async () => {
      const { email, code } = await newcomer({ withTotp: true });
      const lax = await addClient(provider, { first_party: true, second_factor: 'none' });
      const alike = await addClient(provider, { first_party: true, second_factor: 'none' });
      const person = provider.person();
      const first = await open(person, lax);
      await submit(person, lax, first.reply, signInWith(email));
      expect((await open(person, alike, { prompt: 'none' })).reply.location).to.include('code=');

      const silent = await open(person, clients.first, { prompt: 'none' });
      expect(silent.reply.location).to.include('error=login_required');
      expect((await person.request('/account/password')).status, 'nor the account').to.equal(303);
      const second = await open(person, clients.first);
      const asked = await submit(person, clients.first, second.reply, { password, decision: 'sign-in' });
      expect(asked.body).to.include('/factor/otp');
      const up = await submit(person, clients.first, asked, { code: code() });
      expect((await claimsOf(clients.first, up, second.verifier)).acr).to.equal(twoFactors);
      expect((await person.request('/account/password')).status).to.equal(200);
    });

    it('passes over acr_values that are not ours', async () => {
      const { email } = await newcomer();
      const person = provider.person();
      const { reply } = await open(person, clients.first);
      await submit(person, clients.first, reply, signInWith(email));
      const silent = await open(person, clients.first, { prompt: 'none', acr_values: 'urn:mace:other' });
      expect(silent.reply.location).to.include('code=');
    });

    it('keeps the time of the sign-in, however long the consent page is open', async () => {
      const { email } = await newcomer();
      const person = provider.person();
      const { reply, verifier } = await open(person, clients.third, { max_age: '600' });
      const consent = await submit(person, clients.third, reply, signInWith(email));
      const signedInAt = Math.floor(Date.now() / 1000);
      while (Math.floor(Date.now() / 1000) < signedInAt + 2) await pause(50);
      const done = await submit(person, clients.third, consent, { decision: 'allow' });
      const { auth_time } = await claimsOf(clients.third, done, verifier);
      expect(auth_time).to.be.at.most(signedInAt);
    });

    it('asks for terms that the account has not accepted, and goes on when they are', async () => {
      const { accounts } = provider.parts;
      const email = `terms-${people++}@example.com`;
      const made = await accounts.create({ email, password, emailVerified: true });
      const person = provider.person();
      const { reply, verifier } = await open(person, clients.first);
      const page = await submit(person, clients.first, reply, signInWith(email));
      expect(page.body).to.include('https://example.com/terms');
      const outdated = await submit(person, clients.first, page, { decision: 'accept', version: '0' });
      expect(outdated.body, 'another version changes nothing').to.include('https://example.com/terms');
      const done = await submit(person, clients.first, page, { decision: 'accept' });
      await claimsOf(clients.first, done, verifier);
      const account = made.ok ? await accounts.find(made.account.id) : undefined;
      expect(account?.terms?.version).to.equal('1');
    });

    it('is worth nothing when the password changes between the steps', async () => {
      const { email, id, code } = await newcomer({ withTotp: true });
      const person = provider.person();
      const { reply } = await open(person, clients.first);
      const asked = await submit(person, clients.first, reply, signInWith(email));
      await provider.parts.accounts.setPassword(id, 'another horse battery staple');
      const after = await submit(person, clients.first, asked, { code: code() });
      expect(after.location ?? '').not.to.include('code=');
      expect(after.body).to.include('name="password"');
    });

    it('starts over for who wants another account', async () => {
      const { email } = await newcomer({ withTotp: true });
      const person = provider.person();
      const { reply } = await open(person, clients.first);
      const asked = await submit(person, clients.first, reply, signInWith(email));
      const { fields, action } = formOf(asked.body);
      const base = action.split('/factor/')[0];
      const page = await follow(
        person,
        clients.first,
        await person.request(`${base}/start-over`, {
          form: { csrf: fields.csrf ?? '', decision: 'start-over' },
        }),
      );
      expect(page.body).to.include('name="password"');
    });
  });
}

describe('wrong passwords', () => {
  let redis: Topology;
  let provider: TestProvider;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    provider = await startProvider(redis.url, 3);
  });
  after(async () => {
    await provider?.stop();
    await redis?.stop();
  });

  async function loginForm(person: Person) {
    const started = await person.request(authorizationRequest(clients.first).path);
    return formOf((await person.request(started.location ?? '')).body);
  }

  async function tryPassword(person: Person, email: string, guess: string): Promise<Reply> {
    const { action, fields } = await loginForm(person);
    return person.request(action, { form: { ...fields, email, password: guess, decision: 'sign-in' } });
  }

  it('101 at once over three pods: no more are tried than the limit allows, and the owner still gets in', async function () {
    this.timeout(60_000);
    const { email, password: right } = provider.account;
    const owner = provider.person();
    expect((await tryPassword(owner, email, right)).location).to.include('code=');

    const forms = await Promise.all(
      Array.from({ length: 101 }, async () => {
        const person = provider.person();
        return { person, ...(await loginForm(person)) };
      }),
    );
    const replies = await Promise.all(
      forms.map(({ person, action, fields }, i) =>
        person.request(action, { form: { ...fields, email, password: `guess ${i}`, decision: 'sign-in' } }),
      ),
    );
    const tried = replies.filter(({ status }) => status === 400);
    const refused = replies.filter(({ status }) => status === 429);
    expect(tried).to.have.lengthOf(5);
    expect(refused).to.have.lengthOf(96);
    for (const reply of refused) expect(Number(reply.headers.get('retry-after'))).to.be.greaterThan(0);

    // A stranger who has the right password by now has to wait like all strangers.
    expect((await tryPassword(provider.person(), email, right)).status).to.equal(429);
    const page = await owner.request('/session/end');
    const { action, fields } = formOf(page.body);
    await owner.request(action, { form: { ...fields, logout: 'yes' } });
    expect(
      (await tryPassword(owner, email, right)).location,
      'the browser that the account knows',
    ).to.include('code=');
  });

  it('for an address without an account are limited alike', async () => {
    const replies: Reply[] = [];
    for (let i = 0; i < 7; i++)
      replies.push(await tryPassword(provider.person(), 'nobody@example.com', 'guess'));
    expect(replies.map(({ status }) => status)).to.deep.equal([400, 400, 400, 400, 400, 429, 429]);
  });
});
