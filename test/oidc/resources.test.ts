import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { permissions } from '../../src/access/access.ts';
import { createLog } from '../../src/log.ts';
import {
  createResources,
  type HoldfastClaim,
  type ResourceDraft,
  type Resources,
  type ServiceClaim,
} from '../../src/oidc/oidc.ts';
import { authorizationRequest } from '../support/person.ts';
import {
  apiResource,
  clients,
  startProvider,
  type TestClient,
  type TestProvider,
} from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { addClient, introspect, isAlive, refresh, userinfo } from './relying-party.ts';

/** Access tokens for one API (RFC 8707), as JWTs that it can check by itself (RFC 9068). */
describe('an access token for a resource', () => {
  let redis: Topology;
  let provider: TestProvider;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    provider = await startProvider(redis.url);
  });
  after(async () => {
    await provider?.stop();
    await redis?.stop();
  });

  const scope = 'openid email api:read api:write';

  async function check(token: unknown, audience = apiResource) {
    const { json } = await provider.get('/jwks');
    return jwtVerify(String(token), createLocalJWKSet(json as unknown as JSONWebKeySet), {
      issuer: provider.issuer,
      audience,
      typ: 'at+jwt',
    });
  }

  it('is a JWT for that audience alone, with what was granted of its scopes', async () => {
    const { answer, verifier } = await provider.authorize(provider.person(), clients.first, {
      scope,
      resource: apiResource,
    });
    const reply = await provider.post(
      '/token',
      {
        grant_type: 'authorization_code',
        code: answer.code ?? '',
        code_verifier: verifier,
        redirect_uri: clients.first.redirectUri,
        resource: apiResource,
      },
      { client: clients.first },
    );
    expect(reply.status, reply.body).to.equal(200);
    const { payload, protectedHeader } = await check(reply.json.access_token);
    expect(protectedHeader.alg).to.equal('ES256');
    expect(payload).to.have.all.keys('iss', 'sub', 'aud', 'client_id', 'scope', 'jti', 'iat', 'exp');
    expect(payload).to.include({
      sub: provider.account.id,
      aud: apiResource,
      client_id: clients.first.id,
      scope: 'api:read api:write',
    });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).to.equal(600);
    expect(await isAlive(provider, String(reply.json.access_token)), 'good for userinfo').to.equal(false);
  });

  it('is asked for by the refresh token of the same grant, in turn with one for userinfo', async () => {
    const tokens = await provider.signIn(provider.person(), clients.first, { scope, resource: apiResource });
    expect(await isAlive(provider, tokens.access_token)).to.equal(true);
    const forApi = await refresh(provider, clients.first, tokens.refresh_token, { resource: apiResource });
    expect(forApi.status, forApi.body).to.equal(200);
    await check(forApi.json.access_token);
    const less = await refresh(provider, clients.first, String(forApi.json.refresh_token), {
      resource: apiResource,
      scope: 'openid api:read',
    });
    expect((await check(less.json.access_token)).payload.scope).to.equal('api:read');
    const forUserinfo = await refresh(provider, clients.first, String(less.json.refresh_token));
    expect(await isAlive(provider, String(forUserinfo.json.access_token))).to.equal(true);
  });

  it('comes by client credentials too', async () => {
    const grant = { grant_type: 'client_credentials', resource: apiResource };
    const reply = await provider.post('/token', { ...grant, scope: 'api:read' }, { client: clients.service });
    const { payload } = await check(reply.json.access_token);
    expect(payload).to.include({ sub: clients.service.id, client_id: clients.service.id, scope: 'api:read' });
    const unknown = await provider.post(
      '/token',
      { ...grant, scope: 'api:read api:admin openid' },
      { client: clients.service },
    );
    expect(
      unknown.status === 400 || (await check(unknown.json.access_token)).payload.scope === 'api:read',
    ).to.equal(true);
  });

  it('is not made for a resource that is unknown, malformed, or not for this client', async () => {
    const other = await addClient(provider);
    for (const [client, resource] of [
      [clients.first, 'http://unknown.example'],
      [clients.first, `${apiResource}/`],
      [clients.first, `${apiResource}#x`],
      [clients.first, 'not a uri'],
      [clients.first, '__proto__'],
      [clients.first, 'constructor'],
      [other, apiResource],
    ] as const) {
      const { path } = authorizationRequest(client, { scope, resource });
      const reply = await provider.person().request(path);
      expect(new URL(reply.location ?? '').searchParams.get('error'), resource).to.equal('invalid_target');
    }
    const mixed = `${authorizationRequest(clients.first, { scope, resource: apiResource }).path}&resource=http%3A%2F%2Funknown.example`;
    const reply = await provider.person().request(mixed);
    expect(new URL(reply.location ?? '').searchParams.get('error')).to.equal('invalid_target');
    const service = await provider.post(
      '/token',
      { grant_type: 'client_credentials', resource: 'http://unknown.example' },
      { client: clients.service },
    );
    expect(service.json.error).to.equal('invalid_target');
  });

  it('is not had at the token endpoint when it was not asked for before', async () => {
    const tokens = await provider.signIn(provider.person(), clients.first, { scope: 'openid' });
    const reply = await refresh(provider, clients.first, tokens.refresh_token, { resource: apiResource });
    expect(reply.json.error).to.equal('invalid_target');
  });

  it('for somebody else’s client needs the person’s consent to that API', async () => {
    const client = await addClient(provider, { first_party: false, resources: [apiResource] });
    const person = provider.person();
    await provider.signIn(person, clients.first);
    const { path } = authorizationRequest(client, { scope, resource: apiResource });
    const page = await person.request((await person.request(path)).location ?? '');
    expect(page.body).to.include('value="allow"').and.include(apiResource).and.include('api:write');
  });

  describe('that an administrator has made', () => {
    const indicator = 'https://orders.example.com/v1';
    const draft: ResourceDraft = {
      name: 'Orders',
      scopes: [
        { name: 'orders:read', description: 'See your orders' },
        { name: 'orders:write', description: 'Order things' },
      ],
      accessTokenSeconds: 120,
      signingAlgorithm: 'EdDSA',
      format: 'jwt',
      hasRoles: true,
    };

    const make = async (changes: Partial<ResourceDraft> = {}, at = indicator) => {
      const made = await provider.parts.resources.create(at, { ...draft, ...changes });
      if (!made.ok) throw new Error(JSON.stringify(made));
      return made.value;
    };

    async function tokenFor(client: TestClient, at: string, asked: string) {
      const { answer, verifier } = await provider.authorize(provider.person(), client, {
        scope: asked,
        resource: at,
      });
      const form = {
        grant_type: 'authorization_code',
        code: answer.code ?? '',
        code_verifier: verifier,
        redirect_uri: client.redirectUri,
        resource: at,
      };
      const reply = await provider.post('/token', form, { client });
      expect(reply.status, reply.body).to.equal(200);
      return String(reply.json.access_token);
    }

    before(async () => {
      const { access, store } = provider.parts;
      const role = { description: '', permissions: [], claims: { desk: 'news' } };
      await access.roles.create('clerk', { ...role, name: 'Clerk' });
      await access.groups.create('shop', { name: 'Shop', description: '', roles: ['clerk'], claims: {} });
      await store.call('HSET', store.keys.account(provider.account.id), 'groups', 'shop');
      const { access_token: token } = await provider.signIn(provider.person(), clients.first, {
        scope: 'openid roles',
      });
      const until = performance.now() + 1000;
      for (const pod of [0, 1]) {
        const knows = async () =>
          (await provider.get('/me', { authorization: `Bearer ${token}` }, pod)).body.includes('clerk');
        while (!(await knows())) expect(performance.now()).to.be.lessThan(until);
      }
    });

    it('works on every pod at once, with its own lifetime, algorithm and scopes, and tells roles', async () => {
      const client = await addClient(provider, { resources: [indicator] });
      await make();
      const forService = (pod: number) =>
        provider.post(
          '/token',
          { grant_type: 'client_credentials', resource: indicator, scope: 'orders:read' },
          { client: service, pod },
        );
      const service = await addClient(provider, {
        resources: [indicator],
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      });
      for (const pod of [0, 1]) {
        const reply = await forService(pod);
        expect(reply.status, reply.body).to.equal(200);
        const { payload } = await check(reply.json.access_token, indicator);
        expect(payload, 'a service has no roles').not.to.have.any.keys('roles', 'groups', 'desk');
      }
      const token = await tokenFor(client, indicator, 'openid orders:read orders:write api:read');
      const { payload, protectedHeader } = await check(token, indicator);
      expect(protectedHeader.alg).to.equal('EdDSA');
      expect(payload).to.deep.include({
        sub: provider.account.id,
        scope: 'orders:read orders:write',
        roles: ['clerk'],
        groups: ['shop'],
      });
      expect(payload, 'ids alone').not.to.have.any.keys('desk', 'hf');
      expect((payload.exp ?? 0) - (payload.iat ?? 0)).to.equal(120);
    });

    it('holds what was changed, and what was taken away, within a second on every pod', async () => {
      const at = 'https://changing.example.com';
      await make({ hasRoles: false }, at);
      const service = await addClient(provider, {
        resources: [at],
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      });
      const ask = (pod: number) =>
        provider.post('/token', { grant_type: 'client_credentials', resource: at }, { client: service, pod });
      for (const pod of [0, 1]) expect((await ask(pod)).json.expires_in).to.equal(120);
      const changed = await provider.parts.resources.update(at, 1, { accessTokenSeconds: undefined });
      expect(changed).to.deep.include({ ok: true });
      expect(changed.ok && changed.value.accessTokenSeconds).to.equal(undefined);
      const until = performance.now() + 1000;
      for (const pod of [0, 1]) {
        while ((await ask(pod)).json.expires_in !== 600) expect(performance.now()).to.be.lessThan(until);
      }
      expect((await provider.parts.resources.remove(at, undefined)).ok).to.equal(true);
      const gone = performance.now() + 1000;
      for (const pod of [0, 1]) {
        while ((await ask(pod)).status === 200) expect(performance.now()).to.be.lessThan(gone);
        expect((await ask(pod)).json.error).to.equal('invalid_target');
      }
    });

    it('gives opaque tokens where it wants them; who introspects them is told the roles of now', async () => {
      const at = 'https://opaque.example.com';
      const client = await addClient(provider, { resources: [at] });
      await make({ format: 'opaque' }, at);
      const token = await tokenFor(client, at, 'openid orders:read');
      expect(token).not.to.match(/^ey/);
      const server = await addClient(provider, { resources: [at] });
      const { store } = provider.parts;
      const key = store.keys.account(provider.account.id);
      for (const asking of [client, server]) {
        expect(await introspect(provider, asking, token)).to.deep.include({
          active: true,
          aud: at,
          scope: 'orders:read',
          roles: ['clerk'],
          groups: ['shop'],
        });
      }
      await store.call('HDEL', key, 'groups');
      expect(await introspect(provider, server, token)).to.deep.include({ roles: [], groups: [] });
      await store.call('HSET', key, 'groups', 'shop');
      expect(await introspect(provider, clients.second, token)).to.deep.equal({ active: false });
      expect((await userinfo(provider, token)).status, 'good for userinfo').to.equal(403);
    });

    it('may have no scopes', async () => {
      const at = 'https://plain.example.com';
      const client = await addClient(provider, { resources: [at] });
      await make({ scopes: [] }, at);
      const { payload } = await check(await tokenFor(client, at, 'openid'), at);
      expect(payload).not.to.have.property('scope');
    });
  });

  describe('definition', () => {
    const draft: ResourceDraft = {
      name: 'An API',
      scopes: [],
      accessTokenSeconds: undefined,
      signingAlgorithm: 'ES256',
      format: 'jwt',
      hasRoles: false,
    };

    it('is listed with those of the environment and the admin API, which stay as they are', async () => {
      const { resources } = provider.parts;
      const all = await resources.list();
      expect(all.find(({ indicator }) => indicator === apiResource)).to.deep.include({
        origin: 'environment',
        scopes: [
          { name: 'api:read', description: '' },
          { name: 'api:write', description: '' },
        ],
      });
      const admin = all.find(({ origin }) => origin === 'built-in');
      expect(admin?.indicator).to.equal(`${provider.issuer}/admin/api/v1`);
      expect(admin?.scopes.map(({ name }) => name)).to.deep.equal([...permissions]);
      expect(admin?.scopes.filter(({ description }) => description === '')).to.deep.equal([]);
      for (const indicator of [apiResource, admin?.indicator ?? '']) {
        expect(await resources.create(indicator, draft)).to.deep.equal({ ok: false, problem: 'taken' });
        const changed = await resources.update(indicator, undefined, { name: 'x' });
        expect(changed).to.deep.equal({ ok: false, problem: 'built-in' });
        expect(await resources.remove(indicator, undefined)).to.deep.equal({
          ok: false,
          problem: 'built-in',
        });
      }
    });

    it('is made once by twenty who ask at once, and changed once', async () => {
      const indicator = 'https://race.example.com';
      const other = await createResources({
        config: { issuer: provider.issuer, resources: {} },
        store: provider.parts.store,
        log: createLog('silent', 'test'),
      });
      const twenty = <T>(work: (resources: Resources) => Promise<T>) =>
        Promise.all(
          Array.from({ length: 20 }, (_, index) => work(index % 2 ? other : provider.parts.resources)),
        );
      const made = await twenty((resources) => resources.create(indicator, draft));
      expect(made.filter(({ ok }) => ok)).to.have.lengthOf(1);
      const changed = await twenty((resources) => resources.update(indicator, 1, { name: 'Other' }));
      expect(changed.filter(({ ok }) => ok)).to.have.lengthOf(1);
      const removed = await twenty((resources) => resources.remove(indicator, 2));
      expect(removed.filter(({ ok }) => ok)).to.have.lengthOf(1);
      expect((await other.create(indicator, draft)).ok, 'an address may come back').to.equal(true);
      other.close();
    });

    it('is refused with what is wrong in which field', async () => {
      const { resources } = provider.parts;
      const paths = async (indicator: string, changes: Record<string, unknown> = {}) => {
        const outcome = await resources.create(indicator, { ...draft, ...changes } as ResourceDraft);
        return !outcome.ok && outcome.problem === 'invalid'
          ? outcome.faults.map(({ path }) => path)
          : outcome;
      };
      const fine = 'https://fine.example.com';
      const strange = ['', 'api', '/path', 'https://x.example/#a', 'https://x .example', 'https://ü.example'];
      const own = [provider.issuer, `${provider.issuer}/`, `${provider.issuer}/admin/api/v2`];
      for (const indicator of [...strange, ...own, `https://x.example/${'a'.repeat(500)}`, 'x:"<b>']) {
        expect(await paths(indicator), indicator).to.deep.equal(['indicator']);
      }
      const scope = (name: string, description = '') => ({ name, description });
      for (const name of ['openid', 'roles', 'offline_access', '', 'a b', 'ü', '"', 'x'.repeat(101)]) {
        expect(await paths(fine, { scopes: [scope(name)] }), name).to.deep.equal(['scopes.0.name']);
      }
      expect(await paths(fine, { scopes: [scope('a'), scope('a', 'b\n')] })).to.deep.equal([
        'scopes.1.name',
        'scopes.1.description',
      ]);
      expect(await paths(fine, { name: 'a\u0000' })).to.deep.equal(['name']);
      for (const accessTokenSeconds of [0, 59, 86_401, 1.5, '600']) {
        expect(await paths(fine, { accessTokenSeconds })).to.deep.equal(['accessTokenSeconds']);
      }
      expect(await paths(fine, { signingAlgorithm: 'none', format: 'xml', hasRoles: 1 })).to.deep.equal([
        'signingAlgorithm',
        'format',
        'hasRoles',
      ]);
      expect(await resources.find(fine)).to.equal(undefined);
    });
  });

  describe('that is the admin API', () => {
    const admin = () => `${provider.issuer}/admin/api/v1`;
    const forService = (client: TestClient, asked?: string) =>
      provider.post(
        '/token',
        { grant_type: 'client_credentials', resource: admin(), ...(asked ? { scope: asked } : {}) },
        { client },
      );
    const addService = (roles: string[]) =>
      addClient(provider, {
        roles,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      });

    // People here have no second factor, and none is what these tests are about.
    const askSecondFactor = async (console_second_factor: 'optional' | null) => {
      await provider.parts.settings.change(undefined, { console_second_factor });
      // It holds on every pod within a second.
      await pause(1000);
    };
    before(() => askSecondFactor('optional'));
    after(() => askSecondFactor(null));

    it('is for a service with roles, as far as these go', async () => {
      const auditor = await addService(['auditor']);
      const reply = await forService(auditor, 'audit:read accounts:read accounts:delete');
      if (reply.status === 200) {
        const { payload } = await check(reply.json.access_token, admin());
        expect(payload.scope).to.equal('audit:read accounts:read');
        const hf = payload.hf as ServiceClaim;
        expect(hf.era).to.equal(0);
        expect((await provider.parts.clients.look(auditor.id))?.secretIds).to.deep.equal([hf.secret]);
      } else expect(reply.json.error).to.equal('invalid_scope');
      const less = await forService(auditor, 'audit:read');
      expect((await check(less.json.access_token, admin())).payload.scope).to.equal('audit:read');
      for (const roles of [[], ['gone']]) {
        const refused = await forService(await addService(roles), 'audit:read');
        expect(refused.json.error).to.equal('invalid_target');
      }
      const listed = await addClient(provider, {
        resources: [admin()],
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      });
      expect((await forService(listed, 'audit:read')).json.error).to.equal('invalid_target');
    });

    it('knows a role that was made a moment ago, and none that was removed', async () => {
      const { access } = provider.parts;
      const role = { name: 'Robot', description: '', permissions: ['keys:read' as const], claims: {} };
      const robot = await addService(['robot']);
      await access.roles.create('robot', role);
      for (let pod = 0; pod < 2; pod++) {
        const { payload } = await check((await forService(robot, 'keys:read')).json.access_token, admin());
        expect(payload.scope).to.equal('keys:read');
      }
      await access.roles.remove('robot', undefined);
      for (let pod = 0; pod < 2; pod++) {
        expect((await forService(robot, 'keys:read')).json.error).to.equal('invalid_target');
      }
    });

    it('tells the API in a person’s token which sign-in, grant and session it stands on', async () => {
      const client = await addClient(provider, { first_party: true, roles: ['auditor'] });
      const { answer, verifier } = await provider.authorize(provider.person(), client, {
        scope: 'openid audit:read clients:delete',
        resource: admin(),
      });
      const form = {
        grant_type: 'authorization_code',
        code: answer.code ?? '',
        code_verifier: verifier,
        redirect_uri: client.redirectUri,
        resource: admin(),
      };
      const reply = await provider.post('/token', form, { client });
      const { payload } = await check(reply.json.access_token, admin());
      expect(payload.scope).to.equal('audit:read');
      const hf = payload.hf as HoldfastClaim;
      const account = await provider.parts.accounts.find(provider.account.id);
      expect(hf).to.include({ account: account?.id, epoch: account?.epoch });
      const { store } = provider.parts;
      const grant = await store.read(store.keys.grant(hf.grant));
      expect(JSON.parse(grant?.p ?? '{}')).to.include({ accountId: account?.id, clientId: client.id });
      expect(await store.read(store.keys.session(hf.session ?? ''))).not.to.equal(undefined);
    });
  });

  it('cannot be introspected or revoked, and says so', async () => {
    const reply = await provider.post(
      '/token',
      { grant_type: 'client_credentials', resource: apiResource },
      { client: clients.service },
    );
    const token = String(reply.json.access_token);
    for (const path of ['/token/introspection', '/token/revocation']) {
      const refused = await provider.post(path, { token }, { client: clients.service });
      expect(refused.status).to.equal(400);
      expect(refused.json.error).to.equal('unsupported_token_type');
    }
  });
});
