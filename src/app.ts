/**
 * The only place where Holdfast is put together: makes every module, hands each what it needs, and collects
 * their routes. It decides nothing else.
 */
import { fileURLToPath } from 'node:url';
import type { Middleware } from 'koa';
import compose from 'koa-compose';
import { nameBrowser } from './accounts/browser-label.ts';
import { type AccountParts, buildAccounts } from './app-accounts.ts';
import type { Config } from './config.ts';
import { Unavailable } from './errors.ts';
import { loadAssets } from './http/assets.ts';
import { createCsrf } from './http/csrf.ts';
import { languageRoute } from './http/language-route.ts';
import { createRenderer, type Renderer } from './http/render.ts';
import { routesMiddleware } from './http/route.ts';
import { podHeaders } from './http/security-headers.ts';
import { createServer } from './http/server.ts';
import { accountPageRoutes } from './interactions/account-pages.ts';
import { createEnginePages } from './interactions/engine-pages.ts';
import { homeRoutes } from './interactions/home.ts';
import { interactionRoutes } from './interactions/interactions.ts';
import { mailsPath } from './interactions/local-mails.ts';
import { browserCookies } from './interactions/sign-in-cookies.ts';
import { createSignInNotices } from './interactions/sign-in-notices.ts';
import type { Log } from './log.ts';
import { createOidc, type Oidc, oidcSecrets } from './oidc/oidc.ts';
import { type ClockWatch, watchClock } from './redis/clock-watch.ts';
import { CannotOpen, openKeyRing } from './redis/key-ring.ts';
import { openStore, type Store } from './redis/redis.ts';
import type { RedisTarget } from './redis/redis-url.ts';
import { checkRedis } from './redis/start-up-check.ts';
import { createVault } from './redis/vault.ts';
import type { Sealer } from './self-service/return-path.ts';
import { finishLinking, selfServiceRoutes } from './self-service/self-service.ts';

const sweepEveryMs = 60_000;

const views = fileURLToPath(new URL('../views/', import.meta.url));

/** The parts without a server: what the command line and the seeding of local mode work with. */
export type Parts = AccountParts & {
  clients: Oidc['clients'];
  checkClient: Oidc['checkClient'];
  oidc: Oidc;
  store: Store;
  csrfKey: Buffer;
  /** For what a browser keeps for us. */
  sealer: Sealer;
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
  config: Config,
  store: Store,
  log: Log,
  { renderer }: Pages,
  demandClock: () => void,
): Promise<Parts> {
  const checked = await checkRedis(
    store.handle.client,
    { eviction: config.redis.allowEviction, noAppendOnly: config.redis.allowNoAppendOnly },
    config.durability,
  );
  if (!checked.ok) throw new CannotStart(checked.faults);
  for (const warning of checked.warnings) log.warn(warning);

  const vault = createVault(config.vaultKeys);
  const ring = await openKeyRing(store, vault, oidcSecrets).catch((error: unknown) => {
    throw error instanceof CannotOpen ? new CannotStart([error.message]) : error;
  });
  const people = buildAccounts({ config, store, ring, log }, [(id) => oidc.signedIn.endAll(id)]);
  const { accounts } = people;
  const oidc: Oidc = createOidc({
    config,
    store,
    ring,
    accounts,
    pages: createEnginePages(renderer, accounts),
    labelBrowser: nameBrowser,
    demandClock,
    headers: podHeaders(config),
    log,
  });
  return {
    ...people,
    clients: oidc.clients,
    checkClient: oidc.checkClient,
    oidc,
    store,
    csrfKey: ring.key('csrf').export(),
    sealer: ring,
    async close() {
      await people.close();
      await store.close();
    },
  };
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
  let sweeping: NodeJS.Timeout | undefined;
  let isClosing = false;

  /** Finishes what pods that were killed have left. Each pod does; it is the same work for all. */
  async function sweep({ flows }: Parts): Promise<void> {
    try {
      await flows.deleteAccount.sweep();
    } catch (error) {
      if (!(error instanceof Unavailable)) log.error({ err: error }, 'sweeping failed');
    }
  }

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
          isHttps,
        });
        const accountPages = accountPageRoutes({
          ...built,
          interactions: oidc.interactions,
          renderer: pages.renderer,
          csrf: createCsrf(built.csrfKey),
          config,
          showsMails: config.mail.areShown,
        });
        provider = compose([
          oidc.published.middleware,
          oidc.commitRequest,
          routesMiddleware([...interactions, ...accountPages, ...selfServiceRoutes(consoleParts)], {
            strict: false,
          }),
          oidc.engine,
        ]) as Middleware;
        built.mail.start();
        sweeping = setInterval(() => sweep(built), sweepEveryMs).unref();
        parts = built;
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
      await (parts?.close() ?? store.close());
    },
  };
}
