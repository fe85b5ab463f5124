import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const credentials = { client_id: 'holdfast', client_secret: 'a-secret-of-the-other-provider' };

/** GitHub's Enterprise Server as its documentation has it, over real HTTP. */
export class SmallGitHub {
  url = '';
  user: Record<string, unknown> = {};
  emails: unknown = [];
  scopes: (string | null)[] = [];
  apiStatus = 200;
  #codes = new Map<string, string>();
  #token = randomBytes(16).toString('hex');
  #server = createServer((request, response) => void this.#serve(request, response));

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const body = new URLSearchParams(Buffer.concat(await request.toArray()).toString());
    if (url.pathname === '/login/oauth/authorize') {
      const { searchParams: query } = url;
      const code = randomBytes(10).toString('hex');
      this.scopes.push(query.get('scope'));
      this.#codes.set(code, query.get('code_challenge') ?? '');
      const back = new URL(query.get('redirect_uri') ?? '');
      back.search = new URLSearchParams({ code, state: query.get('state') ?? '' }).toString();
      return void response.writeHead(302, { location: back.href }).end();
    }
    const [status, answer] = this.#answer(url.pathname, request, body);
    response
      .writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
      .end(JSON.stringify(answer));
  }

  #answer(path: string, request: IncomingMessage, body: URLSearchParams): [number, unknown] {
    if (path === '/login/oauth/access_token') {
      // It answers with its errors under the status 200, and in JSON only when asked for it.
      if (!request.headers.accept?.includes('application/json')) return [200, 'access_token=…'];
      const {
        client_id: id,
        client_secret: secret,
        code = '',
        code_verifier: verifier = '',
      } = Object.fromEntries(body);
      if (id !== credentials.client_id || secret !== credentials.client_secret) {
        return [200, { error: 'incorrect_client_credentials' }];
      }
      const challenge = this.#codes.get(code);
      this.#codes.delete(code);
      const isRight = challenge === createHash('sha256').update(verifier).digest('base64url');
      if (!isRight) return [200, { error: 'bad_verification_code', error_description: 'a-long-story' }];
      return [200, { access_token: this.#token, token_type: 'bearer', scope: 'read:user,user:email' }];
    }
    if (!request.headers['user-agent']) return [403, {}];
    if (request.headers.authorization !== `Bearer ${this.#token}`) return [401, {}];
    if (this.apiStatus !== 200) return [this.apiStatus, {}];
    if (path === '/api/v3/user') return [200, this.user];
    if (path === '/api/v3/user/emails') return [200, this.emails];
    return [404, {}];
  }
}
