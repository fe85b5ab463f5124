import { expect } from 'chai';
import type { ClientMetadata } from '../../src/oidc/oidc.ts';
import { formOf, type Person } from '../support/person.ts';
import type { JsonReply, PostOptions, TestClient, TestProvider } from '../support/provider.ts';

/** What relying parties ask of a provider, in short; and ways to see what a token is worth. */

let made = 0;

/** Registers one more client, confidential unless the metadata say otherwise. */
export async function addClient(
  provider: TestProvider,
  metadata: Partial<ClientMetadata> = {},
): Promise<TestClient> {
  made += 1;
  const id = `client-${made}`;
  const client = { id, secret: `${id}-has-this-secret`, redirectUri: `http://${id}.example/cb` };
  const isCreated = await provider.parts.clients.create(
    {
      client_id: id,
      client_name: id,
      redirect_uris: [client.redirectUri],
      post_logout_redirect_uris: [`http://${id}.example/out`],
      grant_types: ['authorization_code', 'refresh_token'],
      first_party: true,
      ...metadata,
    },
    metadata.token_endpoint_auth_method === 'none' ||
      metadata.token_endpoint_auth_method === 'private_key_jwt'
      ? undefined
      : client.secret,
  );
  expect(isCreated).to.equal(true);
  return client;
}

export function refresh(
  provider: TestProvider,
  client: TestClient,
  token: string,
  extra: Record<string, string> = {},
  options: PostOptions = {},
): Promise<JsonReply> {
  return provider.post(
    '/token',
    { grant_type: 'refresh_token', refresh_token: token, ...extra },
    { client, ...options },
  );
}

export function userinfo(provider: TestProvider, accessToken: string): Promise<JsonReply> {
  return provider.get('/me', { authorization: `Bearer ${accessToken}` });
}

export async function isAlive(provider: TestProvider, accessToken: string): Promise<boolean> {
  const { status } = await userinfo(provider, accessToken);
  expect([200, 401]).to.include(status);
  return status === 200;
}

export async function introspect(
  provider: TestProvider,
  client: TestClient,
  token: string,
): Promise<Record<string, unknown>> {
  const reply = await provider.post('/token/introspection', { token }, { client });
  expect(reply.status, reply.body).to.equal(200);
  return reply.json;
}

/** Signs out at the provider, of everything. */
export async function signOut(person: Person): Promise<void> {
  const { action, fields } = formOf((await person.request('/session/end')).body);
  const reply = await person.request(action, { form: { ...fields, logout: 'yes' } });
  expect(reply.status, reply.body).to.equal(303);
}

/** Whether this browser gets a code without a page, which is what being signed in means. */
export async function isSignedIn(
  provider: TestProvider,
  person: Person,
  client: TestClient,
): Promise<boolean> {
  const { answer } = await provider.authorize(person, client, { prompt: 'none' });
  expect([undefined, 'login_required']).to.include(answer.error);
  return answer.code !== undefined;
}

/** The claims of a JWT, unchecked. */
export function claimsOf(jwt: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8'));
}
