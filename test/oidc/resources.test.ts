import { expect } from 'chai';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { authorizationRequest } from '../support/person.ts';
import { apiResource, clients, startProvider, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { addClient, isAlive, refresh } from './relying-party.ts';

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

  async function check(token: unknown) {
    const { json } = await provider.get('/jwks');
    return jwtVerify(String(token), createLocalJWKSet(json as unknown as JSONWebKeySet), {
      issuer: provider.issuer,
      audience: apiResource,
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
