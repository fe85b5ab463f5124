/**
 * The only place where Holdfast is put together: makes every module, hands each what it needs, and collects
 * their routes. It decides nothing else.
 */
import { fileURLToPath } from 'node:url';
import type { Middleware } from 'koa';
import compose from 'koa-compose';
import type { Access } from './access/access.ts';
import { nameBrowser } from './accounts/browser-label.ts';
import type { Admin } from './admin/admin.ts';
import { isAdminApi, problemReply } from './admin/api/api.ts';
import { consoleRoutes } from './admin/console/console.ts';
import { type AccountParts, buildAccounts } from './app-accounts.ts';
import { buildAdmin } from './app-admin.ts';
import { buildAdminApi } from './app-admin-api.ts';
import { buildEvents, keepSweeping } from './app-events.ts';
import { beginPodLife, type PodLife } from './app-pods.ts';
import { openWatched } from './app-watched.ts';
import type { Config } from './config.ts';
import { Unavailable } from './errors.ts';
import { createPeopleEvents, type Events, type PeopleEvents } from './events/events.ts';
import { loadAssets } from './http/assets.ts';
import { createCsrf } from './http/csrf.ts';
import { languageRoute } from './http/language-route.ts';
import { createRenderer, type Renderer } from './http/render.ts';
import type { Sealer } from './http/return-path.ts';
import { routesMiddleware } from './http/route.ts';
import { podHeaders } from './http/security-headers.ts';
import { createServer } from './http/server.ts';
import { accountPageRoutes } from './interactions/account-pages.ts';
import { createEnginePages } from './interactions/engine-pages.ts';
import { homeRoutes } from './interactions/home.ts';
import { interactionRoutes } from './interactions/interactions.ts';
import { mailsPath } from './interactions/local-mails.ts';
import { browserCookies } from './interactions/sign-in-cookies.ts';
import { createSignInEvents } from './interactions/sign-in-events.ts';
import { createSignInNotices } from './interactions/sign-in-notices.ts';
import type { Log } from './log.ts';
import { createOidc, type LiveKeySet, type Oidc, type Resources } from './oidc/oidc.ts';
import { type ClockWatch, watchClock } from './redis/clock-watch.ts';
import { CannotOpen, type KeyRing, openKeyRing } from './redis/key-ring.ts';
import { listPods } from './redis/pods.ts';
import { openStore, type Store } from './redis/redis.ts';
import type { RedisTarget } from './redis/redis-url.ts';
import { checkRedis } from './redis/start-up-check.ts';
import { createVault } from './redis/vault.ts';
import { finishLinking, selfServiceRoutes } from './self-service/self-service.ts';
import type { LiveSettings } from './settings/settings.ts';

const sweepEveryMs = 60_000;

const views = fileURLToPath(new URL('../views/', import.meta.url));

/** The parts without a server: what the command line and the seeding of local mode work with. */
export type Parts = AccountParts & {
  /** With the settings as they are now. */
  config: Config;
  settings: LiveSettings;
  keySet: LiveKeySet;
  access: Access;
  /** The audit trail. */
  events: Events;
  people: PeopleEvents;
  resources: Resources;
  /** What administrators do. */
  admin: Admin;
  clients: Oidc['clients'];
  checkClient: Oidc['checkClient'];
  oidc: Oidc;
  store: Store;
  csrfKey: Buffer;
  /** For what a browser keeps for us. */
  sealer: Sealer;
  ring: KeyRing;
};

/** A Redis, or a configuration, that this provider must not run on. */
export class CannotStart extends Error {
  readonly faults: string[];
  constructor(faults: string[]) {
    super('cannot start');
    this.name = 'CannotStart';
    this.faults = faults;
  }
}

/**
 * @throws Unavailable when Redis cannot be reached
 * @throws CannotStart when it is no place for a provider's data, or was sealed under other keys
 */
export async function openParts(config: Config, target: RedisTarget, log: Log): Promise<Parts> {
  const store = openStore(config, target, log);
  try {
    await store.whenReady(5000);
    return await buildParts(config, store, log, createPages(log), () => {});
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function buildParts(
  environment: Config,
  store: Store,
  log: Log,
  { renderer }: Pages,
  demandClock: () => void,
): Promise<Parts> {
  const checked = await checkRedis(
    store.handle.client,
    { eviction: environment.redis.allowEviction, noAppendOnly: environment.redis.allowNoAppendOnly },
    environment.durability,
  );
  if (!checked.ok) throw new CannotStart(checked.faults);
  for (const warning of checked.warnings) log.warn(warning);

  const vault = createVault(environment.vaultKeys);
  const ring = await openKeyRing(store, vault, {}).catch(cannotOpen);
  const watched = await openWatched({ environment, store, vault, log }).catch(cannotOpen);
  const { config, settings, keySet, access, resources, eras } = watched;
  const events = buildEvents({ config, store, ring, settings, log });
  const peopleEvents = createPeopleEvents({ events, labelBrowser: nameBrowser, log });
  const people = buildAccounts({ config, store, ring, access, log }, [(id) => oidc.signedIn.endAll(id)]);
  const { accounts } = people;
  const oidc: Oidc = createOidc({
    config,
    store,
    ring,
    vault,
    keySet,
    eras,
    listPods: () => listPods(store),
    settings,
    accounts,
    access,
    resources,
    pages: createEnginePages(renderer, accounts),
    labelBrowser: nameBrowser,
    demandClock,
    signedOut: (ctx, { accountId, clientId }) =>
      peopleEvents.note(ctx, {
        kind: 'sign-out',
        actor: { kind: 'account', id: accountId },
        ...(clientId === undefined ? {} : { clientId }),
        via: 'sign-in',
      }),
    headers: podHeaders(config),
    log,
  });
  const admin = buildAdmin({
    config,
    store,
    ring,
    people,
    oidc,
    access,
    resources,
    events,
    settings,
  });
  return {
    ...people,
    people: peopleEvents,
    admin,
    config,
    settings,
    keySet,
    access,
    events,
    resources,
    clients: oidc.clients,
    checkClient: oidc.checkClient,
    oidc,
    store,
    csrfKey: ring.key('csrf').export(),
    sealer: ring,
    ring,
    async close() {
      watched.close();
      await people.close();
      await store.close();
    },
  };
}

function cannotOpen(error: unknown): never {
  throw error instanceof CannotOpen ? new CannotStart([error.message]) : error;
}

type Pages = { renderer: Renderer; assets: ReturnType<typeof loadAssets> };

function createPages(log: Log): Pages {
  const assets = loadAssets(`${views}assets`);
  const onMissingText = (key: string) => {
    log.error({ key }, 'a page has no text for this');
    return key;
  };
  return { assets, renderer: createRenderer({ viewsDirectory: views, assets, onMissingText }) };
}

export type App = {
  /** Listens at once, and answers 503 until Redis was reached. @returns the port in use */
  listen(): Promise<{ port: number }>;
  /** Resolves when every part is there. @throws CannotStart */
  ready(): Promise<Parts>;
  /** Finishes what is in flight and closes everything. */
  drain(): Promise<void>;
};

/** @param options.demo what the home page says about a demo relying party beside this provider */
export function createApp(
  config: Config,
  target: RedisTarget,
  log: Log,
  options: { demo?: { relyingPartyUrl: string } } = {},
): App {
  const pages = createPages(log);
  const store = openStore(config, target, log);
  let parts: Parts | undefined;
  let provider: Middleware | undefined;
  let clock: ClockWatch | undefined;
  let podLife: PodLife | undefined;
  let sweeping: NodeJS.Timeout | undefined;
  let stopSweepingEvents = () => {};
  let isClosing = false;

  /** Finishes what pods that were killed have left. Each pod does; it is the same work for all. */
  async function sweep({ flows, directory }: Parts): Promise<void> {
    try {
      await directory.sweep();
      await flows.deleteAccount.sweep();
      const indexed = await directory.reindexOnce();
      if (indexed) log.info({ accounts: indexed }, 'accounts from before can be searched for now');
    } catch (error) {
      if (!(error instanceof Unavailable)) log.error({ err: error }, 'sweeping failed');
    }
  }

  const adminApiProblem = problemReply({ issuer: config.issuer, log });
  const server = createServer({
    config,
    log,
    renderer: pages.renderer,
    assets: pages.assets,
    routes: [
      languageRoute(),
      ...homeRoutes({
        config,
        renderer: pages.renderer,
        ...options,
        ...(config.mail.areShown ? { mailsPath } : {}),
      }),
    ],
    ahead: (request, response) => parts?.oidc.published.answer(request, response) ?? false,
    engine: [
      (ctx, next) => {
        if (!provider) throw new Unavailable('Redis was not reached yet');
        // Sent again on another connection, the request may meet another pod.
        if (clock?.fits() === false) ctx.set('connection', 'close');
        clock?.demand();
        return provider(ctx, next);
      },
    ],
    originCheckedPaths: ['/session/end/confirm', '/device'],
    errorReplyAt: (path) => (isAdminApi(path) ? adminApiProblem : undefined),
    strict: false,
    probes: {
      isStarted: () => parts !== undefined,
      isReady: () => parts !== undefined && clock?.fits() !== false,
    },
  });

  async function untilBuilt(): Promise<Parts> {
    for (;;) {
      try {
        await store.whenReady(5000);
        clock ??= await watchClock(store, config.clockToleranceMs, log);
        // The others must know of this pod before it reads the keys that it will serve.
        podLife ??= await beginPodLife({
          config,
          store,
          log,
          describe: () => ({
            keySetVersion: parts?.oidc.keySetVersion() ?? 0,
            isReady: parts !== undefined && !isClosing && clock?.fits() !== false,
          }),
        });
        const built = await buildParts(config, store, log, pages, clock.demand);
        const { oidc } = built;
        server.app.keys = oidc.cookieKeys as never;
        const isHttps = config.issuer.startsWith('https:');
        const cookies = browserCookies({ ...built, isHttps });
        const consoleParts = {
          ...built,
          issuer: config.issuer,
          signedIn: oidc.signedIn,
          renderer: pages.renderer,
          csrf: createCsrf(built.csrfKey),
          trustedCookie: cookies.trusted,
          knownCookie: cookies.giveKnown,
        };
        const interactions = interactionRoutes({
          ...built,
          finishLinking: finishLinking(consoleParts),
          interactions: oidc.interactions,
          renderer: pages.renderer,
          csrf: createCsrf(built.csrfKey),
          notices: createSignInNotices(built),
          signInEvents: createSignInEvents(built),
          isHttps,
        });
        const accountPages = accountPageRoutes({
          ...built,
          interactions: oidc.interactions,
          renderer: pages.renderer,
          csrf: createCsrf(built.csrfKey),
          showsMails: config.mail.areShown,
        });
        provider = compose([
          oidc.published.middleware,
          oidc.demandFreshKeys,
          buildAdminApi({
            ...built,
            issuer: config.issuer,
            renderer: pages.renderer,
            log,
          }),
          oidc.commitRequest,
          routesMiddleware(
            [
              ...interactions,
              ...accountPages,
              ...selfServiceRoutes(consoleParts),
              ...consoleRoutes(consoleParts),
            ],
            { strict: false },
          ),
          oidc.engine,
        ]) as Middleware;
        built.mail.start();
        sweeping = setInterval(() => sweep(built), sweepEveryMs).unref();
        void sweep(built);
        stopSweepingEvents = keepSweeping(built.events, log);
        parts = built;
        const life = podLife;
        built.keySet.onChange(() => void life.tell().catch(() => {}));
        await life.tell();
        life.sweepKeys(oidc.keys);
        return built;
      } catch (error) {
        if (!(error instanceof Unavailable) || isClosing) throw error;
        log.warn({ reason: error.message }, 'Redis is away; answering 503 and trying again');
      }
    }
  }

  let building: Promise<Parts> | undefined;
  return {
    listen: () => server.listen(),
    ready() {
      building ??= untilBuilt();
      return building;
    },
    async drain() {
      isClosing = true;
      await server.drain();
      clock?.close();
      clearInterval(sweeping);
      stopSweepingEvents();
      await podLife?.close();
      await (parts?.close() ?? store.close());
    },
  };
}
