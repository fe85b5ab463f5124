import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { authorizationRequest } from '../support/person.ts';
import {
  apiResource,
  clients,
  createClientKey,
  type JsonReply,
  startProvider,
  type TestClient,
  type TestProvider,
} from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { addClient, claimsOf, introspect } from './relying-party.ts';

/** Tokens that are worth something only to who holds a key (DPoP, RFC 9449). */
describe('a token that is bound to a key', () => {
  let redis: Topology;
  let provider: TestProvider;
  let publicClient: TestClient;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    provider = await startProvider(redis.url);
    publicClient = await addClient(provider, { token_endpoint_auth_method: 'none' });
  });
  after(async () => {
    await provider?.stop();
    await redis?.stop();
  });

  type Key = Awaited<ReturnType<typeof createClientKey>>;
  const tokenUrl = () => `${provider.issuer}/token`;
  const now = () => Math.floor(Date.now() / 1000);
  const hashOf = (token: string) => createHash('sha256').update(token).digest('base64url');

  async function boundTokens(key: Key): Promise<{ access_token: string; refresh_token: string }> {
    const { answer, verifier } = await provider.authorize(provider.person(), publicClient);
    const reply = await exchange(answer.code ?? '', verifier, await key.proof('POST', tokenUrl()));
    expect(reply.status, reply.body).to.equal(200);
    expect(reply.json.token_type).to.equal('DPoP');
    return reply.json as never;
  }

  function exchange(code: string, verifier: string, dpop: string | undefined): Promise<JsonReply> {
    return provider.post(
      '/token',
      {
        grant_type: 'authorization_code',
        client_id: publicClient.id,
        code,
        code_verifier: verifier,
        redirect_uri: publicClient.redirectUri,
      },
      dpop === undefined ? {} : { headers: { dpop } },
    );
  }

  const refresh = (token: string, dpop: string | undefined) =>
    provider.post(
      '/token',
      { grant_type: 'refresh_token', refresh_token: token, client_id: publicClient.id },
      dpop === undefined ? {} : { headers: { dpop } },
    );

  const serviceToken = (dpop: string, pod?: number) =>
    provider.post(
      '/token',
      { grant_type: 'client_credentials' },
      { client: clients.service, headers: { dpop }, ...(pod === undefined ? {} : { pod }) },
    );

  const userinfo = (token: string, dpop: string | undefined, scheme = 'DPoP') =>
    provider.get('/me', { authorization: `${scheme} ${token}`, ...(dpop === undefined ? {} : { dpop }) });

  it('says which key, to introspection and in a JWT', async () => {
    const key = await createClientKey();
    const jkt = await calculateJwkThumbprint(key.jwk);
    const reply = await serviceToken(await key.proof('POST', tokenUrl()));
    const known = await introspect(provider, clients.service, String(reply.json.access_token));
    expect(known).to.deep.include({ active: true, token_type: 'DPoP', cnf: { jkt } });
    const forApi = await provider.post(
      '/token',
      { grant_type: 'client_credentials', resource: apiResource },
      { client: clients.service, headers: { dpop: await key.proof('POST', tokenUrl()) } },
    );
    expect(claimsOf(String(forApi.json.access_token)).cnf).to.deep.equal({ jkt });
  });

  it('opens userinfo with a proof of that key for that token, once', async () => {
    const key = await createClientKey();
    const { access_token: token } = await boundTokens(key);
    const url = `${provider.issuer}/me`;
    const proof = await key.proof('GET', url, { ath: hashOf(token) });
    expect((await userinfo(token, proof)).status).to.equal(200);
    const stranger = await createClientKey();
    for (const [what, wrong, scheme] of [
      ['the same proof again', proof],
      ['no proof', undefined],
      ['as a bearer token', undefined, 'Bearer'],
      ['as a bearer token with a proof', await key.proof('GET', url, { ath: hashOf(token) }), 'Bearer'],
      ['another key', await stranger.proof('GET', url, { ath: hashOf(token) })],
      ['a proof for no token', await key.proof('GET', url)],
      ['a proof for another token', await key.proof('GET', url, { ath: hashOf('other') })],
      ['a proof for another method', await key.proof('POST', url, { ath: hashOf(token) })],
      ['a proof for another address', await key.proof('GET', tokenUrl(), { ath: hashOf(token) })],
    ] as const) {
      const reply = await userinfo(token, wrong, scheme);
      expect(reply.status, what).to.be.oneOf([400, 401]);
      expect(reply.json).not.to.have.property('sub');
    }
    const again = await key.proof('GET', url, { ath: hashOf(token) });
    expect((await userinfo(token, again)).status).to.equal(200);
  });

  it('is refreshed by a public client with the same key alone', async () => {
    const [key, stranger] = [await createClientKey(), await createClientKey()];
    const tokens = await boundTokens(key);
    for (const wrong of [undefined, await stranger.proof('POST', tokenUrl())]) {
      expect((await refresh(tokens.refresh_token, wrong)).status).to.equal(400);
    }
    const reply = await refresh(tokens.refresh_token, await key.proof('POST', tokenUrl()));
    expect(reply.status, reply.body).to.equal(200);
    expect(reply.json.token_type).to.equal('DPoP');
  });

  it('comes for a code that was bound to the key by dpop_jkt, to that key alone', async () => {
    const [key, stranger] = [await createClientKey(), await createClientKey()];
    const jkt = await calculateJwkThumbprint(key.jwk);
    const { answer, verifier } = await provider.authorize(provider.person(), publicClient, { dpop_jkt: jkt });
    for (const wrong of [undefined, await stranger.proof('POST', tokenUrl())]) {
      expect((await exchange(answer.code ?? '', verifier, wrong)).status).to.equal(400);
    }
    const reply = await exchange(answer.code ?? '', verifier, await key.proof('POST', tokenUrl()));
    expect(reply.status, reply.body).to.equal(200);
  });

  it('is bound from the start when the request is pushed with a proof', async () => {
    const [key, stranger] = [await createClientKey(), await createClientKey()];
    const { path, verifier } = authorizationRequest(publicClient);
    const form = Object.fromEntries(new URL(path, provider.issuer).searchParams);
    const pushed = await provider.post('/request', form, {
      headers: { dpop: await key.proof('POST', `${provider.issuer}/request`) },
    });
    expect(pushed.status, pushed.body).to.equal(201);
    const person = provider.person();
    await provider.signIn(person, clients.first);
    const query = { client_id: publicClient.id, request_uri: String(pushed.json.request_uri) };
    const { location } = await person.request(`/auth?${new URLSearchParams(query)}`);
    const code = new URL(location ?? '').searchParams.get('code') ?? '';
    expect((await exchange(code, verifier, await stranger.proof('POST', tokenUrl()))).status).to.equal(400);
    expect((await exchange(code, verifier, await key.proof('POST', tokenUrl()))).status).to.equal(200);
  });

  describe('takes a proof', () => {
    it('once, on whichever pod', async () => {
      const key = await createClientKey();
      const proof = await key.proof('POST', tokenUrl());
      expect((await serviceToken(proof, 0)).status).to.equal(200);
      for (const pod of [1, 0]) expect((await serviceToken(proof, pod)).status).to.equal(400);
    });

    it('for one request: not for another that spends something else', async () => {
      const key = await createClientKey();
      const [one, other] = [await boundTokens(key), await boundTokens(key)];
      const proof = await key.proof('POST', tokenUrl());
      expect((await refresh(one.refresh_token, proof)).status).to.equal(200);
      expect((await refresh(other.refresh_token, proof)).json.error).to.equal('invalid_grant');
      expect((await refresh(other.refresh_token, await key.proof('POST', tokenUrl()))).status).to.equal(200);
    });

    it('still once when it was dated ahead, as long as it is good', async () => {
      const key = await createClientKey();
      const proof = await key.proof('POST', tokenUrl(), { iat: now() + 200, jti: 'dated ahead' });
      expect((await serviceToken(proof)).status).to.equal(200);
      const lifetimes = await Promise.all(
        ((await provider.parts.store.call('KEYS', 'hf:{j:*')) as string[]).map((one) =>
          provider.parts.store.call('TTL', one),
        ),
      );
      expect(Math.max(...lifetimes.map(Number))).to.be.at.least(500);
    });

    it('for the address of the issuer, not for what the Host header says', async () => {
      const key = await createClientKey();
      for (const wrong of [
        'http://evil.example/token',
        'https://id.example/token',
        `${provider.issuer}/token/`,
        `${provider.issuer}/me`,
        provider.pods[0]?.url ?? '',
        '',
      ]) {
        const reply = await serviceToken(await key.proof('POST', wrong));
        expect(reply.json.error, wrong).to.equal('invalid_dpop_proof');
      }
      for (const headers of [{ host: 'evil.example' }, { 'x-forwarded-host': 'evil.example' }]) {
        const reply = await provider.post(
          '/token',
          { grant_type: 'client_credentials' },
          {
            client: clients.service,
            headers: { dpop: await key.proof('POST', 'http://evil.example/token'), ...headers } as never,
          },
        );
        expect(reply.status, JSON.stringify(headers)).to.be.oneOf([400, 421]);
      }
      const withQuery = await serviceToken(await key.proof('POST', `${tokenUrl()}?x=1#y`));
      expect(withQuery.status, 'query and fragment do not count').to.equal(200);
    });

    it('that is fresh, whole, and signed by a key pair that it names', async () => {
      const key = await createClientKey();
      for (const claims of [
        { iat: now() - 400 },
        { iat: now() + 400 },
        { iat: undefined },
        { jti: undefined },
        { jti: 7 },
        { htm: 'GET' },
        { htm: undefined },
        { htu: 7 },
      ] as Record<string, unknown>[]) {
        const reply = await serviceToken(await key.proof('POST', tokenUrl(), claims));
        expect(reply.status, JSON.stringify(claims)).to.equal(400);
        expect(reply.json.error).to.be.oneOf(['invalid_dpop_proof', 'use_dpop_nonce']);
      }
      const [one, other] = await Promise.all(
        [0, 1].map(() => generateKeyPair('ES256', { extractable: true })),
      );
      const sign = (header: Record<string, unknown>, by = one?.privateKey) =>
        new SignJWT({ htm: 'POST', htu: tokenUrl(), jti: String(Math.random()), iat: now() })
          .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', ...header })
          .sign(by as CryptoKey);
      const jwk = await exportJWK(one?.publicKey as CryptoKey);
      const secretJwk = await exportJWK(one?.privateKey as CryptoKey);
      expect((await serviceToken(await sign({ jwk }))).status).to.equal(200);
      for (const [what, proof] of [
        ['another signature', await sign({ jwk }, other?.privateKey)],
        ['no key', await sign({})],
        ['a private key', await sign({ jwk: secretJwk })],
        ['another type', await sign({ jwk, typ: 'jwt' })],
        ['two proofs', `${await sign({ jwk })}, ${await sign({ jwk })}`],
        ['nothing', 'x'],
      ] as const) {
        const reply = await serviceToken(proof);
        expect(reply.status, what).to.equal(400);
      }
    });
  });

  it('needs no nonce, but takes one of either pod, and refuses one that is made up', async () => {
    const key = await createClientKey();
    const first = await serviceToken(await key.proof('POST', tokenUrl()), 0);
    const nonce = first.headers.get('dpop-nonce');
    expect(nonce).to.be.a('string');
    for (const pod of [0, 1]) {
      const reply = await serviceToken(await key.proof('POST', tokenUrl(), { nonce }), pod);
      expect(reply.status, reply.body).to.equal(200);
    }
    const madeUp = await serviceToken(await key.proof('POST', tokenUrl(), { nonce: 'x'.repeat(43) }));
    expect(madeUp.json.error).to.equal('use_dpop_nonce');
    expect(madeUp.headers.get('dpop-nonce')).to.be.a('string');
  });
});
