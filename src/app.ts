/**
 * The only place where Holdfast is put together: makes every module (app-parts.ts), collects their routes
 * (app-requests.ts), and keeps a pod going from the first try to reach Redis until it has drained. It decides nothing
 * else.
 */
import type { Middleware } from 'koa';
import { isAdminApi, problemReply } from './admin/api/api.ts';
import { keepSweeping } from './app-events.ts';
import { observe } from './app-observed.ts';
import { buildParts, createPages, type Parts } from './app-parts.ts';
import { beginPodLife, type PodLife } from './app-pods.ts';
import { createReadings } from './app-readings.ts';
import { createReadiness } from './app-ready.ts';
import { buildRequests } from './app-requests.ts';
import type { Config } from './config.ts';
import { Unavailable } from './errors.ts';
import { languageRoute } from './http/language-route.ts';
import { type Probes, probeAnswers } from './http/ops-routes.ts';
import { createServer } from './http/server.ts';
import { homeRoutes } from './interactions/home.ts';
import { mailsPath } from './interactions/local-mails.ts';
import type { Log } from './log.ts';
import { watchEventLoop } from './metrics/event-loop.ts';
import { type ClockWatch, watchClock } from './redis/clock-watch.ts';
import { openStore } from './redis/redis.ts';
import type { RedisTarget } from './redis/redis-url.ts';

export { CannotStart, openParts, type Parts } from './app-parts.ts';

const sweepEveryMs = 60_000;

export type App = {
  /** Listens at once, and answers 503 until Redis was reached. @returns the ports in use */
  listen(): Promise<{ port: number; metricsPort: number | undefined }>;
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
  const eventLoop = watchEventLoop();
  let parts: Parts | undefined;
  let provider: Middleware | undefined;
  let clock: ClockWatch | undefined;
  let podLife: PodLife | undefined;
  let sweeping: NodeJS.Timeout | undefined;
  let stopSweepingEvents = () => {};
  let isClosing = false;

  const look = {
    eventLoop,
    isStarted: () => parts !== undefined,
    isClosing: () => isClosing,
    clock: () => clock,
    heard: () => podLife?.heard(),
    built: () => parts,
  };
  const unready = createReadiness({
    ...look,
    keySetVersion: () => parts?.oidc.keySetVersion() ?? 0,
    canSign: () => parts?.keySet.canSign() !== false,
  });
  const probes: Probes = { isStarted: look.isStarted, isReady: () => unready() === undefined };
  const observation = observe({
    config,
    read: () => readings(),
    probe: probeAnswers(probes),
    log,
  });
  const { observer } = observation;
  const store = openStore(config, target, log, observer);
  const readings = createReadings({ ...look, store, unready });

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
    probes,
    around: observation.around,
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
            isReady: probes.isReady(),
          }),
        });
        const built = await buildParts(config, store, log, pages, clock.demand, { observer });
        server.app.keys = built.oidc.cookieKeys as never;
        provider = buildRequests(built, pages.renderer, log);
        built.mail.start();
        sweeping = setInterval(() => sweep(built), sweepEveryMs).unref();
        void sweep(built);
        stopSweepingEvents = keepSweeping(built.events, log);
        parts = built;
        const life = podLife;
        built.keySet.onChange(() => void life.tell().catch(() => {}));
        await life.tell();
        life.sweepKeys(built.oidc.keys);
        return built;
      } catch (error) {
        if (!(error instanceof Unavailable) || isClosing) throw error;
        log.warn({ reason: error.message }, 'Redis is away; answering 503 and trying again');
      }
    }
  }

  let building: Promise<Parts> | undefined;
  return {
    async listen() {
      const { metricsPort } = await observation.start();
      return { ...(await server.listen()), metricsPort };
    },
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
      eventLoop.close();
      await observation.close();
    },
  };
}
