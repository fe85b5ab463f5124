/**
 * The OpenID Connect side of Holdfast: the engine and everything around it that makes it safe on many pods.
 * It owns grants, tokens, sessions, interactions, clients and keys. It knows nothing of pages (app.ts hands
 * them in) or of how a person proves who they are (src/accounts, src/interactions).
 */
import type { Context, Middleware } from 'koa';
import type { Access } from '../access/access.ts';
import type { Config } from '../config.ts';
import type { NewEvent } from '../events/events.ts';
import type { Log } from '../log.ts';
import type { Observer } from '../observer.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Pod } from '../redis/pods.ts';
import type { Store } from '../redis/redis.ts';
import type { Vault } from '../redis/vault.ts';
import type { LiveSettings } from '../settings/settings.ts';
import { type AllSessions, createAllSessions } from './all-sessions.ts';
import type { AccountSource } from './claims.ts';
import { type ClientMetadata, type ClientStore, createClientStore } from './client-store.ts';
import { commitRequest } from './commit-request.ts';
import { type CookieKeys, createCookieKeys } from './cookie-keys.ts';
import { createEngine, type SignedOut } from './engine.ts';
import { sessionOfInteraction } from './engine-models.ts';
import type { Eras } from './eras.ts';
import { createInteractions, type Interactions } from './interaction.ts';
import { createInteractionStore } from './interaction-store.ts';
import { createKeyLifecycle, type KeyLifecycle } from './key-lifecycle.ts';
import { demandFresh, type LiveKeySet } from './key-set.ts';
import { createLiveEngine } from './live-engine.ts';
import { adminClient, ownClient } from './own-pages.ts';
import type { EnginePages } from './pages.ts';
import { firstGrantTag } from './policy.ts';
import { isPublished, type Published, publishFromMemory } from './published.ts';
import { createPushedRequestStore } from './pushed-request-store.ts';
import { createRegisteredClients, type RegisteredClients } from './registered-clients.ts';
import type { Resources } from './resources.ts';
import { createSecondFactorOf } from './second-factor.ts';
import { createSeedSessions } from './seed-sessions.ts';
import { createSessionStore, type SessionStore } from './session-store.ts';
import { createSignedIn, type SignedIn } from './signed-in.ts';
import { createTokenStore, type TokenStore } from './token-store.ts';

export { adminResourceIndicator } from './admin-resource.ts';
export type { AllSessions, AnySession, GrantSummary } from './all-sessions.ts';
export { type ClientMetadata, faultOfNewClientId, mintClientId, mintClientSecret } from './client-store.ts';
export { type Eras, watchEras } from './eras.ts';
export type { Interactions, Login, PendingInteraction } from './interaction.ts';
export type { KeyLifecycle, KeyState, KeySummary, KeyUse } from './key-lifecycle.ts';
export { readKeySet } from './key-record.ts';
export { type LiveKeySet, openKeySet } from './key-set.ts';
export { type SignInWish, signedInPath, signInPath } from './own-pages.ts';
export type { ClientSummary, EnginePages } from './pages.ts';
export type {
  ClientRecord,
  ClientSecret,
  NewSecret,
  OnceMade,
  RegisteredClients,
} from './registered-clients.ts';
export type { HoldfastClaim, ServiceClaim } from './resource-servers.ts';
export { createResources, type Resource, type ResourceDraft, type Resources } from './resources.ts';
export {
  isBelow,
  isStrongEnough,
  type SecondFactorRule,
  type SignInStrength,
  secondFactorRules,
} from './second-factor.ts';
export type { BrowserSession, ConnectedApplication, SignedIn, SignedInSession } from './signed-in.ts';

export type Oidc = {
  /** Gives each request its unit of work and commits it; around the engine and the interaction pages. */
  commitRequest: Middleware;
  /** Discovery and key set; before everything that needs Redis. */
  published: Published;
  /** The engine's own endpoints; goes on where the path is not one of them. */
  engine: Middleware;
  interactions: Interactions;
  keys: KeyLifecycle;
  /** Sessions and connected applications of an account. */
  signedIn: SignedIn;
  clients: ClientStore;
  /** Clients, and all sessions and grants, for administrators. */
  registeredClients: RegisteredClients;
  allSessions: AllSessions;
  /** What an access token stands on, as it is in Redis now. */
  standing: {
    session: SessionStore['look'];
    grant: TokenStore['look'];
    client: ClientStore['look'];
  };
  /** For trials; see seed-sessions.ts. */
  seedSessions: ReturnType<typeof createSeedSessions>;
  cookieKeys: CookieKeys;
  /** Turns away what comes while this pod does not know whether its keys still hold; ahead of `commitRequest`. */
  demandFreshKeys: Middleware;
  /** The version of the key set that this pod serves and signs with. */
  keySetVersion(): number;
  /** @throws with a text for people when the metadata does not make a client */
  checkClient(metadata: ClientMetadata): Promise<void>;
};

export function createOidc(parts: {
  /** With the settings as they are now; see settings/with-settings.ts. */
  config: Config;
  store: Store;
  ring: KeyRing;
  vault: Vault;
  keySet: LiveKeySet;
  eras: Eras;
  /** Pods that are alive. */
  listPods(): Promise<Pod[]>;
  settings: Pick<LiveSettings, 'current' | 'onChange' | 'longestLifetimeSeconds'>;
  accounts: AccountSource;
  access: Access;
  resources: Resources;
  pages: EnginePages;
  /** A short name for a browser, from its User-Agent. */
  labelBrowser(userAgent: string): string;
  /** @throws Unavailable while the clock of this pod is not to be trusted */
  demandClock(): void;
  signedOut?: SignedOut;
  /** For the audit: what happens by itself. */
  recordEvent?(event: NewEvent): Promise<void>;
  /** Of every answer of this pod; for what is answered ahead of the HTTP layer. */
  headers: Record<string, string>;
  log: Log;
  observer: Pick<Observer, 'conflict' | 'replay' | 'answeredAgain'>;
}): Oidc {
  const { config, store, ring, keySet, eras, settings, access, pages, log, observer } = parts;
  const { lifetimes } = config;
  const secondFactor = () => settings.current().second_factor;
  const forConsole = () => settings.current().console_second_factor;
  // There a second factor of the account is never left out.
  const forAccountPages = () => (secondFactor() === 'none' ? 'optional' : secondFactor());
  const secondFactorOf = createSecondFactorOf({
    issuer: config.issuer,
    usual: secondFactor,
    console: forConsole,
  });
  const clients = createClientStore(store, ring, {
    cacheMs: config.clientCacheMs,
    builtIn: [ownClient(config.issuer, forAccountPages), adminClient(config.issuer, forConsole)],
  });
  const tokens = createTokenStore(
    store,
    ring,
    {
      longestLifetimeSeconds: settings.longestLifetimeSeconds,
      retrySeconds: lifetimes.tokenRetrySeconds,
    },
    { era: eras, client: clients },
  );
  const sessions = createSessionStore(
    store,
    ring,
    {
      get idleSeconds() {
        return lifetimes.sessionIdleSeconds;
      },
      get absoluteSeconds() {
        return lifetimes.sessionAbsoluteSeconds;
      },
    },
    eras,
  );
  const interactions = createInteractionStore(store, ring);
  const pushedRequests = createPushedRequestStore(store, ring, lifetimes);
  const cookieKeys = createCookieKeys(() => keySet.current().cookies);
  const stores = { tokens, sessions, interactions, pushedRequests, clients };
  const engine = createLiveEngine({
    make: () =>
      createEngine({
        ...parts,
        stores,
        cookieKeys,
        era: eras.current,
        secondFactorOf,
        signingKeys: keySet.current().signing,
      }),
    keySetVersion: () => keySet.current().version,
    log,
  });
  keySet.onChange(engine.renew);
  access.onClaimNamesChange(engine.renew);
  // The engine makes what it needs of a client's metadata once.
  const asked = () => JSON.stringify([forAccountPages(), forConsole()]);
  let askedBefore = asked();
  settings.onChange(() => {
    if (asked() !== askedBefore) engine.renew();
    askedBefore = asked();
  });
  const checkClient = (metadata: ClientMetadata) =>
    engine.current().provider.Client.validate(metadata as never);
  const registeredClients = createRegisteredClients({
    store,
    clients,
    validate: checkClient,
    limits: () => lifetimes,
  });
  const sessionCookie = () => engine.current().provider.cookieName('session');

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
      observer,
      clearSessionCookie: (ctx: Context) => {
        ctx.cookies.set(sessionCookie(), null, { path: '/', httpOnly: true, signed: true });
      },
    }),
    published: publishFromMemory({
      engine,
      headers: parts.headers,
      keySetSeconds: config.keySetSeconds,
      isFresh: keySet.isFresh,
      mayAnswer: keySet.canSign,
    }),
    engine: engine.middleware,
    keys: createKeyLifecycle({ ...parts, keySetSeconds: config.keySetSeconds }),
    interactions: createInteractions({
      engine,
      secondFactorOf,
      era: eras.current,
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
      sessionCookie: (ctx) => ctx.cookies.get(sessionCookie(), { signed: true }),
    }),
    clients,
    registeredClients,
    allSessions: createAllSessions({
      store,
      sessions,
      tokens,
      clients,
      eras,
      accounts: parts.accounts,
      revokeGrants: registeredClients.revokeGrants,
    }),
    standing: { session: sessions.look, grant: tokens.look, client: (id) => clients.look(id) },
    seedSessions: createSeedSessions({ store, sessions, tokens }),
    cookieKeys,
    async demandFreshKeys(ctx, next) {
      if (!isPublished(ctx.path) || !keySet.canSign()) await demandFresh(keySet);
      await next();
    },
    keySetVersion: () => engine.current().keySetVersion,
    checkClient,
  };
}
