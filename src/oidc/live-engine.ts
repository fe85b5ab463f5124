import type { Context, Middleware } from 'koa';
import compose from 'koa-compose';
import type { Provider } from 'oidc-provider';
import type { Log } from '../log.ts';
import type { PublishedDocument } from './published.ts';

/** One made of the engine, with what belongs to it alone. */
export type Engine = {
  provider: Provider;
  middleware: Middleware;
  /** What it answers the same to everybody, by path; see published.ts. */
  documents: Map<string, PublishedDocument>;
  keySetVersion: number;
};

/**
 * The engine takes its keys and the names of its claims when it is made, and cannot be given others. So another
 * takes its place while the pod runs: it answers the requests that begin from then on, and those under way are
 * finished by the one that they began with. Nothing of a request is kept in an engine; to make one takes
 * milliseconds.
 */
export type LiveEngine = {
  current(): Engine;
  /** The one that answers this request, from its first step to its last. */
  of(ctx: Context): Engine;
  /** Makes another of what holds now. One that cannot be made leaves the one that there is. */
  renew(): void;
  middleware: Middleware;
};

export function createLiveEngine(parts: {
  make(): Provider;
  /** Of the set that `make` takes. */
  keySetVersion(): number;
  log: Log;
}): LiveEngine {
  const { make, keySetVersion, log } = parts;
  const inUse = new WeakMap<Context, Engine>();
  let current = begin();

  function begin(): Engine {
    const provider = make();
    return {
      provider,
      middleware: compose(provider.middleware) as unknown as Middleware,
      documents: new Map(),
      keySetVersion: keySetVersion(),
    };
  }

  function of(ctx: Context): Engine {
    let engine = inUse.get(ctx);
    if (!engine) {
      engine = current;
      inUse.set(ctx, engine);
    }
    return engine;
  }

  return {
    current: () => current,
    of,
    renew() {
      try {
        current = begin();
        log.info({ keySetVersion: current.keySetVersion }, 'the engine was made anew');
      } catch (error) {
        log.error({ err: error }, 'the engine could not be made anew; it goes on as it was');
      }
    },
    middleware: (ctx, next) => of(ctx).middleware(ctx, next),
  };
}
