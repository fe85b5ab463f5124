import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { expect } from 'chai';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import {
  basic,
  clients,
  createClientKey,
  type JsonReply,
  startProvider,
  type TestProvider,
} from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { addClient } from './relying-party.ts';

/** How a client proves who it is, and all the ways in which it does not. */
describe('client authentication', () => {
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

  const grant = { grant_type: 'client_credentials' };
  const service = clients.service;
  const serviceMetadata = {
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    post_logout_redirect_uris: [],
  };

  function expectRefused(reply: JsonReply, what: string, status = 401): void {
    expect(reply.status, `${what}: ${reply.body}`).to.equal(status);
    expect(reply.json.error, what).to.equal(status === 401 ? 'invalid_client' : 'invalid_request');
    expect(reply.json).not.to.have.property('access_token');
  }

  describe('with a secret', () => {
    it('takes the right one, in the header or in the form', async () => {
      expect((await provider.post('/token', grant, { client: service })).status).to.equal(200);
      const form = { ...grant, client_id: service.id, client_secret: service.secret };
      expect((await provider.post('/token', form)).status).to.equal(200);
    });

    it('takes no other, however near', async () => {
      for (const secret of [
        'wrong',
        `${service.secret}\0`,
        `\0${service.secret}`,
        `${service.secret} `,
        service.secret.toUpperCase(),
        service.secret.slice(0, -1),
        clients.first.secret,
        ' ',
        'undefined',
        'null',
      ]) {
        const form = { ...grant, client_id: service.id, client_secret: secret };
        expectRefused(await provider.post('/token', form), JSON.stringify(secret));
        const header = await provider.post('/token', grant, { client: { ...service, secret } });
        expect(header.status, JSON.stringify(secret)).to.be.oneOf([400, 401]);
      }
    });

    it('takes neither the hash that Redis holds nor the name of a field', async () => {
      const stored = await provider.parts.store.read(`hf:{c:${service.id}}`);
      expect(stored?.s1).to.be.a('string');
      for (const secret of [stored?.s1 ?? '', `${stored?.s1},`, 's1', stored?.p ?? '']) {
        const form = { ...grant, client_id: service.id, client_secret: secret };
        expectRefused(await provider.post('/token', form), secret);
      }
    });

    it('takes one way at a time', async () => {
      const form = { ...grant, client_id: service.id, client_secret: service.secret };
      expectRefused(await provider.post('/token', form, { client: service }), 'two secrets', 400);
      const key = await createClientKey();
      const asserted = {
        ...form,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await key.assertion(service.id, provider.issuer),
      };
      expectRefused(await provider.post('/token', asserted), 'secret and assertion', 400);
    });

    it('takes one name at a time', async () => {
      const form = { ...grant, client_id: clients.first.id };
      expectRefused(await provider.post('/token', form, { client: service }), 'two names', 400);
    });

    it('is needed by a confidential client, and by nobody who does not exist', async () => {
      expectRefused(await provider.post('/token', { ...grant, client_id: service.id }), 'none');
      for (const id of ['nobody', '__proto__', 'constructor', 'a{b}', 'x'.repeat(300)]) {
        expectRefused(await provider.post('/token', { ...grant, client_id: id }), id);
        expectRefused(await provider.post('/token', { ...grant, client_id: id, client_secret: 'x' }), id);
      }
    });

    it('is not what a public client has', async () => {
      const client = await addClient(provider, { token_endpoint_auth_method: 'none' });
      const form = { grant_type: 'authorization_code', code: 'x', redirect_uri: client.redirectUri };
      expectRefused(await provider.post('/token', form, { client }), 'header');
      const posted = { ...form, client_id: client.id, client_secret: client.secret };
      expectRefused(await provider.post('/token', posted), 'form');
    });

    it('in a malformed header is a plain refusal', async () => {
      for (const authorization of [
        'Basic',
        'Basic ',
        'Basic !!!',
        `Basic ${Buffer.from('nocolon').toString('base64')}`,
        `Basic ${Buffer.from('%zz:x').toString('base64')}`,
        `Basic ${Buffer.from('service:').toString('base64')}`,
        `Basic ${Buffer.from([0xff, 0x3a, 0xfe]).toString('base64')}`,
        `Bearer ${service.secret}`,
        `${basic(service)}, ${basic(clients.first)}`,
      ]) {
        const reply = await provider.post('/token', grant, { headers: { authorization } });
        expect(reply.status, authorization).to.be.oneOf([400, 401]);
        expect(reply.body).not.to.include(service.secret);
      }
    });

    it('may be percent-encoded in the header', async () => {
      // One with a colon would be cut in two if it came as it is.
      const colon = await addClient(provider, { ...serviceMetadata, client_id: 'with:colon' });
      const encoded = { ...colon, id: encodeURIComponent('with:colon') };
      expect((await provider.post('/token', grant, { client: encoded })).status).to.equal(200);
    });
  });

  describe('with a key of its own', () => {
    const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    const now = () => Math.floor(Date.now() / 1000);

    async function keyClient(metadata = {}) {
      const key = await createClientKey();
      const { id } = await addClient(provider, {
        ...serviceMetadata,
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [key.jwk] },
        ...metadata,
      });
      return { key, id };
    }

    const send = (assertion: string, extra: Record<string, string> = {}, pod?: number) =>
      provider.post(
        '/token',
        { ...grant, client_assertion_type: type, client_assertion: assertion, ...extra },
        pod === undefined ? {} : { pod },
      );

    it('takes an assertion for the issuer, once on all pods', async () => {
      const { key, id } = await keyClient();
      const assertion = await key.assertion(id, provider.issuer);
      expect((await send(assertion, {}, 0)).status).to.equal(200);
      expectRefused(await send(assertion, {}, 1), 'again');
      expect((await send(await key.assertion(id, provider.issuer))).status).to.equal(200);
    });

    it('takes none for another audience', async () => {
      const { key, id } = await keyClient();
      for (const audience of [
        `${provider.issuer}/token`,
        `${provider.issuer}/`,
        'https://id.example',
        'https://evil.example',
        '',
      ]) {
        expectRefused(await send(await key.assertion(id, audience)), audience);
      }
      const several = await key.assertion(id, provider.issuer, {
        aud: [provider.issuer, 'https://evil.example'],
      });
      expectRefused(await send(several), 'several');
      expectRefused(await send(await key.assertion(id, provider.issuer, { aud: undefined })), 'none');
    });

    it('takes none that is too old, too long, not yet good, or has no end', async () => {
      const { key, id } = await keyClient();
      for (const claims of [
        { exp: now() - 60 },
        { exp: now() + 3600 },
        { exp: 4e9 },
        { exp: undefined },
        { exp: String(now() + 60) },
        { nbf: now() + 120 },
        { jti: undefined },
        { jti: 7 },
        { iat: now() + 120 },
      ]) {
        const assertion = await key.assertion(id, provider.issuer, claims);
        expectRefused(await send(assertion), JSON.stringify(claims));
      }
    });

    it('takes none that names another client', async () => {
      const [one, other] = [await keyClient(), await keyClient()];
      for (const claims of [
        { iss: other.id },
        { sub: other.id },
        { iss: other.id, sub: other.id },
        { iss: undefined },
        { iss: 'first', sub: 'first' },
      ]) {
        const reply = await send(await one.key.assertion(one.id, provider.issuer, claims));
        expectRefused(reply, JSON.stringify(claims));
      }
      const noSubject = await one.key.assertion(one.id, provider.issuer, { sub: undefined });
      expectRefused(await send(noSubject), 'no sub');
      const mismatch = await send(await one.key.assertion(one.id, provider.issuer), { client_id: other.id });
      expectRefused(mismatch, 'client_id', 400);
    });

    it('takes none without a signature, with a shared secret, or with a key that came along', async () => {
      const { id, key } = await keyClient();
      const claims = () => ({
        iss: id,
        sub: id,
        aud: provider.issuer,
        jti: String(Math.random()),
        exp: now() + 60,
      });
      expectRefused(await send(new UnsecuredJWT(claims()).encode()), 'alg none');
      for (const secret of [
        JSON.stringify(key.jwk),
        'secret-secret-secret-secret-secret',
        String(key.jwk.x),
      ]) {
        const signed = await new SignJWT(claims())
          .setProtectedHeader({ alg: 'HS256' })
          .sign(Buffer.from(secret.padEnd(32, ' ')));
        expectRefused(await send(signed), 'HS256');
      }
      const stranger = await generateKeyPair('ES256', { extractable: true });
      const jwk = await exportJWK(stranger.publicKey);
      for (const header of [
        { alg: 'ES256', jwk },
        { alg: 'ES256', jku: 'http://evil.example/jwks' },
        { alg: 'ES256', x5u: 'http://evil.example/cert' },
        { alg: 'ES256', kid: '../../../dev/null' },
        { alg: 'ES256' },
      ]) {
        const signed = await new SignJWT(claims()).setProtectedHeader(header).sign(stranger.privateKey);
        expectRefused(await send(signed), JSON.stringify(header));
      }
    });

    it('takes only the algorithms that it names', async () => {
      const discovery = (await provider.get('/.well-known/openid-configuration')).json;
      const named = discovery.token_endpoint_auth_signing_alg_values_supported as string[];
      for (const alg of ['RS256', 'PS256', 'ES256', 'EdDSA', 'RS512', 'PS384', 'ES384'] as const) {
        const pair = await generateKeyPair(alg, {
          extractable: true,
          ...(alg === 'EdDSA' ? { crv: 'Ed25519' } : {}),
        });
        const { id } = await keyClient({ jwks: { keys: [await exportJWK(pair.publicKey)] } });
        const assertion = await new SignJWT({
          iss: id,
          sub: id,
          aud: provider.issuer,
          jti: alg,
          exp: now() + 60,
        })
          .setProtectedHeader({ alg })
          .sign(pair.privateKey);
        expect((await send(assertion)).status, alg).to.equal(named.includes(alg) ? 200 : 401);
      }
    });

    it('takes no weak key', async () => {
      const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
      const { id } = await keyClient({ jwks: { keys: [publicKey.export({ format: 'jwk' })] } });
      const { createSign } = await import('node:crypto');
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const signed = `${part({ alg: 'RS256' })}.${part({ iss: id, sub: id, aud: provider.issuer, jti: 'weak', exp: now() + 60 })}`;
      const signature = createSign('RSA-SHA256').update(signed).sign(privateKey).toString('base64url');
      expect((await send(`${signed}.${signature}`)).status).to.be.oneOf([400, 401]);
    });

    it('finds the key where the client says that it is', async () => {
      const key = await createClientKey();
      const host = createServer((_request, response) => {
        response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [key.jwk] }));
      });
      await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
      try {
        const { port } = host.address() as { port: number };
        const { id } = await keyClient({ jwks: undefined, jwks_uri: `http://127.0.0.1:${port}/jwks` });
        expect((await send(await key.assertion(id, provider.issuer))).status).to.equal(200);
      } finally {
        host.close();
      }
    });

    it('is refused in a bounded time when the place of the key does not answer', async () => {
      const key = await createClientKey();
      const host = createServer(() => {});
      await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
      try {
        const { port } = host.address() as { port: number };
        const { id } = await keyClient({ jwks: undefined, jwks_uri: `http://127.0.0.1:${port}/jwks` });
        const started = Date.now();
        expect((await send(await key.assertion(id, provider.issuer))).status).to.be.oneOf([400, 401]);
        expect(Date.now() - started).to.be.lessThan(4000);
      } finally {
        host.closeAllConnections();
        host.close();
      }
    });

    it('cannot be replaced by a secret, nor a secret by a key', async () => {
      const { id } = await keyClient();
      const posted = await provider.post('/token', { ...grant, client_id: id, client_secret: 'x' });
      expectRefused(posted, 'secret');
      const key = await createClientKey();
      expectRefused(await send(await key.assertion(service.id, provider.issuer)), 'key');
    });

    it('is refused when the assertion is no JWT, or another type', async () => {
      for (const assertion of ['', 'x', 'a.b.c', 'e30.e30.', '\0', '..', 'eyJhbGciOiJFUzI1NiJ9.bnVsbA.x']) {
        expect((await send(assertion)).status, JSON.stringify(assertion)).to.be.oneOf([400, 401]);
      }
      const { key, id } = await keyClient();
      const assertion = await key.assertion(id, provider.issuer);
      expectRefused(await send(assertion, { client_assertion_type: 'jwt' }), 'type', 400);
    });
  });

  it('answers pages of other sites only where the client allows their origin', async () => {
    const origin = 'https://spa.example';
    const client = await addClient(provider, { cors_origins: [origin] });
    const ask = (from: string) => provider.post('/token', grant, { client, headers: { origin: from } });
    expect((await ask(origin)).headers.get('access-control-allow-origin')).to.equal(origin);
    for (const other of ['https://evil.example', 'null', `${origin}.evil.example`, 'http://spa.example']) {
      expect((await ask(other)).headers.get('access-control-allow-origin'), other).to.equal(null);
    }
  });
});
