import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import type { Admin } from '../../src/admin/admin.ts';
import { adminApiRoutes } from '../../src/admin/api/api.ts';
import { Person, send } from '../support/person.ts';
import { apiResource, clients, createClientKey } from '../support/provider.ts';
import {
  type AdminPerson,
  type AdminProvider,
  type ApiReply,
  startAdminProvider,
  tools,
} from './admin-provider.ts';

/** What somebody tries who may not, or not so. */
const routes = adminApiRoutes({} as Admin);

describe('attacks on the admin API', () => {
  let provider: AdminProvider;
  let owner: AdminPerson;
  let ownerToken: string;

  before(async () => {
    provider = await startAdminProvider();
    owner = await provider.addPerson('owner', ['owner']);
    ownerToken = await provider.personToken(owner);
  });
  after(() => provider?.stop());

  const api: AdminProvider['api'] = (...args) => provider.api(...args);
  const always = { 'if-match': '*' };

  function expectProblem(reply: ApiReply, status: number, kind: string, what = ''): void {
    expect(reply.status, `${what} ${reply.body}`).to.equal(status);
    expect(reply.headers.get('content-type'), what).to.match(/^application\/problem\+json/);
    expect(reply.json.type, what).to.equal(`${provider.resource}/reference#problem-${kind}`);
    expect(reply.json.status, what).to.equal(status);
    expect(reply.json.request_id, what).to.equal(reply.headers.get('x-request-id'));
    expect(reply.headers.get('x-content-type-options'), what).to.equal('nosniff');
    expect(reply.headers.get('access-control-allow-origin'), what).to.equal(null);
  }

  const pointersOf = ({ json }: ApiReply) =>
    (json.errors as { pointer: string }[]).map(({ pointer }) => pointer);

  describe('tokens', () => {
    type Change = { header?: Record<string, unknown>; claims?: Record<string, unknown>; key?: JWK };

    /** The owner's token with something changed, signed by the key that signs (or another). */
    async function forged({ header = {}, claims = {}, key }: Change): Promise<string> {
      const [, payload = ''] = ownerToken.split('.');
      const signer =
        key ?? (provider.parts.keySet.current().signing.find(({ alg }) => alg === 'ES256') as JWK);
      const own = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
      const all = { ...own, jti: Math.random().toString(36), ...claims };
      const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
      return new SignJWT(kept)
        .setProtectedHeader({ alg: String(signer.alg), kid: String(signer.kid), typ: 'at+jwt', ...header })
        .sign(await importJWK(signer, String(signer.alg)));
    }

    const me = (token: string | undefined, headers: Record<string, string> = {}) =>
      api(token, 'GET', '/me', { headers });

    it('takes the one that all others are made from, so that it is the change that is refused', async () => {
      expect((await me(await forged({}))).status).to.equal(200);
    });

    it('refuses other audiences, issuers, kinds, times and keys', async () => {
      const { privateKey } = await generateKeyPair('ES256', { extractable: true });
      const stranger = { ...(await exportJWK(privateKey)), alg: 'ES256' };
      const now = Math.floor(Date.now() / 1000);
      const changes: Record<string, Change> = {
        audience: { claims: { aud: apiResource } },
        'audience of the issuer': { claims: { aud: provider.issuer } },
        issuer: { claims: { iss: 'http://other.example' } },
        'no issuer': { claims: { iss: undefined } },
        'no client': { claims: { client_id: undefined } },
        'no end': { claims: { exp: undefined } },
        expired: { claims: { exp: now - 10 } },
        'not yet': { claims: { nbf: now + 1000 } },
        'an ID token': { header: { typ: 'JWT' } },
        'no kind': { header: { typ: undefined } },
        'another key under our name': {
          key: { ...stranger, kid: provider.parts.keySet.current().signing[0]?.kid ?? '' },
        },
        'another key that it brings': { key: stranger, header: { jwk: await exportJWK(privateKey) } },
        'no word of what it stands on': { claims: { hf: undefined } },
        'an earlier sign-in': { claims: { hf: { account: owner.id, epoch: -1, grant: 'x' } } },
        'a grant that is not there': {
          claims: { hf: { account: owner.id, epoch: 0, grant: 'x'.repeat(22) } },
        },
        'bound by a certificate': { claims: { cnf: { 'x5t#S256': 'abc' } } },
        'scope of another kind': { claims: { scope: ['accounts:read'] } },
      };
      for (const [what, change] of Object.entries(changes)) {
        const reply = await me(await forged(change));
        expectProblem(reply, 401, 'invalid-token', what);
        expect(reply.headers.get('www-authenticate'), what).to.contain('error="invalid_token"');
      }
    });

    it('refuses algorithms that are none of ours', async () => {
      const [, payload = ''] = ownerToken.split('.');
      const encode = (header: object) => Buffer.from(JSON.stringify(header)).toString('base64url');
      const none = `${encode({ alg: 'none', typ: 'at+jwt' })}.${payload}.`;
      expectProblem(await me(none), 401, 'invalid-token');
      const [published] = (JSON.parse((await provider.get('/jwks')).body) as { keys: JWK[] }).keys;
      const secret = new TextEncoder().encode(JSON.stringify(published));
      const hmac = await new SignJWT(JSON.parse(Buffer.from(payload, 'base64url').toString()))
        .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: String(published?.kid) })
        .sign(secret);
      expectProblem(await me(hmac), 401, 'invalid-token');
    });

    it('refuses tokens for userinfo, for another API, and ID tokens', async () => {
      const tokens = await provider.signIn(provider.person(), clients.first, {
        scope: 'openid accounts:read',
      });
      for (const token of [tokens.access_token, tokens.id_token, tokens.refresh_token]) {
        expectProblem(await me(token), 401, 'invalid-token');
      }
      const service = { client: clients.service };
      const form = { grant_type: 'client_credentials', resource: apiResource, scope: 'api:read' };
      const other = (await provider.post('/token', form, service)).json.access_token;
      expectProblem(await me(String(other)), 401, 'invalid-token');
    });

    it('gives no token for the API to a client without roles', async () => {
      const form = { grant_type: 'client_credentials', resource: provider.resource, scope: 'accounts:read' };
      const reply = await provider.post('/token', form, { client: clients.service });
      expect(reply.json.error).to.equal('invalid_target');
    });

    it('looks nowhere but in Authorization, and there for one token', async () => {
      const person = new Person(
        provider.issuer,
        provider.pods.map(({ url }) => url),
      );
      const browser = await provider.signIn(person, clients.first);
      expect(browser).to.have.property('access_token');
      const cookie = [...person.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ');
      expect(cookie).to.contain('session');
      const reply = await me(undefined, { cookie });
      expectProblem(reply, 401, 'invalid-token', 'cookie');
      // Who brings no token is told only that one is needed (RFC 6750 3.1).
      expect(reply.headers.get('www-authenticate'))
        .to.match(/^Bearer realm="[^"]+", DPoP/)
        .and.not.contain('error=');
      expectProblem(
        await api(undefined, 'GET', `/me?access_token=${ownerToken}`),
        401,
        'invalid-token',
        'query',
      );
      expectProblem(
        await me(undefined, { authorization: `Basic ${ownerToken}` }),
        401,
        'invalid-token',
        'basic',
      );
      expectProblem(
        await me(undefined, { authorization: `Bearer ${ownerToken}, Bearer x` }),
        401,
        'invalid-token',
      );
      expectProblem(
        await me(undefined, { authorization: `DPoP ${ownerToken}` }),
        401,
        'invalid-token',
        'as DPoP',
      );
    });

    it('is bound to a key where the token is', async () => {
      const key = await createClientKey();
      const other = await createClientKey();
      const service = await provider.addService('dpop-service', ['auditor'], {
        dpop_bound_access_tokens: true,
      });
      const token = await provider.serviceToken(service, {
        headers: { dpop: await key.proof('POST', `${provider.issuer}/token`) },
      });
      const ath = createHash('sha256').update(token).digest('base64url');
      const url = `${provider.resource}/me`;
      const ask = (dpop: string | undefined, scheme = 'DPoP') =>
        me(undefined, { authorization: `${scheme} ${token}`, ...(dpop === undefined ? {} : { dpop }) });
      const good = await key.proof('GET', url, { ath });
      expect((await ask(good)).status).to.equal(200);
      const now = Math.floor(Date.now() / 1000);
      const bad: Record<string, string | undefined> = {
        'used before, on the other pod': good,
        'no proof': undefined,
        'another key': await other.proof('GET', url, { ath }),
        'another method': await key.proof('POST', url, { ath }),
        'another address': await key.proof('GET', `${provider.resource}/accounts`, { ath }),
        'another token': await key.proof('GET', url, {
          ath: createHash('sha256').update('x').digest('base64url'),
        }),
        'no token': await key.proof('GET', url),
        old: await key.proof('GET', url, { ath, iat: now - 600 }),
        'no proof at all': 'x.y.z',
      };
      for (const [what, proof] of Object.entries(bad)) {
        const reply = await ask(proof);
        expectProblem(reply, 401, 'invalid-token', what);
        expect(reply.headers.get('www-authenticate'), what).to.match(/^DPoP .*error="invalid_dpop_proof"/);
      }
      expectProblem(
        await ask(await key.proof('GET', url, { ath }), 'Bearer'),
        401,
        'invalid-token',
        'as bearer',
      );
    });

    it('is worth nothing once what it stands on has ended', async () => {
      const ending: Record<string, (person: AdminPerson) => Promise<unknown>> = {
        'account disabled': ({ id }) => api(ownerToken, 'POST', `/accounts/${id}/disable`),
        'account deleted': ({ id }) => api(ownerToken, 'DELETE', `/accounts/${id}`, { headers: always }),
        'password set': ({ id }) =>
          api(ownerToken, 'PUT', `/accounts/${id}/password`, {
            body: { password: 'quite another passphrase' },
          }),
        'sessions ended': ({ id }) => api(ownerToken, 'DELETE', `/accounts/${id}/sessions`),
        'grant revoked': async ({ id }) => {
          const grants = (await api(ownerToken, 'GET', `/accounts/${id}/grants`)).json.items as {
            id: string;
          }[];
          for (const grant of grants)
            await api(ownerToken, 'DELETE', `/grants/${encodeURIComponent(grant.id)}`);
        },
      };
      for (const [what, end] of Object.entries(ending)) {
        const person = await provider.addPerson(what.replace(' ', '-'), ['auditor']);
        const token = await provider.personToken(person);
        expect((await me(token)).status, what).to.equal(200);
        await end(person);
        expectProblem(await me(token), 401, 'invalid-token', what);
        expectProblem(await me(token), 401, 'invalid-token', what);
      }
    });

    it('of a service is worth nothing once all that was granted to it, or the secret, has ended', async () => {
      const service = await provider.addService('leaving', ['auditor']);
      const [first, second] = [await provider.serviceToken(service), await provider.serviceToken(service)];
      expect((await me(first)).status).to.equal(200);
      const added = await api(ownerToken, 'POST', '/clients/leaving/secrets', { body: {} });
      const newer = { ...service, secret: String(added.json.client_secret) };
      const byNewer = await provider.serviceToken(newer);
      expect((await me(byNewer)).status).to.equal(200);
      const { secrets } = (added.json.client ?? {}) as { secrets: { id: string }[] };
      const older = secrets.find(({ id }) => id !== added.json.secret_id)?.id;
      expect((await api(ownerToken, 'DELETE', `/clients/leaving/secrets/${older}`)).status).to.equal(204);
      expectProblem(await me(first), 401, 'invalid-token', 'secret removed');
      expectProblem(await me(second), 401, 'invalid-token', 'secret removed');
      // What it has by the other secret goes on, so that one can be replaced by the other.
      expect((await me(byNewer)).status).to.equal(200);
      const body = { others_end_in_seconds: 0 };
      await api(ownerToken, 'POST', '/clients/leaving/secrets', { body });
      expectProblem(await me(byNewer), 401, 'invalid-token', 'secret ended by its time');

      const other = await provider.addService('revoked', ['auditor']);
      const token = await provider.serviceToken(other);
      expect((await me(token)).status).to.equal(200);
      expect((await api(ownerToken, 'POST', '/clients/revoked/revoke-grants')).status).to.equal(200);
      expectProblem(await me(token), 401, 'invalid-token', 'grants revoked');
    });

    it('can do no more than its scope, its client and its person, as they are now', async () => {
      const person = await provider.addPerson('shrinking', ['owner']);
      const narrow = await provider.personToken(person, { scope: 'accounts:read' });
      expect((await me(narrow)).json.permissions).to.deep.equal(['accounts:read']);
      const service = await provider.addService('small', ['auditor']);
      const whole = await provider.serviceToken(service);
      expect((await me(whole)).json.permissions)
        .to.include('audit:read')
        .and.not.to.include('accounts:create');
      const wide = await provider.personToken(person);
      expect((await me(wide)).json.permissions).to.include('keys:revoke');
      await api(ownerToken, 'PUT', `/accounts/${person.id}/roles`, {
        body: { roles: ['auditor'] },
        headers: always,
      });
      const after = await me(wide);
      // A changed role may end what was signed in; if not, it counts at once.
      if (after.status === 200) expect(after.json.permissions).not.to.include('keys:revoke');
      else expectProblem(after, 401, 'invalid-token');
      await api(ownerToken, 'PATCH', '/clients/small', {
        body: { roles: ['client-manager'] },
        headers: always,
      });
      expect((await me(whole)).json.permissions).not.to.include('audit:read');
      await api(ownerToken, 'POST', '/clients/small/disable');
      expectProblem(await me(whole), 401, 'invalid-token', 'client disabled');
    });
  });

  describe('rank', () => {
    it('lets nobody act on, or hand out, more than they have', async () => {
      const manager = await provider.addPerson('manager', ['account-manager']);
      const token = await provider.personToken(manager);
      const about = { headers: always };
      const tries: [string, string, { body?: unknown; headers?: Record<string, string> }][] = [
        ['PATCH', `/accounts/${owner.id}`, { ...about, body: { name: 'Mallory' } }],
        ['PUT', `/accounts/${manager.id}/roles`, { ...about, body: { roles: ['owner'] } }],
        ['PUT', `/accounts/${owner.id}/password`, { body: { password: 'a passphrase of mallory' } }],
        ['POST', `/accounts/${owner.id}/disable`, {}],
        ['DELETE', `/accounts/${owner.id}`, about],
        ['DELETE', `/accounts/${owner.id}/sessions`, {}],
        ['DELETE', `/accounts/${owner.id}/factors`, {}],
        ['POST', '/accounts', { body: { email: 'mallory@example.org', roles: ['owner'] } }],
        ['POST', '/groups', { body: { id: 'owners', roles: ['owner'] } }],
        ['POST', '/sessions/end-all', { body: { confirm: 'everybody is signed out' } }],
      ];
      for (const [method, path, options] of tries) {
        expectProblem(await api(token, method, path, options), 403, 'outranked', `${method} ${path}`);
      }
      const bulk = await api(token, 'POST', '/accounts/bulk', {
        body: {
          rows: [
            { action: 'delete', id: owner.id },
            { action: 'assign', id: manager.id, roles: ['owner'] },
          ],
        },
      });
      const results = bulk.json.results as { status: number; problem: { type: string } }[];
      expect(results.map(({ status, problem }) => [status, problem.type])).to.deep.equal([
        [403, 'outranked'],
        [403, 'outranked'],
      ]);
      const clientManager = await provider.personToken(
        await provider.addPerson('client-manager', ['client-manager']),
      );
      const draft = { client_name: 'x', redirect_uris: ['https://x.example/cb'], roles: ['owner'] };
      expectProblem(await api(clientManager, 'POST', '/clients', { body: draft }), 403, 'outranked');
      expectProblem(
        await api(clientManager, 'POST', `/clients/${tools.id}/secrets`, { body: {} }),
        403,
        'outranked',
        'a secret of a client that may do more',
      );
      expect((await api(ownerToken, 'GET', `/accounts/${owner.id}`)).json).to.include({ status: 'active' });
    });

    it('keeps the last owner', async () => {
      const found = await api(ownerToken, 'GET', '/accounts?role=owner');
      for (const { id } of (found.json.items as { id: string }[]).filter((one) => one.id !== owner.id)) {
        await api(ownerToken, 'PUT', `/accounts/${id}/roles`, { body: { roles: [] }, headers: always });
      }
      for (const [method, path, body] of [
        ['POST', `/accounts/${owner.id}/disable`, undefined],
        ['DELETE', `/accounts/${owner.id}`, undefined],
        ['PUT', `/accounts/${owner.id}/roles`, { roles: [] }],
      ] as const) {
        const headers = method === 'POST' ? {} : always;
        expectProblem(
          await api(ownerToken, method, path, { headers, ...(body && { body }) }),
          409,
          'conflict',
        );
      }
    });
  });

  describe('bodies', () => {
    it('refuses an id in the body that is another than in the path', async () => {
      await api(ownerToken, 'POST', '/roles', { body: { id: 'one' } });
      await api(ownerToken, 'POST', '/groups', { body: { id: 'one' } });
      await api(ownerToken, 'POST', '/resources', { body: { indicator: 'https://one.example' } });
      const places = {
        [`/accounts/${owner.id}`]: ['id', owner.id],
        '/clients/tools': ['client_id', 'tools'],
        '/roles/one': ['id', 'one'],
        '/groups/one': ['id', 'one'],
        [`/resources/${encodeURIComponent('https://one.example')}`]: ['indicator', 'https://one.example'],
      };
      for (const [path, [field = '', own]] of Object.entries(places)) {
        const send = (id: unknown) =>
          api(ownerToken, 'PATCH', `${path}?dry_run=true`, { body: { [field]: id }, headers: always });
        for (const id of ['another', '', null, [own], { a: own }]) {
          const reply = await send(id);
          expectProblem(reply, 400, 'invalid-request', path);
          expect(pointersOf(reply)).to.deep.equal([`/${field}`]);
        }
        const same = await send(own);
        expect(same.status, `${path} ${same.body}`).to.equal(200);
      }
    });

    it('refuses unknown names in every body, and says which', async () => {
      for (const route of routes.filter(({ body }) => body)) {
        const path = route.path.replace(/:\w+/g, 'something');
        const body = { ...(route.examples?.body as object), made_up: 1, is_admin: true };
        const reply = await api(ownerToken, route.method, path, {
          body,
          headers: route.isConditional ? always : {},
        });
        expectProblem(reply, 400, 'invalid-request', route.operationId);
        expect(pointersOf(reply), route.operationId).to.include.members(['/made_up', '/is_admin']);
      }
      const nested = await api(ownerToken, 'POST', '/accounts/bulk', {
        body: { rows: [{ action: 'create', account: { email: 'a@example.org', 'a/b~c': 1 } }] },
      });
      expect(pointersOf(nested)).to.deep.equal(['/rows/0/account/a~1b~0c']);
    });

    it('refuses names that come twice, and __proto__', async () => {
      const twice = { text: '{"email":"a@example.org","roles":[],"roles":["owner"]}' };
      expectProblem(await api(ownerToken, 'POST', '/accounts', twice), 400, 'invalid-request');
      const proto = { text: '{"id":"proto","claims":{"__proto__":{"a":1}}}' };
      expectProblem(await api(ownerToken, 'POST', '/roles', proto), 400, 'invalid-request');
    });

    it('takes JSON alone, up to a size', async () => {
      for (const type of [
        'text/plain',
        'application/x-www-form-urlencoded',
        'application/json; charset=latin1',
        '',
      ]) {
        const reply = await api(ownerToken, 'POST', '/roles', {
          text: '{"id":"x"}',
          headers: { 'content-type': type },
        });
        expectProblem(reply, 415, 'unsupported-media-type', type);
      }
      const gzip = { text: '{"id":"x"}', headers: { 'content-encoding': 'gzip' } };
      expectProblem(await api(ownerToken, 'POST', '/roles', gzip), 415, 'unsupported-media-type');
      const large = JSON.stringify({ id: 'x', description: 'x'.repeat(70_000) });
      expectProblem(await api(ownerToken, 'POST', '/roles', { text: large }), 413, 'too-large');
      const chunked = await send(new URL('/admin/api/v1/roles', provider.pods[0]?.url), {
        method: 'POST',
        headers: {
          host: 'id.example',
          authorization: `Bearer ${ownerToken}`,
          'content-type': 'application/json',
          'transfer-encoding': 'chunked',
        },
        body: large,
      });
      expect(chunked.status).to.equal(413);
      expectProblem(await api(ownerToken, 'POST', '/roles', { text: 'no' }), 400, 'invalid-request');
      expectProblem(await api(ownerToken, 'POST', '/roles'), 400, 'invalid-request', 'no body');
      expectProblem(
        await api(ownerToken, 'DELETE', '/roles/x', { body: { a: 1 }, headers: always }),
        400,
        'invalid-request',
      );
    });

    it('gives whatever stands in a name as JSON alone, which no browser takes for a page', async () => {
      const script = '<script>alert(1)</script>"\'<img src=x onerror=alert(1)>';
      const made: [string, object][] = [
        ['/accounts', { email: 'script@example.org', name: script, nickname: script }],
        ['/clients', { client_id: 'script', client_name: script, redirect_uris: ['https://x.example/cb'] }],
        ['/roles', { id: 'script', name: script, description: script }],
        ['/groups', { id: 'script', name: script, description: script, claims: { title: script } }],
        ['/resources', { indicator: 'https://script.example', name: script }],
      ];
      for (const [path, body] of made) {
        const reply = await api(ownerToken, 'POST', path, { body });
        // Some refuse it; what is said then is JSON as well.
        expect([201, 422], `${path} ${reply.body}`).to.include(reply.status);
      }
      for (const path of [
        '/accounts?q=script',
        '/clients?q=script',
        '/roles',
        '/groups',
        '/resources',
        '/audit',
        `/roles/${encodeURIComponent(script)}`,
        `/sessions?client_id=${encodeURIComponent(script)}`,
        `/nothing/${encodeURIComponent(script)}`,
        `/accounts?${encodeURIComponent(script)}=1`,
      ]) {
        const reply = await api(ownerToken, 'GET', path, { headers: { accept: 'text/html' } });
        expect(reply.headers.get('content-type'), path).to.match(/^application\/(problem\+)?json/);
        expect(reply.headers.get('x-content-type-options'), path).to.equal('nosniff');
        expect(reply.headers.get('content-security-policy'), path).to.contain("default-src 'none'");
        JSON.parse(reply.body);
      }
    });
  });

  describe('lists', () => {
    it('refuse cursors that they did not give', async () => {
      for (let i = 0; i < 3; i++)
        await api(ownerToken, 'POST', '/accounts', { body: { email: `p${i}@example.org` } });
      const first = await api(ownerToken, 'GET', '/accounts?limit=1');
      const cursor = String(first.json.next_cursor);
      expect((await api(ownerToken, 'GET', `/accounts?limit=2&cursor=${cursor}`)).status).to.equal(200);
      const changed = `${cursor.slice(0, -2)}${cursor.endsWith('AA') ? 'BB' : 'AA'}`;
      const forged = [
        `/accounts?cursor=${changed}`,
        `/accounts?cursor=${encodeURIComponent('1700000000000.abc')}`,
        '/accounts?cursor=',
        '/accounts?cursor=%00',
        // Of another list, and of other filters.
        `/clients?cursor=${cursor}`,
        `/sessions?cursor=${cursor}`,
        `/audit?cursor=${cursor}`,
        `/accounts?status=disabled&cursor=${cursor}`,
        `/accounts?q=p&cursor=${cursor}`,
      ];
      for (const path of forged)
        expectProblem(await api(ownerToken, 'GET', path), 400, 'invalid-request', path);
    });

    it('refuse unknown and senseless words in the query', async () => {
      for (const query of [
        'limit=0',
        'limit=1000',
        'limit=x',
        'limit=1&limit=2',
        'role=a%20b',
        'status=gone',
        'x=1',
        'dry_run=true',
      ]) {
        expectProblem(await api(ownerToken, 'GET', `/accounts?${query}`), 400, 'invalid-request', query);
      }
      expectProblem(await api(ownerToken, 'GET', '/accounts/%7Bx%7D'), 400, 'invalid-request', 'braces');
      expectProblem(await api(ownerToken, 'GET', '/accounts/%ff'), 400, 'invalid-request', 'no UTF-8');
    });
  });

  describe('addresses and methods', () => {
    it('answers 404, 405 with Allow, OPTIONS and HEAD as they should', async () => {
      expectProblem(await api(ownerToken, 'GET', '/nothing'), 404, 'not-found');
      expectProblem(await api(ownerToken, 'GET', ''), 404, 'not-found');
      expectProblem(await api(ownerToken, 'GET', '/ACCOUNTS'), 404, 'not-found');
      const wrong = await api(ownerToken, 'PUT', '/accounts');
      expectProblem(wrong, 405, 'method-not-allowed');
      expect(wrong.headers.get('allow')?.split(', ')).to.have.members(['GET', 'HEAD', 'POST', 'OPTIONS']);
      const options = await api(undefined, 'OPTIONS', '/accounts', {
        headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
      });
      expect(options.status).to.equal(204);
      expect(options.headers.get('access-control-allow-origin')).to.equal(null);
      const head = await api(ownerToken, 'HEAD', '/accounts');
      expect([head.status, head.body]).to.deep.equal([200, '']);
    });

    it('takes If-Match and Idempotency-Key only where they mean something', async () => {
      expectProblem(
        await api(ownerToken, 'POST', `/accounts/${owner.id}/enable`, { headers: always }),
        400,
        'invalid-request',
      );
      const key = { headers: { 'idempotency-key': 'x' } };
      expectProblem(
        await api(ownerToken, 'POST', `/accounts/${owner.id}/enable`, key),
        400,
        'invalid-request',
      );
      for (const match of ['1', 'W/"1"', '"x"', '"1", "2"']) {
        const reply = await api(ownerToken, 'PATCH', `/accounts/${owner.id}`, {
          body: {},
          headers: { 'if-match': match },
        });
        expectProblem(reply, 412, 'changed', match);
      }
    });

    it('is told of another host in its own words', async () => {
      const reply = await api(ownerToken, 'GET', '/me', { headers: { host: 'evil.example' } });
      expect(reply.status).to.equal(421);
    });
  });

  describe('the documents', () => {
    it('are there for everybody, and run no script', async () => {
      const page = await api(undefined, 'GET', '/reference', { headers: { accept: 'text/html' } });
      expect(page.status, page.body).to.equal(200);
      expect(page.headers.get('content-type')).to.match(/^text\/html/);
      expect(page.headers.get('content-security-policy')).to.contain("default-src 'none'");
      expect(page.body).not.to.match(/<script|\sstyle=|\son\w+=/);
      for (const { operationId } of routes) expect(page.body).to.contain(`id="${operationId}"`);
      const ids = [...page.body.matchAll(/\sid="([^"]+)"/g)].map(([, id = '']) => id);
      expect(new Set(ids).size).to.equal(ids.length);
      for (const [, target = ''] of page.body.matchAll(/href="#([^"]+)"/g)) expect(ids).to.include(target);
    });
  });

  // Last: from then on this address has to wait.
  describe('a flood', () => {
    it('tells who sends one bad token after the other to wait, and goes on to serve who has a good one', async () => {
      let limited: ApiReply | undefined;
      for (let i = 0; i < 80 && limited?.status !== 429; i++) {
        limited = await api('no.good.token', 'GET', '/me', { pod: 1 });
      }
      if (!limited) throw new Error('nothing was sent');
      expectProblem(limited, 429, 'too-many-requests');
      expect(Number(limited.headers.get('retry-after'))).to.be.within(1, 60);
      expect((await api(ownerToken, 'GET', '/me', { pod: 1 })).status).to.equal(200);
    });
  });
});
