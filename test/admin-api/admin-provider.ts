import { SoftwarePasskey } from '../accounts/software-authenticator.ts';
import { decode, formTo } from '../self-service/console-fixture.ts';
import { authorizationRequest, authorize, type Person, type Reply, send } from '../support/person.ts';
import {
  basic,
  type PostOptions,
  startProvider,
  type TestClient,
  type TestProvider,
} from '../support/provider.ts';
import { startStandalone } from '../support/redis-topologies.ts';

/** Two pods with administrators of every kind, each with an access token for the admin API. */
export type AdminProvider = TestProvider & {
  /** The audience of the API. */
  resource: string;
  /** An account with these roles, and how it signs in: by a passkey, unless it has none. */
  addPerson(name: string, roles: string[], options?: { hasPasskey?: boolean }): Promise<AdminPerson>;
  /** A client that gets tokens for itself, with these roles. */
  addService(id: string, roles: string[], metadata?: Record<string, unknown>): Promise<TestClient>;
  /** A token of a person, by a client that may do everything. */
  personToken(person: AdminPerson, options?: TokenOptions): Promise<string>;
  serviceToken(service: TestClient, options?: TokenOptions): Promise<string>;
  /** From then on nothing can be read or written. */
  stopRedis(): Promise<void>;
  /** A request to the API: to the given pod, or to the next in turn. */
  api(token: string | undefined, method: string, path: string, options?: ApiOptions): Promise<ApiReply>;
};

export type AdminPerson = { id: string; email: string; password: string; passkey?: SoftwarePasskey };
export type TokenOptions = {
  scope?: string;
  client?: TestClient;
  headers?: Record<string, string>;
  /** In place of a new one. */
  browser?: Person;
};
export type ApiOptions = { body?: unknown; headers?: Record<string, string>; pod?: number; text?: string };
export type ApiReply = Reply & { json: Record<string, unknown> };

/** A client through which persons get tokens, with all that it may do. */
export const tools: TestClient = {
  id: 'tools',
  secret: 'tools-secret',
  redirectUri: 'https://tools.example/cb',
};

export async function startAdminProvider(settings: Record<string, string> = {}): Promise<AdminProvider> {
  const redis = await startStandalone({ appendOnly: false });
  const provider = await startProvider(redis.url, 2, settings);
  const { parts, issuer } = provider;
  const resource = `${issuer}/admin/api/v1`;
  await parts.clients.put(
    {
      client_id: tools.id,
      client_name: 'Tools',
      redirect_uris: [tools.redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      first_party: true,
      roles: ['owner'],
    },
    tools.secret,
  );
  const all = (await parts.resources.find(resource))?.scopes.map(({ name }) => name).join(' ') ?? '';
  let turn = 0;

  async function exchange(
    form: Record<string, string>,
    client: TestClient,
    options: PostOptions,
  ): Promise<string> {
    const reply = await provider.post('/token', form, { client, ...options });
    if (reply.status !== 200) throw new Error(`no token: ${reply.status} ${reply.body}`);
    return String(reply.json.access_token);
  }

  return {
    ...provider,
    resource,
    async addPerson(name, roles, { hasPasskey = true } = {}) {
      const credentials = { email: `${name}@example.org`, password: `the long passphrase of ${name}` };
      const made = await parts.accounts.create({ ...credentials, emailVerified: true, name });
      if (!made.ok) throw new Error(made.problem);
      const { id } = made.account;
      if (roles.length > 0) {
        const given = await parts.administer.update(id, undefined, { roles });
        if (!given.ok) throw new Error(given.problem);
      }
      if (!hasPasskey) return { id, ...credentials };
      const passkey = new SoftwarePasskey(issuer);
      const { passkeys } = parts.factors;
      const names = { userName: credentials.email, displayName: name };
      const { sealed, options } = await passkeys.beginRegistration(id, 'admin', names);
      const response = passkey.create(options);
      const added = await passkeys.finishRegistration(id, 'admin', { sealed, response });
      if (!added.ok) throw new Error(added.problem);
      return { id, ...credentials, passkey };
    },
    async addService(id, roles, metadata = {}) {
      const made = await parts.oidc.registeredClients.create({
        client_id: id,
        client_name: id,
        redirect_uris: [],
        response_types: [],
        grant_types: ['client_credentials'],
        roles,
        ...metadata,
      });
      if (!made.ok) throw new Error(JSON.stringify(made));
      return { id, secret: made.value.secret ?? '', redirectUri: '' };
    },
    async personToken(person, { scope = all, client = tools, headers, browser = provider.person() } = {}) {
      const { path, verifier } = authorizationRequest(client, { scope: `openid ${scope}`, resource });
      const { email, password } = person;
      const answer = await authorize(
        browser,
        path,
        { email, password, answer: byPasskey(person) },
        client.redirectUri,
      );
      if (!answer.code) throw new Error(`no code: ${JSON.stringify(answer)}`);
      const form = {
        grant_type: 'authorization_code',
        code: answer.code,
        code_verifier: verifier,
        redirect_uri: client.redirectUri,
        resource,
      };
      return exchange(form, client, headers ? { headers: { ...headers, authorization: basic(client) } } : {});
    },
    serviceToken: (service, { scope = all, headers } = {}) =>
      exchange(
        { grant_type: 'client_credentials', resource, scope },
        service,
        headers ? { headers: { ...headers, authorization: basic(service) } } : {},
      ),
    async api(token, method, path, { body, headers = {}, pod, text } = {}) {
      const address = provider.pods[(pod ?? turn++) % provider.pods.length]?.url ?? '';
      const sent = text ?? (body === undefined ? undefined : JSON.stringify(body));
      const reply = await send(new URL(`/admin/api/v1${path}`, address), {
        method,
        headers: {
          host: new URL(issuer).host,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(sent === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(sent)) }),
          ...headers,
        },
        ...(sent === undefined ? {} : { body: sent }),
      });
      const isJson = /json$/.test(reply.headers.get('content-type')?.split(';')[0] ?? '');
      return { ...reply, json: isJson && reply.body !== '' ? JSON.parse(reply.body) : {} };
    },
    stopRedis: () => redis.stop(),
    async stop() {
      await provider.stop();
      await redis.stop();
    },
  };
}

/** For `authorize`: shows the passkey wherever a page takes one. */
export function byPasskey({ passkey }: AdminPerson) {
  return (page: Reply) => {
    if (!passkey || !/data-passkey="sign-in"/.test(page.body)) return undefined;
    const { action, fields } = formTo(page.body, /\/passkey$/);
    const options = JSON.parse(decode(/data-options="([^"]*)"/.exec(page.body)?.[1] ?? ''));
    return { action, fields: { ...fields, response: JSON.stringify(passkey.get(options)) } };
  };
}
