/** The bare engine with a Map for an adapter: the limit that the product is held against. */
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import Koa from 'koa';
import compose from 'koa-compose';
import { type Configuration, Provider } from 'oidc-provider';
import { claimsByScope } from '../src/oidc/claims.ts';
import { account, allClients, type Counters, host, issuer, metadataOf, resource } from './subject.ts';

const stored = new Map<string, Record<string, unknown>>();
const pointers = new Map<string, string>();

class MapAdapter {
  readonly #model: string;
  constructor(model: string) {
    this.#model = model;
  }
  #key = (id: string) => `${this.#model}:${id}`;
  async upsert(id: string, payload: Record<string, unknown>) {
    stored.set(this.#key(id), payload);
    if (typeof payload.uid === 'string') pointers.set(payload.uid, id);
  }
  async find(id: string) {
    return stored.get(this.#key(id));
  }
  async findByUid(uid: string) {
    return this.find(pointers.get(uid) ?? '');
  }
  async findByUserCode() {}
  async consume(id: string) {
    const payload = stored.get(this.#key(id));
    if (payload) payload.consumed = Math.floor(Date.now() / 1000);
  }
  async destroy(id: string) {
    stored.delete(this.#key(id));
  }
  async revokeByGrantId() {}
}

async function makeKey(alg: string, options: object) {
  const { privateKey } = await generateKeyPair(alg, { ...options, extractable: true });
  return { ...(await exportJWK(privateKey)), alg, use: 'sig' };
}

for (const client of allClients()) {
  stored.set(`Client:${client.id}`, { ...metadataOf(client), client_secret: client.secret });
}

const provider = new Provider(issuer, {
  adapter: MapAdapter as never,
  jwks: {
    keys: [
      await makeKey('RS256', { modulusLength: 2048 }),
      await makeKey('ES256', {}),
      await makeKey('EdDSA', { crv: 'Ed25519' }),
    ],
  },
  cookies: { keys: ['bench'], long: { signed: true }, short: { signed: true } },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({
        scope: 'api:read',
        audience: resource,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
      useGrantedResource: () => false,
    },
  },
  responseTypes: ['code'],
  scopes: ['openid', 'offline_access', 'profile', 'email'],
  claims: claimsByScope({ roles: [], groups: [] }),
  pkce: { required: () => true },
  clientDefaults: { id_token_signed_response_alg: 'ES256', response_types: ['code'] },
  extraClientMetadata: { properties: ['first_party', 'resources'] },
  ttl: {
    AccessToken: 600,
    ClientCredentials: 600,
    Grant: 86_400,
    IdToken: 3600,
    Interaction: 3600,
    RefreshToken: 86_400,
    Session: 86_400,
  },
  rotateRefreshToken: true,
  issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  findAccount: async (_ctx, accountId) => ({
    accountId,
    claims: async () => ({ sub: accountId, email: account.email, email_verified: true, name: 'Ada' }),
  }),
  loadExistingGrant: async (ctx) => {
    const { client, session, result } = ctx.oidc;
    const grantId = (result?.consent?.grantId as string) ?? session?.grantIdFor(client?.clientId ?? '');
    const found = grantId ? await ctx.oidc.provider.Grant.find(grantId) : undefined;
    if (found) return found;
    if (!(client as unknown as { first_party?: boolean }).first_party) return undefined;
    const grant = new ctx.oidc.provider.Grant({
      accountId: session?.accountId as string,
      clientId: client?.clientId as string,
    });
    grant.addOIDCScope('openid profile email');
    await grant.save();
    return grant;
  },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
} as Configuration);

const app = new Koa();
app.keys = ['bench'];
app.use(async (ctx, next) => {
  ctx.req.headers.host = host;
  if (!ctx.path.startsWith('/interaction/')) return next();
  const details = await provider.interactionDetails(ctx.req, ctx.res);
  if (ctx.method === 'GET') {
    ctx.type = 'html';
    const button = details.prompt.name === 'login' ? 'name="password"' : 'value="allow"';
    ctx.body = `<form method="post" action="${ctx.path}"><button ${button}></button></form>`;
    return;
  }
  let result: Record<string, unknown> = { login: { accountId: 'ada' } };
  if (details.prompt.name === 'consent') {
    const grant = new provider.Grant({
      accountId: details.session?.accountId as string,
      clientId: details.params.client_id as string,
    });
    grant.addOIDCScope('openid profile email');
    result = { consent: { grantId: await grant.save() } };
  }
  ctx.status = 303;
  ctx.set('location', await provider.interactionResult(ctx.req, ctx.res, result));
  ctx.body = '';
});
app.use(compose(provider.middleware) as never);

const server = createServer(app.callback()).listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as { port: number }).port });
});
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpu: user + system, roundTrips: 0 } satisfies Counters);
});
process.on('disconnect', () => process.exit(0));
