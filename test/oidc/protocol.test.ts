import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { authorizationRequest, formOf, Person, type Reply } from '../support/person.ts';
import type { Pod } from '../support/pods.ts';
import { clients, startProvider, type TestClient, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { startPodAhead } from './odd-pods.ts';
import { addClient, claimsOf, introspect, isAlive, refresh, userinfo } from './relying-party.ts';

/** What a relying party can count on at the authorization, token and userinfo endpoints, and what is refused. */
describe('the protocol', () => {
  let redis: Topology;
  let provider: TestProvider;
  let publicClient: TestClient;
  /** Ten minutes later. */
  let late: Pod;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    provider = await startProvider(redis.url);
    late = await startPodAhead(provider, redis.url, 600);
    publicClient = await addClient(provider, { token_endpoint_auth_method: 'none' });
  });
  after(async () => {
    await Promise.all([provider?.stop(), late?.kill('SIGKILL')]);
    await redis?.stop();
  });

  /** The parameters that come back to the client at once, without a page in between. */
  async function answerTo(
    client: TestClient,
    extra: Record<string, string | undefined>,
    person: Person = provider.person(),
  ): Promise<Record<string, string>> {
    const reply = await person.request(requestWith(client, extra));
    expect(reply.location, `${reply.status} ${reply.body.slice(0, 1000)}`).to.match(
      new RegExp(`^${client.redirectUri}[?#]`),
    );
    const { search, hash } = new URL(reply.location ?? '');
    return Object.fromEntries(new URLSearchParams(search || hash.slice(1)));
  }

  /** @param extra parameters to add or, when undefined, to leave out */
  function requestWith(client: TestClient, extra: Record<string, string | undefined>): string {
    const url = new URL(authorizationRequest(client).path, provider.issuer);
    for (const [name, value] of Object.entries(extra)) {
      if (value === undefined) url.searchParams.delete(name);
      else url.searchParams.set(name, value);
    }
    return url.pathname + url.search;
  }

  /** The page that an authorization request leads to. */
  async function pageFor(
    person: Person,
    client: TestClient,
    extra: Record<string, string> = {},
  ): Promise<Reply> {
    const { location } = await person.request(requestWith(client, extra));
    expect(location).to.match(/\/interaction\//);
    return person.request(location ?? '');
  }

  describe('asks every client for PKCE with S256', () => {
    const challenge = createHash('sha256').update('x'.repeat(43)).digest('base64url');
    for (const [what, extra] of [
      ['none', { code_challenge: undefined, code_challenge_method: undefined }],
      ['a challenge without its method', { code_challenge: challenge, code_challenge_method: undefined }],
      ['method plain', { code_challenge: 'x'.repeat(43), code_challenge_method: 'plain' }],
      ['a method without a challenge', { code_challenge: undefined }],
      ['an unknown method', { code_challenge_method: 's256' }],
      ['a short challenge', { code_challenge: 'x'.repeat(42) }],
    ] as const) {
      it(`refuses ${what}`, async () => {
        for (const client of [clients.first, publicClient]) {
          const answer = await answerTo(client, extra);
          expect(answer.error).to.equal('invalid_request');
          expect(answer).not.to.have.property('code');
        }
      });
    }

    it('refuses a wrong or missing verifier, and the code is still good for the right one', async () => {
      for (const client of [clients.first, publicClient]) {
        const { answer, verifier } = await provider.authorize(provider.person(), client);
        const form = {
          grant_type: 'authorization_code',
          code: answer.code ?? '',
          redirect_uri: client.redirectUri,
          client_id: client.id,
        };
        const options = client === publicClient ? {} : { client };
        const wrong = randomBytes(32).toString('base64url');
        const wrongForms = [form, { ...form, code_verifier: wrong }, { ...form, code_verifier: '' }];
        for (const wrongForm of wrongForms) {
          const refused = await provider.post('/token', wrongForm, options);
          expect(refused.status).to.equal(400);
          expect(refused.json.error).to.equal('invalid_grant');
        }
        const right = await provider.post('/token', { ...form, code_verifier: verifier }, options);
        expect(right.status, right.body).to.equal(200);
      }
    });
  });

  it('knows response_type=code only', async () => {
    for (const responseType of [
      'token',
      'id_token',
      'code id_token',
      'code token',
      'none',
      'id_token token',
    ]) {
      const answer = await answerTo(clients.first, { response_type: responseType, nonce: 'n' });
      expect(answer.error, responseType).to.equal('unsupported_response_type');
      expect(answer).not.to.have.any.keys('code', 'access_token', 'id_token');
    }
  });

  describe('sends people nowhere but to a registered redirect URI', () => {
    const { redirectUri } = clients.first;
    for (const wrong of [
      'http://first.example/cb/',
      'http://first.example/CB',
      'http://FIRST.example/cb',
      'HTTP://first.example/cb',
      'http://first.example/cb?',
      'http://first.example/cb?next=https://evil.example',
      'http://first.example/cb#',
      'http://first.example/cb#x',
      'http://first.example/cb/..',
      'http://first.example/cb/../cb',
      'http://first.example/cb/..;/evil',
      'http://first.example/%63b',
      'http://first.example//cb',
      'http://first.example:80/cb',
      'http://first.example:8080/cb',
      'http://first.example./cb',
      'http://first.example@evil.example/cb',
      'http://evil@first.example/cb',
      'http://evil:pw@first.example/cb',
      'http://first.example.evil.example/cb',
      'http://sub.first.example/cb',
      'https://first.example/cb',
      'http://first.example\\@evil.example/cb',
      'http://first.example/cb ',
      ' http://first.example/cb',
      'http://first.example/cb%00',
      'http://first.example/cb%0d%0aX: y',
      'javascript:alert(1)//http://first.example/cb',
      '//first.example/cb',
      '/cb',
      'http://second.example/cb',
      '',
    ]) {
      it(`refuses ${JSON.stringify(wrong)}`, async () => {
        const reply = await provider.person().request(requestWith(clients.first, { redirect_uri: wrong }));
        expect(reply.status).to.equal(400);
        expect(reply.location).to.equal(undefined);
      });
    }

    it('asks for it also where only one is registered', async () => {
      const reply = await provider.person().request(requestWith(clients.first, { redirect_uri: undefined }));
      expect(reply.status).to.equal(400);
      expect(reply.location).to.equal(undefined);
    });

    it('refuses one at the token endpoint that is not the one of the request', async () => {
      const { answer, verifier } = await provider.authorize(provider.person(), clients.first);
      for (const given of [`${redirectUri}/`, clients.second.redirectUri]) {
        const moved = { ...clients.first, redirectUri: given };
        const reply = await provider.exchange(moved, answer.code ?? '', verifier);
        expect(reply.json.error).to.equal('invalid_grant');
      }
      const reply = await provider.exchange(clients.first, answer.code ?? '', verifier);
      expect(reply.status, reply.body).to.equal(200);
    });
  });

  it('names itself and gives the state back, in answers good and bad', async () => {
    const person = provider.person();
    const bad = await answerTo(clients.first, { prompt: 'none', state: 'a b&c=d' }, person);
    expect(bad).to.include({ error: 'login_required', state: 'a b&c=d', iss: provider.issuer });
    await provider.signIn(person, clients.first);
    const good = await answerTo(clients.first, { prompt: 'none', state: 'a b&c=d' }, person);
    expect(good).to.have.all.keys('code', 'state', 'iss');
    expect(good).to.include({ state: 'a b&c=d', iss: provider.issuer });
  });

  it('answers in the fragment, or by a form, where that is asked for', async () => {
    const person = provider.person();
    await provider.signIn(person, clients.first);
    const inFragment = await person.request(requestWith(clients.first, { response_mode: 'fragment' }));
    expect(inFragment.location).to.match(/^http:\/\/first\.example\/cb#code=/);
    const state = '"><script>alert(1)</script>';
    const page = await person.request(requestWith(clients.first, { response_mode: 'form_post', state }));
    expect(page.status).to.equal(200);
    expect(page.body).not.to.include('<script>');
    const { action, fields } = formOf(page.body);
    expect(action).to.equal(clients.first.redirectUri);
    expect(fields).to.include({ state, iss: provider.issuer });
    expect(fields.code).to.be.a('string');
  });

  describe('prompt', () => {
    it('none never shows a page', async () => {
      const person = provider.person();
      expect((await answerTo(clients.third, { prompt: 'none' }, person)).error).to.equal('login_required');
      await provider.signIn(person, clients.first);
      expect((await answerTo(clients.third, { prompt: 'none' }, person)).error).to.equal('consent_required');
      expect((await answerTo(clients.first, { prompt: 'none' }, person)).code).to.be.a('string');
      expect((await answerTo(clients.first, { prompt: 'none login' }, person)).error).to.equal(
        'invalid_request',
      );
    });

    it('login asks for the password again, and renews auth_time', async () => {
      const person = provider.person();
      const { path, verifier } = authorizationRequest(clients.first, { prompt: 'login' });
      await provider.signIn(person, clients.first);
      const page = await person.request((await person.request(path)).location ?? '');
      expect(page.body).to.include('name="password"');
      expect(page.body).to.include(provider.account.email);
      const later = new Person(provider.issuer, [late.url]);
      const before = claimsOf((await provider.signIn(person, clients.first)).id_token);
      // On the pod whose clock is ahead, the new sign-in is ten minutes younger.
      const { action, fields } = formOf(page.body);
      for (const [name, cookie] of person.cookies) {
        (later.cookies as Map<string, unknown>).set(name, cookie);
      }
      const { email, password } = provider.account;
      const { location } = await later.request(action, {
        form: { ...fields, email, password, decision: 'sign-in' },
      });
      const code = new URL(location ?? '').searchParams.get('code') ?? '';
      const tokens = await provider.exchange(clients.first, code, verifier);
      expect(Number(claimsOf(String(tokens.json.id_token)).auth_time)).to.be.greaterThan(
        Number(before.auth_time) + 500,
      );
    });

    it('consent asks even where the client is ours', async () => {
      const person = provider.person();
      await provider.signIn(person, clients.first);
      const page = await pageFor(person, clients.first, { prompt: 'consent' });
      expect(page.body).to.include('value="allow"');
    });

    it('refuses what it does not know', async () => {
      expect((await answerTo(clients.first, { prompt: 'sudo' })).error).to.equal('invalid_request');
    });
  });

  it('asks again when the sign-in is older than max_age, and says when it was', async () => {
    const person = provider.person();
    const tokens = await provider.signIn(person, clients.first, { max_age: '1000' });
    expect(claimsOf(tokens.id_token).auth_time).to.be.a('number');
    expect((await answerTo(clients.first, { max_age: '1000' }, person)).code).to.be.a('string');
    expect((await pageFor(person, clients.first, { max_age: '0' })).body).to.include('name="password"');
    expect((await answerTo(clients.first, { max_age: '0', prompt: 'none' }, person)).error).to.equal(
      'login_required',
    );

    const later = new Person(provider.issuer, [late.url]);
    for (const [name, cookie] of person.cookies) (later.cookies as Map<string, unknown>).set(name, cookie);
    expect((await pageFor(later, clients.first, { max_age: '599' })).body).to.include('name="password"');
    expect((await answerTo(clients.first, { max_age: '700' }, later)).code).to.be.a('string');
    for (const wrong of ['-1', 'x', '1.5']) {
      expect((await answerTo(clients.first, { max_age: wrong })).error, wrong).to.equal('invalid_request');
    }
  });

  it('puts login_hint into the form, as text', async () => {
    const hint = '"><script>alert(1)</script>@example.com';
    const page = await pageFor(provider.person(), clients.first, { login_hint: hint });
    expect(page.body).not.to.include('<script>alert');
    expect(formOf(page.body).fields.email).to.equal(hint);
  });

  it('speaks the language of ui_locales', async () => {
    const german = await pageFor(provider.person(), clients.first, { ui_locales: 'pt-BR de-AT en' });
    expect(german.body).to.include('<html lang="de"');
    const english = await pageFor(provider.person(), clients.first, { ui_locales: 'it xx' });
    expect(english.body).to.include('<html lang="en"');
  });

  it('says who was signed in, when and how, in an ID token, and nothing that a scope opens', async () => {
    const tokens = await provider.signIn(provider.person(), clients.first, { nonce: 'the nonce' });
    const { json } = await provider.get('/jwks');
    const keys = createLocalJWKSet(json as unknown as JSONWebKeySet);
    const { payload, protectedHeader } = await jwtVerify(tokens.id_token, keys, {
      issuer: provider.issuer,
      audience: clients.first.id,
    });
    expect(protectedHeader.alg).to.equal('ES256');
    expect(payload).to.have.all.keys('iss', 'aud', 'sub', 'iat', 'exp', 'auth_time', 'acr', 'amr', 'nonce');
    expect(payload).to.deep.include({
      nonce: 'the nonce',
      acr: 'urn:holdfast:acr:1',
      amr: ['pwd'],
      aud: clients.first.id,
    });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).to.equal(3600);
  });

  it('signs ID tokens with each algorithm that it says it has', async () => {
    const discovery = (await provider.get('/.well-known/openid-configuration')).json;
    const { json } = await provider.get('/jwks');
    const keys = createLocalJWKSet(json as unknown as JSONWebKeySet);
    for (const alg of discovery.id_token_signing_alg_values_supported as string[]) {
      const client = await addClient(provider, { id_token_signed_response_alg: alg });
      const tokens = await provider.signIn(provider.person(), client);
      expect(decodeProtectedHeader(tokens.id_token).alg).to.equal(alg);
      await jwtVerify(tokens.id_token, keys, { issuer: provider.issuer, audience: client.id });
    }
  });

  it('gives a client with pairwise subjects one of its own, the same everywhere', async () => {
    const client = await addClient(provider, { subject_type: 'pairwise' });
    const other = await addClient(provider, { subject_type: 'pairwise' });
    const tokens = await provider.signIn(provider.person(), client);
    const sub = claimsOf(tokens.id_token).sub;
    expect(sub).not.to.equal(provider.account.id);
    expect((await userinfo(provider, tokens.access_token)).json.sub).to.equal(sub);
    expect((await introspect(provider, client, tokens.access_token)).sub).to.equal(sub);
    expect(claimsOf((await provider.signIn(provider.person(), client)).id_token).sub).to.equal(sub);
    expect(claimsOf((await provider.signIn(provider.person(), other)).id_token).sub).not.to.equal(sub);
  });

  describe('userinfo', () => {
    it('tells what the scopes open, and no more', async () => {
      for (const [scope, claims] of [
        ['openid', ['sub']],
        ['openid email', ['sub', 'email', 'email_verified']],
        ['openid profile', ['sub', 'name', 'updated_at']],
        ['openid profile email', ['sub', 'name', 'updated_at', 'email', 'email_verified']],
      ] as const) {
        const tokens = await provider.signIn(provider.person(), clients.first, { scope });
        const reply = await userinfo(provider, tokens.access_token);
        expect(Object.keys(reply.json), scope).to.have.members([...claims]);
        expect(reply.json.sub).to.equal(provider.account.id);
        expect(reply.headers.get('cache-control')).to.equal('no-store');
      }
    });

    it('takes the token from the header or the form, never from the address', async () => {
      const { access_token: token } = await provider.signIn(provider.person(), clients.first);
      expect((await provider.post('/me', { access_token: token })).status).to.equal(200);
      expect((await provider.get(`/me?access_token=${token}`)).status).to.equal(400);
      expect((await provider.get('/me')).status).to.equal(401);
    });

    it('takes no other kind of token', async () => {
      const { answer, verifier } = await provider.authorize(provider.person(), clients.first);
      expect(await isAlive(provider, answer.code ?? '')).to.equal(false);
      const tokens = (await provider.exchange(clients.first, answer.code ?? '', verifier)).json;
      for (const other of [tokens.id_token, tokens.refresh_token]) {
        expect(await isAlive(provider, String(other))).to.equal(false);
      }
      const service = await provider.post(
        '/token',
        { grant_type: 'client_credentials' },
        { client: clients.service },
      );
      expect(service.status, service.body).to.equal(200);
      expect(await isAlive(provider, String(service.json.access_token))).to.equal(false);
    });
  });

  describe('a refresh', () => {
    it('may ask for less, and the next one for all again, but never for more', async () => {
      const tokens = await provider.signIn(provider.person(), clients.first, { scope: 'openid email' });
      const less = await refresh(provider, clients.first, tokens.refresh_token, { scope: 'openid' });
      expect(less.json.scope).to.equal('openid');
      expect((await userinfo(provider, String(less.json.access_token))).json).to.have.all.keys('sub');
      const more = await refresh(provider, clients.first, String(less.json.refresh_token), {
        scope: 'openid email profile',
      });
      expect(more.json.error).to.equal('invalid_scope');
      const all = await refresh(provider, clients.first, String(less.json.refresh_token));
      expect(all.status, all.body).to.equal(200);
      expect(all.json.scope).to.equal('openid email');
    });

    it('gives a new refresh token and keeps the time of the sign-in', async () => {
      const tokens = await provider.signIn(provider.person(), clients.first, { nonce: 'n' });
      const { json } = await refresh(provider, clients.first, tokens.refresh_token);
      expect(json.refresh_token).to.be.a('string').not.equal(tokens.refresh_token);
      const [before, after] = [claimsOf(tokens.id_token), claimsOf(String(json.id_token))];
      expect(after).to.deep.include({ auth_time: before.auth_time, sub: before.sub, aud: before.aud });
    });

    it('is not for a client that may not refresh', async () => {
      const client = await addClient(provider, { grant_types: ['authorization_code'] });
      const tokens = await provider.signIn(provider.person(), client, { scope: 'openid offline_access' });
      expect(tokens.refresh_token).to.equal(undefined);
      const other = await provider.signIn(provider.person(), clients.first);
      const reply = await refresh(provider, client, other.refresh_token);
      expect(reply.status).to.equal(400);
      expect(reply.json).not.to.have.property('access_token');
      expect(await isAlive(provider, other.access_token)).to.equal(true);
    });
  });

  it('gives client credentials to whom they were granted, without a person in them', async () => {
    const grant = { grant_type: 'client_credentials' };
    const reply = await provider.post('/token', grant, { client: clients.service });
    expect(reply.json).to.have.all.keys('access_token', 'expires_in', 'token_type');
    const known = await introspect(provider, clients.service, String(reply.json.access_token));
    expect(known).to.include({ active: true, client_id: clients.service.id });
    expect(known).not.to.have.property('sub');
    const refused = await provider.post('/token', grant, { client: clients.first });
    expect(refused.status).to.equal(400);
    expect(refused.json).to.have.all.keys('error', 'error_description');
  });

  it('has no grant but those that it names', async () => {
    for (const grant of [
      'password',
      'implicit',
      'urn:ietf:params:oauth:grant-type:token-exchange',
      '__proto__',
    ]) {
      const form = {
        grant_type: grant,
        username: provider.account.email,
        password: provider.account.password,
      };
      const reply = await provider.post('/token', form, { client: clients.first });
      expect(reply.status, grant).to.equal(400);
      expect(reply.json.error).to.be.oneOf(['unsupported_grant_type', 'unauthorized_client']);
    }
  });

  describe('what it says of itself', () => {
    it('is true of every endpoint, and under the issuer', async () => {
      const discovery = (await provider.get('/.well-known/openid-configuration')).json;
      expect(discovery.issuer).to.equal(provider.issuer);
      const addresses = Object.entries(discovery).filter(([name]) => /_endpoint$|_uri$/.test(name));
      expect(addresses.map(([name]) => name)).to.have.members([
        'authorization_endpoint',
        'device_authorization_endpoint',
        'end_session_endpoint',
        'introspection_endpoint',
        'jwks_uri',
        'pushed_authorization_request_endpoint',
        'revocation_endpoint',
        'token_endpoint',
        'userinfo_endpoint',
      ]);
      for (const [name, address] of addresses) {
        const url = new URL(String(address));
        expect(url.origin).to.equal(provider.issuer);
        const [got, posted] = await Promise.all([
          provider.get(url.pathname),
          provider.post(url.pathname, {}),
        ]);
        expect(
          [got.status, posted.status].some((status) => status !== 404),
          name,
        ).to.equal(true);
      }
      const oauth = (await provider.get('/.well-known/oauth-authorization-server')).json;
      expect(oauth).to.deep.equal(discovery);
    });

    it('promises nothing that it refuses', async () => {
      const discovery = (await provider.get('/.well-known/openid-configuration')).json;
      expect(discovery).to.deep.include({
        response_types_supported: ['code'],
        code_challenge_methods_supported: ['S256'],
        authorization_response_iss_parameter_supported: true,
        request_uri_parameter_supported: false,
        claims_parameter_supported: true,
        ui_locales_supported: ['en', 'de', 'es', 'fr', 'ja', 'ar'],
      });
      expect(discovery.grant_types_supported).to.have.members([
        'authorization_code',
        'refresh_token',
        'client_credentials',
        'urn:ietf:params:oauth:grant-type:device_code',
      ]);
      expect(discovery.token_endpoint_auth_methods_supported).to.have.members([
        'client_secret_basic',
        'client_secret_post',
        'private_key_jwt',
        'none',
      ]);
      expect(discovery).not.to.have.any.keys('registration_endpoint', 'check_session_iframe');
      expect((await answerTo(clients.first, { request: 'a.b.c' })).error).to.equal('request_not_supported');
      const byUri = await answerTo(clients.first, { request_uri: 'https://first.example/request' });
      expect(byUri.error).to.equal('request_uri_not_supported');
    });

    it('does not change with the Host or Forwarded headers of a request', async () => {
      for (const headers of [
        { 'x-forwarded-host': 'evil.example' },
        { 'x-forwarded-proto': 'https' },
        { forwarded: 'host=evil.example;proto=https' },
        { 'x-original-url': '/evil', 'x-rewrite-url': '/evil' },
      ]) {
        const { json } = await provider.get('/.well-known/openid-configuration', headers as never);
        expect(json.token_endpoint).to.equal(`${provider.issuer}/token`);
      }
      for (const host of [
        'evil.example',
        'id.example:80',
        'id.example.evil.example',
        'id.example@evil.example',
      ]) {
        const reply = await provider.get('/.well-known/openid-configuration', { host });
        expect(reply.status, host).to.equal(421);
        expect(reply.body).not.to.include('evil.example');
      }
    });

    it('shows public keys alone, one for each algorithm', async () => {
      const { json } = await provider.get('/jwks');
      const keys = json.keys as Record<string, unknown>[];
      expect(keys.map(({ alg }) => alg)).to.have.members(['RS256', 'ES256', 'EdDSA']);
      for (const key of keys) {
        expect(key).to.include({ use: 'sig' });
        expect(key).not.to.have.any.keys('d', 'p', 'q', 'dp', 'dq', 'qi', 'k');
        expect(key.kid).to.be.a('string');
      }
    });
  });
});
