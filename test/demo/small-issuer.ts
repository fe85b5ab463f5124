/**
 * A small OpenID provider for the tests of the demo services, over real HTTP: it signs everyone in at once, keeps
 * the rules that a client can notice, and can be told to break off, to be unavailable or to forget.
 */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, type GenerateKeyPairResult, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

export const client = { id: 'demo', secret: 'demo-secret' };
export const audience = 'https://api.example';

type Answer = { status: number; body?: object; headers?: Record<string, string> };
type Code = { challenge: string; nonce: string; scope: string };

export class SmallIssuer {
  url = '';
  /** Paths of all requests, in order. */
  requests: string[] = [];
  subject = 'ada';
  /** What the next request to a path meets instead of an answer, or after it was carried out. */
  faults: { path: string; kind: 'lose the answer' | 'unavailable' }[] = [];
  /** Whether a repeated token request gets the same answer, as Holdfast promises. */
  repeatsAnswers = true;
  /** What the authorization endpoint says instead of giving a code. */
  authorizationError: string | undefined;
  /** Holds back each answer of a path until its promise is kept. */
  holds: Record<string, Promise<unknown>> = {};

  #server = createServer((request, response) => void this.#serve(request, response));
  #keys: { id: string; pair: GenerateKeyPairResult }[] = [];
  #codes = new Map<string, Code>();
  #refreshTokens = new Map<
    string,
    'unused' | { successor: string; resource: string | null; answer: Answer }
  >();
  #answersByCode = new Map<string, Answer>();

  async start(port = 0): Promise<void> {
    if (this.#keys.length === 0) await this.rotateKeys();
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

  async rotateKeys(): Promise<void> {
    this.#keys = [{ id: randomBytes(4).toString('hex'), pair: await generateKeyPair('ES256') }];
  }

  /** Ends everything that was ever granted. */
  revokeEverything(): void {
    this.#refreshTokens.clear();
  }

  async sign(claims: JWTPayload, header: { typ?: string; kid?: string } = {}): Promise<string> {
    const [key] = this.#keys;
    if (key === undefined) throw new Error('start() comes first');
    return new SignJWT({ iss: this.url, iat: now(), exp: now() + 60, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: key.id, ...header })
      .sign(key.pair.privateKey);
  }

  accessToken(claims: JWTPayload = {}, header = {}): Promise<string> {
    const standard = {
      sub: this.subject,
      aud: audience,
      client_id: client.id,
      scope: 'api:read',
      jti: random(),
    };
    return this.sign({ ...standard, ...claims }, { typ: 'at+jwt', ...header });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    this.requests.push(url.pathname);
    const body = new URLSearchParams(Buffer.concat(await request.toArray()).toString());
    const fault = this.#takeFault(url.pathname);
    const unavailable: Answer = { status: 503, headers: { 'retry-after': '0' } };
    const answer = fault === 'unavailable' ? unavailable : await this.#answer(url, body, request);
    await this.holds[url.pathname];
    if (fault === 'lose the answer') {
      request.socket.destroy();
      return;
    }
    const headers = { 'content-type': 'application/json', 'holdfast-pod': 'pod-1', ...answer.headers };
    response.writeHead(answer.status, headers).end(answer.body && JSON.stringify(answer.body));
  }

  #takeFault(path: string) {
    const index = this.faults.findIndex((fault) => fault.path === path);
    return index === -1 ? undefined : this.faults.splice(index, 1)[0]?.kind;
  }

  async #answer(url: URL, body: URLSearchParams, request: IncomingMessage): Promise<Answer> {
    switch (url.pathname) {
      case '/.well-known/openid-configuration':
        return { status: 200, body: this.#metadata() };
      case '/jwks':
        return { status: 200, body: { keys: await this.#publicKeys() } };
      case '/auth':
        return this.#authorize(url.searchParams);
      case '/token':
        return isClient(request) ? this.#exchange(body) : { status: 401, body: { error: 'invalid_client' } };
      case '/me':
        return { status: 200, body: { sub: this.subject, name: 'Ada Lovelace', email: 'ada@example.com' } };
      case '/logout':
        return redirect(url.searchParams.get('post_logout_redirect_uri') ?? '');
      default:
        return { status: 404 };
    }
  }

  #metadata(): object {
    const endpoint = (path: string) => `${this.url}${path}`;
    return {
      issuer: this.url,
      authorization_endpoint: endpoint('/auth'),
      token_endpoint: endpoint('/token'),
      userinfo_endpoint: endpoint('/me'),
      jwks_uri: endpoint('/jwks'),
      end_session_endpoint: endpoint('/logout'),
      id_token_signing_alg_values_supported: ['ES256'],
      authorization_response_iss_parameter_supported: true,
    };
  }

  #publicKeys(): Promise<object[]> {
    return Promise.all(
      this.#keys.map(async ({ id, pair }) => ({
        ...(await exportJWK(pair.publicKey)),
        kid: id,
        alg: 'ES256',
      })),
    );
  }

  #authorize(parameters: URLSearchParams): Answer {
    const get = (name: string) => parameters.get(name) ?? '';
    const target = new URL(get('redirect_uri'));
    target.searchParams.set('state', get('state'));
    target.searchParams.set('iss', this.url);
    if (this.authorizationError) {
      target.searchParams.set('error', this.authorizationError);
    } else {
      const code = random();
      this.#codes.set(code, { challenge: get('code_challenge'), nonce: get('nonce'), scope: get('scope') });
      target.searchParams.set('code', code);
    }
    return redirect(target.href);
  }

  async #exchange(body: URLSearchParams): Promise<Answer> {
    return body.get('grant_type') === 'refresh_token'
      ? this.#refresh(body.get('refresh_token') ?? '', body.get('resource'))
      : this.#redeem(body.get('code') ?? '', body.get('code_verifier') ?? '');
  }

  async #redeem(id: string, verifier: string): Promise<Answer> {
    const code = this.#codes.get(id);
    this.#codes.delete(id);
    if (code === undefined) return (this.repeatsAnswers && this.#answersByCode.get(id)) || invalidGrant;
    if (createHash('sha256').update(verifier).digest('base64url') !== code.challenge) return invalidGrant;
    const answer = await this.#tokens(code.nonce, null);
    this.#answersByCode.set(id, answer);
    return answer;
  }

  async #refresh(token: string, resource: string | null): Promise<Answer> {
    const state = this.#refreshTokens.get(token);
    if (state === undefined) return invalidGrant;
    if (state !== 'unused') {
      const isSame = state.resource === resource && this.#refreshTokens.get(state.successor) === 'unused';
      if (this.repeatsAnswers && isSame) return state.answer;
      this.#refreshTokens.clear();
      return invalidGrant;
    }
    const successor = random();
    const answer = await this.#tokens(undefined, resource, successor);
    this.#refreshTokens.set(token, { successor, resource, answer });
    return answer;
  }

  async #tokens(
    nonce: string | undefined,
    resource: string | null,
    refreshToken = random(),
  ): Promise<Answer> {
    this.#refreshTokens.set(refreshToken, 'unused');
    const body = {
      access_token: resource === null ? random() : await this.accessToken({ aud: resource }),
      refresh_token: refreshToken,
      id_token: await this.sign({ sub: this.subject, aud: client.id, nonce, auth_time: now() }),
      token_type: 'Bearer',
      expires_in: 60,
    };
    return { status: 200, body };
  }
}

const invalidGrant: Answer = { status: 400, body: { error: 'invalid_grant' } };

const redirect = (location: string): Answer => ({ status: 303, headers: { location } });
const random = () => randomBytes(24).toString('base64url');
const now = () => Math.floor(Date.now() / 1_000);

function isClient(request: IncomingMessage): boolean {
  const [, credentials = ''] = request.headers.authorization?.split('Basic ') ?? [];
  // RFC 6749, section 2.3.1: both parts are form-encoded before they are joined.
  const [id, secret] = Buffer.from(credentials, 'base64').toString().split(':').map(decodeURIComponent);
  return id === client.id && secret === client.secret;
}
