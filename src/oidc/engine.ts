import type { JWK } from 'jose';
import type { Context } from 'koa';
import { type Configuration, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Access } from '../access/access.ts';
import { acrValues } from '../acr.ts';
import { nowSeconds } from '../clock.ts';
import type { Config } from '../config.ts';
import { Unavailable } from '../errors.ts';
import { locales } from '../locale.ts';
import type { Log } from '../log.ts';
import type { Observer } from '../observer.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { createAdapter, type Stores } from './adapter.ts';
import { type AccountSource, claimsByScope, claimsOf } from './claims.ts';
import type { CookieKeys } from './cookie-keys.ts';
import { adaptModels } from './engine-models.ts';
import { enginePages } from './engine-pages.ts';
import type { DatedLogin } from './interaction.ts';
import type { EnginePages } from './pages.ts';
import { createGrantLoader } from './policy.ts';
import { createPromptPolicy } from './prompt-policy.ts';
import { createResourceServers } from './resource-servers.ts';
import type { Resources } from './resources.ts';
import { type SecondFactorOf, type SecondFactorRule, secondFactorRules } from './second-factor.ts';
import { unitOfWork } from './unit-of-work.ts';

export type EngineParts = {
  config: Config;
  store: Store;
  ring: KeyRing;
  stores: Stores;
  accounts: AccountSource;
  /** The names of the claims that roles define, as they are when the engine is made, among others. */
  access: Pick<Access, 'claimNames' | 'effectiveNow'>;
  resources: Pick<Resources, 'known' | 'find'>;
  pages: EnginePages;
  cookieKeys: CookieKeys;
  /** Private keys; of those of one algorithm the first signs. */
  signingKeys: readonly JWK[];
  /** The era that it is now; see eras.ts. */
  era(): number;
  secondFactorOf: SecondFactorOf;
  /** Told of each sign-out, beside the commit that it ends with. */
  signedOut?: SignedOut;
  observer: Pick<Observer, 'replay'>;
  log: Log;
};

export type SignedOut = (
  ctx: Context,
  who: { accountId: string; clientId: string | undefined },
) => Promise<void>;

/** A client assertion (RFC 7523) that lives longer is not worth its replay record. */
const longestAssertionSeconds = 5 * 60;

const jwsAlgorithms = ['ES256', 'EdDSA', 'Ed25519', 'RS256', 'PS256'] as const;

/** Makes a provider of the engine, with everything that its defaults leave open decided here. */
export function createEngine(parts: EngineParts, extraFeatures: Configuration['features'] = {}): Provider {
  const { config } = parts;
  const provider = new Provider(config.issuer, {
    ...configure(parts, extraFeatures),
    jwks: { keys: parts.signingKeys } as never,
  });
  provider.proxy = true;
  adaptModels(provider, { ...parts, sessionCookie: longCookie(config) });
  provider.on('server_error', (_ctx: Context, error: unknown) => {
    // Whatever of ours the engine has called, and however: Redis being away is a 503, not a fault.
    if (error instanceof Unavailable) return unitOfWork().noteOutage(error);
    parts.log.error({ err: error }, 'the engine failed');
  });
  provider.on('end_session.success', (ctx) => {
    const { session, client, params } = ctx.oidc;
    const accountId = session?.accountId;
    const { signedOut } = parts;
    // Who did not want to after all is only signed out of the one client.
    if (!signedOut || accountId === undefined || !params?.logout) return;
    unitOfWork().besideCommit(() =>
      signedOut(ctx as unknown as Context, { accountId, clientId: client?.clientId }),
    );
  });
  return provider;
}

export function configure(parts: EngineParts, extraFeatures: Configuration['features'] = {}): Configuration {
  const { config, ring, stores, accounts, pages } = parts;
  const { lifetimes } = config;
  const isHttps = config.issuer.startsWith('https:');
  const { path: _path, ...shortCookie } = longCookie(config);
  const resourceServers = createResourceServers({
    issuer: config.issuer,
    resources: parts.resources,
    access: parts.access,
    tokens: stores.tokens,
    clients: stores.clients,
    accessTokenSeconds: () => lifetimes.accessTokenSeconds,
  });
  const policy = createPromptPolicy(parts.secondFactorOf);
  const shown = enginePages(pages, (clientId) => stores.clients.isDisabled(clientId));
  const accessTokenSeconds = (token: unknown, client: unknown) =>
    atMost(client, 'access_token_seconds', lifetimeOf(token) ?? lifetimes.accessTokenSeconds);

  /** The epoch of the sign-in that a request stands on. One that is not known fits no account. */
  async function epochOf(ctx: KoaContextWithOIDC, token: unknown): Promise<number> {
    const unit = unitOfWork();
    const { grantId } = (token ?? {}) as { grantId?: string };
    if (grantId) return (await stores.tokens.epochOf(grantId)) ?? -1;
    const login = ctx.oidc.result?.login as Partial<DatedLogin> | undefined;
    if (login) {
      unit.signInEra = login.era ?? 0;
      // Somebody has ended everything while this person was still being asked.
      unit.signInEpoch = unit.signInEra < parts.era() ? -1 : login.epoch;
      unit.signedInTrusted = login.isTrusted === true;
      unit.signedInWaived = login.isWaived === true;
    }
    return unit.signInEpoch ?? -1;
  }

  return {
    adapter: createAdapter(stores) as never,
    clients: [],
    cookies: {
      keys: parts.cookieKeys as never,
      // The __Host- prefix forbids a path, which the two of an interaction have.
      names: isHttps
        ? {
            session: '__Host-holdfast_session',
            interaction: '__Secure-holdfast_interaction',
            resume: '__Secure-holdfast_resume',
          }
        : {
            session: 'holdfast_session',
            interaction: 'holdfast_interaction',
            resume: 'holdfast_resume',
          },
      long: longCookie(config),
      short: shortCookie,
    },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: true, nonceSecret: ring.key('dpop-nonce').export(), requireNonce: () => false },
      pushedAuthorizationRequests: { enabled: true },
      clientCredentials: { enabled: true },
      claimsParameter: { enabled: true, assertClaimsParameter: refuseAcrClaim },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: shown.deviceCode,
        userCodeConfirmSource: shown.deviceConfirm,
        successSource: shown.deviceDone,
      },
      introspection: {
        enabled: true,
        allowedPolicy: async (ctx, client, token) => {
          if (!mayIntrospect(client as never, token as never)) return false;
          const { accountId, grantId, clientId } = token as {
            accountId?: string;
            grantId?: string;
            clientId?: string;
          };
          // Of a client that was disabled or removed nothing is worth anything.
          if (!clientId || !(await stores.clients.findForEngine(clientId))) return false;
          if (accountId === undefined || grantId === undefined) return true;
          const present = await unitOfWork().account(accountId);
          if (present === undefined || present.epoch !== (await epochOf(ctx, { grantId }))) return false;
          await resourceServers.addRoles(token);
          return true;
        },
      },
      revocation: { enabled: true, allowedPolicy: mayRevoke },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: shown.logout,
        postLogoutSuccessSource: shown.signedOut,
      },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: resourceServers.getResourceServerInfo as never,
        // Without `resource` in the token request the token is for userinfo (RFC 8707 2.2).
        useGrantedResource: () => false,
      },
      ...extraFeatures,
    },
    acrValues: [...acrValues],
    responseTypes: ['code'],
    scopes: ['openid', 'offline_access', 'profile', 'email', 'roles', 'groups'],
    claims: claimsByScope(parts.access.claimNames()),
    extraTokenClaims: resourceServers.extraTokenClaims as never,
    subjectTypes: ['public', 'pairwise'],
    pairwiseIdentifier: (_ctx, accountId, client) =>
      ring.hash('pairwise', JSON.stringify([client.sectorIdentifier, accountId])),
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    clientDefaults: {
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      id_token_signed_response_alg: 'ES256',
      token_endpoint_auth_method: 'client_secret_basic',
    },
    extraClientMetadata: {
      properties: [...extraMetadata],
      validator: checkExtraMetadata,
    },
    enabledJWA: {
      clientAuthSigningAlgValues: [...jwsAlgorithms],
      idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA'],
      dPoPSigningAlgValues: [...jwsAlgorithms],
    },
    assertJwtClientAuthClaimsAndHeader: (_ctx, claims) => {
      // Any other audience could be an endpoint of an attacker's (RFC 7523bis; engine.md 8).
      if (claims.aud !== config.issuer) {
        throw new errors.InvalidClientAuth(`aud (JWT audience) must be the issuer, ${config.issuer}`);
      }
      const now = nowSeconds();
      if ((claims.exp as number) > now + longestAssertionSeconds) {
        throw new errors.InvalidClientAuth('exp (JWT expiration) must be within five minutes');
      }
      // Clocks differ by seconds (FAPI 2.0 Security Profile 5.3.2.1).
      if (typeof claims.iat === 'number' && claims.iat > now + 60) {
        throw new errors.InvalidClientAuth('iat (JWT issued at) must not be in the future');
      }
    },
    clientBasedCORS: (_ctx, origin, client) => {
      const allowed = (client as unknown as { cors_origins?: string[] }).cors_origins ?? [];
      return allowed.includes(origin);
    },
    ttl: {
      AccessToken: (_ctx, token, client) => accessTokenSeconds(token, client),
      ClientCredentials: (_ctx, token, client) => accessTokenSeconds(token, client),
      AuthorizationCode: 60,
      DeviceCode: 600,
      BackchannelAuthenticationRequest: 600,
      // A grant outlives the tokens that hang on it; each of them lengthens its life.
      Grant: () => Math.max(lifetimes.refreshTokenSeconds, lifetimes.sessionIdleSeconds),
      IdToken: 3600,
      Interaction: lifetimes.interactionSeconds,
      RefreshToken: (_ctx, _token, client) =>
        atMost(client, 'refresh_token_seconds', lifetimes.refreshTokenSeconds),
      Session: () => lifetimes.sessionIdleSeconds,
    },
    // Rotation at each use is what makes a stolen refresh token show (RFC 9700 4.14.2).
    rotateRefreshToken: true,
    issueRefreshToken: async (_ctx, client, source) =>
      client.grantTypeAllowed('refresh_token') &&
      (source.scopes.has('offline_access') ||
        // Ours get one that ends with the session, without asking for offline access.
        (client as unknown as { first_party?: boolean }).first_party === true),
    findAccount: async (ctx, accountId, token) => {
      const unit = unitOfWork();
      const epoch = await epochOf(ctx, token);
      // Checked again in the scripts of this request's commit; userinfo has none, and reads the account.
      if (ctx.oidc.route !== 'userinfo') {
        accounts.requireEpoch(unit.change('account', `account ${accountId}`), accountId, epoch);
      }
      return {
        accountId,
        claims: async (use, scope) => {
          // An ID token carries `sub` alone unless claims were asked for one by one; then the rest is
          // what userinfo answers (Core 5.4), and no account needs to be read.
          const { claims: asked } = (token ?? {}) as { claims?: { id_token?: object } };
          if (use === 'id_token' && asked?.id_token === undefined) return { sub: accountId };
          const present = await unit.account(accountId);
          if (present?.epoch !== epoch) throw new errors.InvalidToken('the account is gone or disabled');
          return { ...claimsOf(present, scope), sub: accountId };
        },
      };
    },
    loadExistingGrant: createGrantLoader(stores.tokens, ring),
    interactions: { policy, url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    renderError: shown.error,
    fetch: (url, options) => {
      if (config.allowPrivateAddresses) {
        const { dispatcher: _guard, ...rest } = options as RequestInit & { dispatcher?: unknown };
        return fetch(url, rest);
      }
      return fetch(url, options);
    },
    fetchResponseBodyLimits: { jwks_uri: 64 * 1024, sector_identifier_uri: 64 * 1024 },
    discovery: {
      ui_locales_supported: [...locales],
      claim_types_supported: ['normal'],
    },
  } as Configuration;
}

function longCookie(config: Config) {
  const secure = config.issuer.startsWith('https:');
  return { httpOnly: true, sameSite: 'lax', signed: true, secure, path: '/' } as const;
}

/** What the API that a token is for says of its lifetime, in seconds. */
function lifetimeOf(token: unknown): number | undefined {
  return (token as { resourceServer?: { accessTokenTTL?: number } }).resourceServer?.accessTokenTTL;
}

/** There is one way to ask for a strong sign-in, which the sign-in pages know (Core 5.5.1.1 leaves this one optional). */
async function refuseAcrClaim(_ctx: unknown, claims: { id_token?: { acr?: unknown } }): Promise<void> {
  if (claims.id_token?.acr) {
    throw new errors.InvalidRequest('ask for the strength of a sign-in with acr_values');
  }
}

/** Introspection tells a client about its own tokens, and a resource server about those made for it. */
function mayIntrospect(
  client: { clientId: string; clientAuthMethod: string; resources?: string[] },
  token: { clientId?: string; aud?: string | string[] },
): boolean {
  if (client.clientAuthMethod === 'none') return token.clientId === client.clientId;
  const audiences = [token.aud ?? []].flat();
  return token.clientId === client.clientId || audiences.some((aud) => client.resources?.includes(aud));
}

async function mayRevoke(
  _ctx: KoaContextWithOIDC,
  client: { clientId: string },
  token: { clientId?: string },
): Promise<boolean> {
  return token.clientId === client.clientId;
}

/** The client's own limit, if it has one and it is less. */
function atMost(client: unknown, field: string, seconds: number): number {
  const own = (client as Record<string, unknown> | undefined)?.[field];
  return typeof own === 'number' ? Math.min(own, seconds) : seconds;
}

/** What a client may have beside what is registered (RFC 7591); client-rules.ts has more to say about each. */
const extraMetadata = [
  'first_party',
  'strict_token_use',
  'cors_origins',
  'resources',
  'roles',
  'second_factor',
  'description',
  'access_token_seconds',
  'refresh_token_seconds',
] as const;

const kindOfExtra: Partial<Record<string, (value: unknown) => boolean>> = {
  first_party: (value) => typeof value === 'boolean',
  strict_token_use: (value) => typeof value === 'boolean',
  description: (value) => typeof value === 'string',
  access_token_seconds: (value) => Number.isInteger(value) && Number(value) > 0,
  refresh_token_seconds: (value) => Number.isInteger(value) && Number(value) > 0,
};

function checkExtraMetadata(_ctx: unknown, key: string, value: unknown): void {
  if (value === undefined) return;
  if (key === 'second_factor') {
    if (secondFactorRules.includes(value as SecondFactorRule)) return;
    throw new errors.InvalidClientMetadata(`second_factor must be one of ${secondFactorRules.join(', ')}`);
  }
  const isTexts = () => Array.isArray(value) && value.every((item) => typeof item === 'string');
  if (!(kindOfExtra[key]?.(value) ?? isTexts())) {
    throw new errors.InvalidClientMetadata(`${key} has the wrong type`);
  }
}
