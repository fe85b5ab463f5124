import type { Context } from 'koa';
import { type Configuration, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import { acrValues } from '../acr.ts';
import { nowSeconds } from '../clock.ts';
import type { Config } from '../config.ts';
import { Unavailable } from '../errors.ts';
import { locales } from '../locale.ts';
import type { Log } from '../log.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { createAdapter, type Stores } from './adapter.ts';
import { type AccountSource, claimsByScope } from './claims.ts';
import type { CookieKeys } from './cookie-keys.ts';
import { adaptModels } from './engine-models.ts';
import { enginePages } from './engine-pages.ts';
import type { Login } from './interaction.ts';
import type { EnginePages } from './pages.ts';
import { createGrantLoader } from './policy.ts';
import { createPromptPolicy, type SecondFactorRule, secondFactorRules } from './prompt-policy.ts';
import { readSigningKeys } from './signing-keys.ts';
import { unitOfWork } from './unit-of-work.ts';

export type EngineParts = {
  config: Config;
  store: Store;
  ring: KeyRing;
  stores: Stores;
  accounts: AccountSource;
  pages: EnginePages;
  cookieKeys: CookieKeys;
  log: Log;
};

/** A client assertion (RFC 7523) that lives longer is not worth its replay record. */
const longestAssertionSeconds = 5 * 60;

const jwsAlgorithms = ['ES256', 'EdDSA', 'Ed25519', 'RS256', 'PS256'] as const;

/** Makes a provider of the engine, with everything that its defaults leave open decided here. */
export function createEngine(parts: EngineParts, extraFeatures: Configuration['features'] = {}): Provider {
  const { config, ring } = parts;
  const provider = new Provider(config.issuer, {
    ...configure(parts, extraFeatures),
    jwks: readSigningKeys(ring) as never,
  });
  provider.proxy = true;
  adaptModels(provider, { ...parts, sessionCookie: longCookie(config) });
  provider.on('server_error', (_ctx: Context, error: unknown) => {
    // Whatever of ours the engine has called, and however: Redis being away is a 503, not a fault.
    if (error instanceof Unavailable) return unitOfWork().noteOutage(error);
    parts.log.error({ err: error }, 'the engine failed');
  });
  return provider;
}

export function configure(parts: EngineParts, extraFeatures: Configuration['features'] = {}): Configuration {
  const { config, ring, stores, accounts, pages } = parts;
  const { lifetimes } = config;
  const isHttps = config.issuer.startsWith('https:');
  const { path: _path, ...shortCookie } = longCookie(config);
  const policy = createPromptPolicy();
  const shown = enginePages(pages);

  /** The epoch of the sign-in that a request stands on. One that is not known fits no account. */
  async function epochOf(ctx: KoaContextWithOIDC, token: unknown): Promise<number> {
    const unit = unitOfWork();
    const { grantId } = (token ?? {}) as { grantId?: string };
    if (grantId) return (await stores.tokens.epochOf(grantId)) ?? -1;
    const login = ctx.oidc.result?.login as Partial<Login> | undefined;
    if (login) {
      unit.signInEpoch = login.epoch;
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
          const { accountId, grantId } = token as { accountId?: string; grantId?: string };
          if (accountId === undefined || grantId === undefined) return true;
          const present = await unitOfWork().account(accountId);
          return present !== undefined && present.epoch === (await epochOf(ctx, { grantId }));
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
        getResourceServerInfo: (_ctx, indicator, client) => {
          const scope = config.resources[indicator];
          const allowed = (client as unknown as { resources?: string[] }).resources ?? [];
          if (scope === undefined || !allowed.includes(indicator)) {
            throw new errors.InvalidTarget('this client may not ask for tokens for this resource');
          }
          return {
            scope,
            audience: indicator,
            accessTokenFormat: 'jwt',
            accessTokenTTL: lifetimes.accessTokenSeconds,
            jwt: { sign: { alg: 'ES256' } },
          };
        },
        // Without `resource` in the token request the token is for userinfo (RFC 8707 2.2).
        useGrantedResource: () => false,
      },
      ...extraFeatures,
    },
    acrValues: [...acrValues],
    responseTypes: ['code'],
    scopes: ['openid', 'offline_access', 'profile', 'email'],
    claims: claimsByScope,
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
      properties: ['first_party', 'strict_token_use', 'cors_origins', 'resources', 'second_factor'],
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
      AccessToken: () => lifetimes.accessTokenSeconds,
      ClientCredentials: () => lifetimes.accessTokenSeconds,
      AuthorizationCode: 60,
      DeviceCode: 600,
      BackchannelAuthenticationRequest: 600,
      // A grant outlives the tokens that hang on it; each of them lengthens its life.
      Grant: Math.max(lifetimes.refreshTokenSeconds, lifetimes.sessionIdleSeconds),
      IdToken: 3600,
      Interaction: lifetimes.interactionSeconds,
      RefreshToken: lifetimes.refreshTokenSeconds,
      Session: lifetimes.sessionIdleSeconds,
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
        claims: async (use) => {
          // An ID token carries `sub` alone unless claims were asked for one by one; then the rest is
          // what userinfo answers (Core 5.4), and no account needs to be read.
          if (use === 'id_token' && ctx.oidc.params?.claims === undefined) return { sub: accountId };
          const present = await unit.account(accountId);
          if (present?.epoch !== epoch) throw new errors.InvalidToken('the account is gone or disabled');
          return { ...present.claims, sub: accountId };
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

function checkExtraMetadata(_ctx: unknown, key: string, value: unknown): void {
  const isText = (item: unknown) => typeof item === 'string';
  if (key === 'second_factor') {
    if (value === undefined || secondFactorRules.includes(value as SecondFactorRule)) return;
    throw new errors.InvalidClientMetadata(`second_factor must be one of ${secondFactorRules.join(', ')}`);
  }
  const fits =
    value === undefined ||
    (key === 'first_party' || key === 'strict_token_use'
      ? typeof value === 'boolean'
      : Array.isArray(value) && value.every(isText));
  if (!fits) throw new errors.InvalidClientMetadata(`${key} has the wrong type`);
}
