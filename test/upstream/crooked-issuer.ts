import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

/** An OpenID provider over real HTTP that keeps the rules, but for the one that a test has it break. */
export class CrookedIssuer {
  url = '';
  /** Paths of all requests, in order. */
  requests: string[] = [];
  /** Parameters of the token requests. */
  exchanges: URLSearchParams[] = [];
  /** Put over what is right. An undefined member is left out. */
  metadata: Record<string, unknown> = {};
  claims: Record<string, unknown> = {};
  userInfo: Record<string, unknown> = {};
  /** Signs with a key that is not among the published ones. */
  signsWithOtherKey = false;
  /** In place of the answer of a path. */
  faults: Record<string, (response: ServerResponse) => void> = {};

  #server = createServer((request, response) => void this.#serve(request, response));
  #key: KeyPair | undefined;
  #otherKey: KeyPair | undefined;
  #nonces = new Map<string, string | null>();

  async start(): Promise<void> {
    this.#key = await generateKeyPair('RS256', { extractable: true });
    this.#otherKey = await generateKeyPair('RS256');
    await this.listen();
  }

  async listen(port = 0): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  reset(): void {
    Object.assign(this, { requests: [], exchanges: [], metadata: {}, claims: {}, userInfo: {}, faults: {} });
    this.signsWithOtherKey = false;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const body = new URLSearchParams(Buffer.concat(await request.toArray()).toString());
    this.requests.push(url.pathname);
    const fault = this.faults[url.pathname];
    if (fault) return fault(response);
    if (url.pathname === '/auth') return this.#authorize(url.searchParams, response);
    const answer = await this.#answer(url.pathname, body);
    response
      .writeHead(answer ? 200 : 404, { 'content-type': 'application/json' })
      .end(JSON.stringify(answer ?? {}));
  }

  #authorize(query: URLSearchParams, response: ServerResponse): void {
    const code = randomBytes(16).toString('hex');
    this.#nonces.set(code, query.get('nonce'));
    const back = new URL(query.get('redirect_uri') ?? '');
    back.searchParams.set('code', code);
    back.searchParams.set('state', query.get('state') ?? '');
    response.writeHead(303, { location: back.href }).end();
  }

  async #answer(path: string, body: URLSearchParams): Promise<object | undefined> {
    if (path.endsWith('/.well-known/openid-configuration')) return this.#metadata();
    if (path === '/jwks')
      return { keys: [{ ...(await exportJWK(this.#keys().key.publicKey)), alg: 'RS256', kid: 'k' }] };
    if (path === '/token') {
      this.exchanges.push(body);
      const idToken = await this.#idToken(this.#nonces.get(body.get('code') ?? '') ?? undefined);
      return { access_token: 'an-access-token-of-theirs', token_type: 'Bearer', id_token: idToken };
    }
    if (path === '/me') return withoutUndefined({ sub: 'grace', ...this.userInfo });
    return undefined;
  }

  #metadata(): object {
    return withoutUndefined({
      issuer: this.url,
      authorization_endpoint: `${this.url}/auth`,
      token_endpoint: `${this.url}/token`,
      userinfo_endpoint: `${this.url}/me`,
      jwks_uri: `${this.url}/jwks`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      ...this.metadata,
    });
  }

  #idToken(nonce: string | undefined): Promise<string> {
    const { key, otherKey } = this.#keys();
    const now = Math.floor(Date.now() / 1000);
    const right = { iss: this.url, sub: 'grace', aud: 'holdfast', nonce, iat: now, exp: now + 60 };
    return new SignJWT(withoutUndefined({ ...right, ...this.claims }) as JWTPayload)
      .setProtectedHeader({ alg: 'RS256', kid: 'k' })
      .sign((this.signsWithOtherKey ? otherKey : key).privateKey);
  }

  #keys(): { key: KeyPair; otherKey: KeyPair } {
    if (!this.#key || !this.#otherKey) throw new Error('start() comes first');
    return { key: this.#key, otherKey: this.#otherKey };
  }
}

function withoutUndefined(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
