import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { generateKeyPair, SignJWT } from 'jose';
import { startProtectedApi } from '../../src/demo/protected-api.ts';
import { audience, client, SmallIssuer } from './small-issuer.ts';

describe('the protected demo API', () => {
  const issuer = new SmallIssuer();
  let api: { url: string; close(): Promise<void> };

  before(() => issuer.start());
  after(() => issuer.stop());

  beforeEach(async () => {
    api = await startProtectedApi({ issuer: issuer.url, audience, port: 0 });
  });

  afterEach(() => api.close());

  const ask = (authorization?: string, url = api.url) =>
    fetch(`${url}/whoami`, { headers: authorization === undefined ? {} : { authorization } });

  const now = () => Math.floor(Date.now() / 1_000);

  it('says who asks', async () => {
    const exp = now() + 60;
    const response = await ask(`Bearer ${await issuer.accessToken({ exp, scope: 'openid api:read' })}`);
    expect(response.status).to.equal(200);
    expect(response.headers.get('cache-control')).to.equal('no-store');
    expect(await response.json()).to.deep.equal({
      sub: 'ada',
      client_id: client.id,
      scope: 'openid api:read',
      expiresAt: new Date(exp * 1_000).toISOString(),
    });
  });

  it('asks for a token without an error code when there is none', async () => {
    for (const authorization of [undefined, 'Basic YTpi']) {
      const response = await ask(authorization);
      expect(response.status).to.equal(401);
      expect(response.headers.get('www-authenticate')).to.equal('Bearer realm="harbour-notes-api"');
    }
  });

  it('calls a malformed header by its name', async () => {
    for (const authorization of ['Bearer', 'Bearer one two']) {
      const response = await ask(authorization);
      expect(response.status).to.equal(400);
      expect(response.headers.get('www-authenticate')).to.include('error="invalid_request"');
    }
  });

  const strangers = generateKeyPair('ES256');
  const byStranger = async (header: object) =>
    new SignJWT({ sub: 'ada', client_id: client.id, scope: 'api:read', jti: '1' })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', ...header })
      .setIssuer(issuer.url)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign((await strangers).privateKey);

  const swapped = async () => {
    const [header, , signature] = (await issuer.accessToken()).split('.');
    const [, payload] = (await issuer.accessToken({ sub: 'eve' })).split('.');
    return [header, payload, signature].join('.');
  };

  const unsigned = async () => {
    const [, payload] = (await issuer.accessToken()).split('.');
    return `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${payload}.`;
  };

  const invalid: Record<string, () => Promise<string>> = {
    'that is no JWT': async () => 'opaque-token',
    'of another issuer': () => issuer.accessToken({ iss: 'https://elsewhere.example' }),
    'for another audience': () => issuer.accessToken({ aud: 'https://other.example' }),
    'without an audience': () => issuer.accessToken({ aud: undefined }),
    'that has expired': () => issuer.accessToken({ exp: now() - 10 }),
    'that never expires': () => issuer.accessToken({ exp: undefined }),
    'that is an ID token': () => issuer.accessToken({}, { typ: 'JWT' }),
    'without a type': () => issuer.accessToken({}, { typ: undefined }),
    'without a client': () => issuer.accessToken({ client_id: undefined }),
    'signed by a stranger': () => byStranger({ kid: 'unknown' }),
    'signed by a stranger who names no key': () => byStranger({}),
    'whose content was swapped': swapped,
    'without a signature': unsigned,
  };

  for (const [name, makeToken] of Object.entries(invalid)) {
    it(`refuses a token ${name}`, async () => {
      const response = await ask(`Bearer ${await makeToken()}`);
      expect(response.status).to.equal(401);
      expect(response.headers.get('www-authenticate')).to.include('error="invalid_token"');
      expect(await response.json()).to.include({ error: 'invalid_token' });
    });
  }

  it('refuses a token whose scope is not enough, and names the scope', async () => {
    for (const scope of ['openid api:reading', undefined]) {
      const response = await ask(`Bearer ${await issuer.accessToken({ scope })}`);
      expect(response.status).to.equal(403);
      const challenge = response.headers.get('www-authenticate');
      expect(challenge).to.include('error="insufficient_scope"').and.include('scope="api:read"');
    }
  });

  it('checks the same token anew each time', async () => {
    // Two seconds before the end of the five that clocks may differ by.
    const exp = now() - 3;
    const token = await issuer.accessToken({ exp });
    expect((await ask(`Bearer ${token}`)).status).to.equal(200);
    while (now() <= exp + 5) await pause(20);
    expect((await ask(`Bearer ${token}`)).status).to.equal(401);
  });

  it('answers 503 while the keys cannot be fetched, and recovers by itself', async () => {
    const port = Number(new URL(issuer.url).port);
    const token = await issuer.accessToken();
    await issuer.stop();
    const response = await ask(`Bearer ${token}`);
    expect(response.status).to.equal(503);
    expect(response.headers.get('retry-after')).to.equal('1');
    expect(response.headers.get('www-authenticate')).to.equal(null);

    await issuer.start(port);
    expect((await ask(`Bearer ${token}`)).status).to.equal(200);
  });

  it('asks again when a pod breaks off while it fetches the keys', async () => {
    issuer.faults = [
      { path: '/jwks', kind: 'lose the answer' },
      { path: '/.well-known/openid-configuration', kind: 'unavailable' },
    ];
    expect((await ask(`Bearer ${await issuer.accessToken()}`)).status).to.equal(200);
    expect(issuer.faults).to.deep.equal([]);
  });

  it('fetches the keys once for many tokens', async () => {
    await ask(`Bearer ${await issuer.accessToken()}`);
    issuer.requests = [];
    for (let index = 0; index < 5; index += 1) await ask(`Bearer ${await issuer.accessToken()}`);
    expect(issuer.requests).to.deep.equal([]);
  });
});
