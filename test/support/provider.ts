import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { openParts, type Parts } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import type { ClientMetadata } from '../../src/oidc/oidc.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { authorizationRequest, authorize, Person, type Reply, send } from './person.ts';
import { type Pod, startPod, testKeys } from './pods.ts';

/** Several pods on one Redis, an account, and clients: what the protocol tests work with. */
export type TestProvider = {
  issuer: string;
  pods: Pod[];
  parts: Parts;
  account: { email: string; password: string; id: string };
  /** A new browser, whose requests go to the pods in turn. */
  person(): Person;
  /** A POST to an endpoint such as /token, on the given pod or the next in turn. */
  post(path: string, form: Record<string, string>, options?: PostOptions): Promise<JsonReply>;
  get(path: string, headers?: Record<string, string>, pod?: number): Promise<JsonReply>;
  /** Signs a person in to a client, and exchanges the code. */
  signIn(person: Person, client: TestClient, extra?: Record<string, string>): Promise<Tokens>;
  /** An authorization request that needs no page; gives what comes back to the client. */
  authorize(
    person: Person,
    client: TestClient,
    extra?: Record<string, string>,
  ): Promise<{ answer: Record<string, string>; verifier: string }>;
  exchange(client: TestClient, code: string, verifier: string, options?: PostOptions): Promise<JsonReply>;
  stop(): Promise<void>;
};

export type PostOptions = { client?: TestClient; headers?: Record<string, string>; pod?: number };
export type JsonReply = Reply & { json: Record<string, unknown> };
export type Tokens = { access_token: string; refresh_token: string; id_token: string };
export type TestClient = { id: string; secret: string; redirectUri: string };

export const clients = {
  /** Ours: no consent. */
  first: { id: 'first', secret: 'first-secret', redirectUri: 'http://first.example/cb' },
  second: { id: 'second', secret: 'second-secret', redirectUri: 'http://second.example/cb' },
  /** Somebody else's: asks for consent. */
  third: { id: 'third', secret: 'third-secret', redirectUri: 'http://third.example/cb' },
  /** No answer is given twice. */
  strict: { id: 'strict', secret: 'strict-secret', redirectUri: 'http://strict.example/cb' },
  service: { id: 'service', secret: 'service-secret', redirectUri: '' },
} satisfies Record<string, TestClient>;

export const apiResource = 'http://api.example';

export async function startProvider(
  redisUrl: string,
  podCount = 2,
  settings: Record<string, string> = {},
): Promise<TestProvider> {
  const issuer = 'http://id.example';
  const environment = { HOLDFAST_RESOURCES: `${apiResource} api:read api:write`, ...settings };
  const pods = await Promise.all(
    Array.from({ length: podCount }, (_, i) => startPod({ name: `pod-${i}`, issuer, redisUrl, environment })),
  );
  const config = readConfig({
    HOLDFAST_ISSUER: issuer,
    HOLDFAST_KEYS: testKeys,
    REDIS_URL: redisUrl,
    HOLDFAST_UNSAFE_ALLOW_HTTP: 'true',
    HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: 'true',
    ...environment,
  });
  const parts = await openParts(config, parseRedisUrl(redisUrl), createLog('silent', 'test'));
  await addClients(parts);
  const credentials = { email: 'ada@example.com', password: 'correct horse battery staple' };
  const made = await parts.accounts.create({ ...credentials, emailVerified: true, name: 'Ada' });
  const id = made.ok ? made.account.id : ((await parts.accounts.findByEmail(credentials.email))?.id ?? '');

  let turn = 0;
  const address = (pod: number | undefined) => pods[(pod ?? turn++) % pods.length]?.url ?? '';
  const provider: TestProvider = {
    issuer,
    pods,
    parts,
    account: { ...credentials, id },
    person: () =>
      new Person(
        issuer,
        pods.map(({ url }) => url),
      ),
    async post(path, form, options = {}) {
      const { client } = options;
      const reply = await send(new URL(path, address(options.pod)), {
        method: 'POST',
        headers: {
          host: new URL(issuer).host,
          accept: 'application/json',
          'content-type': 'application/x-www-form-urlencoded',
          ...(client ? { authorization: basic(client) } : {}),
          ...options.headers,
        },
        body: new URLSearchParams(form).toString(),
      });
      return withJson(reply);
    },
    async get(path, headers = {}, pod) {
      const host = new URL(issuer).host;
      const reply = await send(new URL(path, address(pod)), {
        method: 'GET',
        headers: { host, accept: 'application/json', ...headers },
      });
      return withJson(reply);
    },
    async authorize(person, client, extra = {}) {
      const { path, verifier } = authorizationRequest(client, extra);
      const answer = await authorize(person, path, credentials, client.redirectUri);
      return { answer, verifier };
    },
    exchange: (client, code, verifier, options = {}) =>
      provider.post(
        '/token',
        {
          grant_type: 'authorization_code',
          code,
          code_verifier: verifier,
          redirect_uri: client.redirectUri,
        },
        { client, ...options },
      ),
    async signIn(person, client, extra = {}) {
      const { answer, verifier } = await provider.authorize(person, client, extra);
      const reply = await provider.exchange(client, answer.code ?? '', verifier);
      if (reply.status !== 200) throw new Error(`no tokens: ${reply.status} ${reply.body}`);
      return reply.json as Tokens;
    },
    async stop() {
      await Promise.all([parts.close(), ...pods.map((pod) => pod.kill('SIGKILL'))]);
    },
  };
  return provider;
}

async function addClients(parts: Parts): Promise<void> {
  const redirecting: [TestClient, Partial<ClientMetadata>][] = [
    [clients.first, { first_party: true, resources: [apiResource] }],
    [clients.second, { first_party: true }],
    [clients.third, {}],
    [clients.strict, { first_party: true, strict_token_use: true }],
  ];
  for (const [{ id, secret, redirectUri }, metadata] of redirecting) {
    await parts.clients.put(
      {
        client_id: id,
        client_name: id,
        redirect_uris: [redirectUri],
        post_logout_redirect_uris: [new URL('/out', redirectUri).href],
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
        ...metadata,
      },
      secret,
    );
  }
  await parts.clients.put(
    {
      client_id: clients.service.id,
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
      resources: [apiResource],
    },
    clients.service.secret,
  );
}

export function basic(client: TestClient): string {
  return `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`;
}

function withJson(reply: Reply): JsonReply {
  const isJson = /json/.test(reply.headers.get('content-type') ?? '');
  return { ...reply, json: isJson ? (JSON.parse(reply.body) as Record<string, unknown>) : {} };
}

/** A key of a client's own, which signs assertions and DPoP proofs. */
export async function createClientKey(): Promise<{
  jwk: JWK;
  assertion(clientId: string, audience: string, claims?: Record<string, unknown>): Promise<string>;
  proof(method: string, url: string, claims?: Record<string, unknown>): Promise<string>;
}> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = await exportJWK(publicKey);
  const now = () => Math.floor(Date.now() / 1000);
  const jti = () => randomBytes(16).toString('hex');
  return {
    jwk,
    assertion: (clientId, audience, claims = {}) =>
      new SignJWT({ iss: clientId, sub: clientId, aud: audience, jti: jti(), exp: now() + 60, ...claims })
        .setProtectedHeader({ alg: 'ES256' })
        .sign(privateKey),
    proof: (htm, htu, claims = {}) =>
      new SignJWT({ htm, htu, jti: jti(), iat: now(), ...claims })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
        .sign(privateKey),
  };
}
