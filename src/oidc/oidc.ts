/**
 * The OpenID Connect side of Holdfast: the engine and everything around it that makes it safe on many pods.
 * It owns grants, tokens, sessions, interactions, clients and keys. It knows nothing of pages (app.ts hands
 * them in) or of how a person proves who they are (src/accounts, src/interactions).
 */
import { randomBytes } from 'node:crypto';
import type { Context, Middleware } from 'koa';
import compose from 'koa-compose';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import type { AccountSource } from './claims.ts';
import { type ClientMetadata, type ClientStore, createClientStore } from './client-store.ts';
import { commitRequest } from './commit-request.ts';
import { type CookieKeys, createCookieKeys } from './cookie-keys.ts';
import { createEngine } from './engine.ts';
import { sessionOfInteraction } from './engine-models.ts';
import { createInteractions, type Interactions } from './interaction.ts';
import { createInteractionStore } from './interaction-store.ts';
import { ownClient } from './own-pages.ts';
import type { EnginePages } from './pages.ts';
import { firstGrantTag } from './policy.ts';
import { type Published, publishFromMemory } from './published.ts';
import { createPushedRequestStore } from './pushed-request-store.ts';
import { createSessionStore } from './session-store.ts';
import { createSignedIn, type SignedIn } from './signed-in.ts';
import { signingKeyMakers } from './signing-keys.ts';
import { createTokenStore } from './token-store.ts';

export { type ClientMetadata, isClientId, mintClientSecret } from './client-store.ts';
export type { Interactions, Login, PendingInteraction } from './interaction.ts';
export { type SignInWish, signedInPath, signInPath } from './own-pages.ts';
export type { ClientSummary, EnginePages } from './pages.ts';
export { type SecondFactorRule, secondFactorRules } from './prompt-policy.ts';
export type { BrowserSession, ConnectedApplication, SignedIn, SignedInSession } from './signed-in.ts';

export type Oidc = {
  /** Gives each request its unit of work and commits it; around the engine and the interaction pages. */
  commitRequest: Middleware;
  /** Discovery and key set; before everything that needs Redis. */
  published: Published;
  /** The engine's own endpoints; goes on where the path is not one of them. */
  engine: Middleware;
  interactions: Interactions;
  /** Sessions and connected applications of an account. */
  signedIn: SignedIn;
  clients: ClientStore;
  cookieKeys: CookieKeys;
  /** @throws with a text for people when the metadata does not make a client */
  checkClient(metadata: ClientMetadata): Promise<void>;
};

/** What the key ring must hold for this module, with a maker for each (see redis/key-ring.ts). */
export const oidcSecrets: Record<string, () => string | Promise<string>> = {
  ...signingKeyMakers,
  'cookie:1': () => randomBytes(32).toString('base64url'),
};

export function createOidc(parts: {
  config: Config;
  store: Store;
  ring: KeyRing;
  accounts: AccountSource;
  pages: EnginePages;
  /** A short name for a browser, from its User-Agent. */
  labelBrowser(userAgent: string): string;
  /** @throws Unavailable while the clock of this pod is not to be trusted */
  demandClock(): void;
  /** Of every answer of this pod; for what is answered ahead of the HTTP layer. */
  headers: Record<string, string>;
  log: Log;
}): Oidc {
  const { config, store, ring, pages, log } = parts;
  const { lifetimes } = config;
  const tokens = createTokenStore(store, ring, {
    longestLifetimeSeconds: Math.max(lifetimes.refreshTokenSeconds, lifetimes.sessionAbsoluteSeconds),
    refreshTokenSeconds: lifetimes.refreshTokenSeconds,
    retrySeconds: lifetimes.tokenRetrySeconds,
  });
  const sessions = createSessionStore(store, ring, {
    idleSeconds: lifetimes.sessionIdleSeconds,
    absoluteSeconds: lifetimes.sessionAbsoluteSeconds,
  });
  const interactions = createInteractionStore(store, ring);
  const pushedRequests = createPushedRequestStore(store, ring, lifetimes);
  const clients = createClientStore(store, ring, {
    cacheMs: config.clientCacheMs,
    builtIn: [ownClient(config.issuer)],
  });
  const cookieKeys = createCookieKeys([Buffer.from(ring.secret('cookie:1'), 'base64url')]);
  const stores = { tokens, sessions, interactions, pushedRequests, clients };
  const provider = createEngine({ ...parts, stores, cookieKeys });
  const engine = compose(provider.middleware) as unknown as Middleware;

  return {
    commitRequest: commitRequest({
      store,
      ring,
      tokens,
      sessions,
      accounts: parts.accounts,
      pages,
      labelBrowser: parts.labelBrowser,
      demandClock: parts.demandClock,
      log,
      clearSessionCookie: (ctx: Context) => {
        ctx.cookies.set(provider.cookieName('session'), null, { path: '/', httpOnly: true, signed: true });
      },
    }),
    published: publishFromMemory(parts.headers),
    engine,
    interactions: createInteractions({
      provider,
      engine,
      cookieKeys,
      store: interactions,
      sessions,
      readGrantAhead(sessionUid, interactionUid, clientId) {
        const uid = sessionUid ?? sessionOfInteraction(ring, interactionUid);
        tokens.readGrantAhead(firstGrantTag(ring, uid, clientId));
      },
    }),
    signedIn: createSignedIn({
      store,
      sessions,
      tokens,
      clients,
      accounts: parts.accounts,
      sessionCookie: (ctx) => ctx.cookies.get(provider.cookieName('session'), { signed: true }),
    }),
    clients,
    cookieKeys,
    checkClient: (metadata) => provider.Client.validate(metadata as never),
  };
}
