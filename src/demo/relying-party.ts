/**
 * The demo relying party, "Harbour Notes": a service as stateless as the ones that Holdfast is made for. Owns its
 * options and wiring. Knows the provider only over the wire, and shares no code with it. It keeps nothing
 * between two requests, so any instance with the same secrets can take any request of any browser.
 */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import Koa, { type Context } from 'koa';
import { createBrowserState } from './browser-state.ts';
import { createCookieJar } from './cookie-jar.ts';
import { listen, type RunningServer } from './http-server.ts';
import * as messages from './messages.ts';
import { findOutage } from './outage.ts';
import { serveAssets } from './page-files.ts';
import { pageHeaders } from './page-headers.ts';
import { loadPages, type Pages } from './pages.ts';
import { createProviderLink } from './provider-link.ts';
import { createRoutes } from './routes.ts';
import { createSealer } from './seal.ts';
import { createCookieStore, createRedisStore } from './state-store.ts';

export type RelyingPartyOptions = {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** Where to listen; the default is the loopback address. */
  host?: string;
  port: number;
  /** Where the browser finds it: an origin, without a path. */
  publicUrl: string;
  /** The protected API, and the resource indicator under which its tokens are asked for. */
  apiUrl: string;
  apiAudience: string;
  /** 32 bytes each, base64url. The first seals, all of them open. */
  cookieSecrets: string[];
  session: { mode: 'cookie' } | { mode: 'redis'; redis: Redis; keyPrefix: string };
  /** Shown to everyone on the home page: for a demonstration on one machine only. */
  signInHint?: { email: string; password: string };
  /** Where the proxy in front of the pods reports what it saw. */
  trailUrl?: string;
  /** Takes one line for each unexpected error; the default is standard error. */
  log?: (line: string) => void;
};

/** Starts the relying party. The provider need not be up. Throws when an option is wrong or the port is taken. */
export async function startRelyingParty(options: RelyingPartyOptions): Promise<RunningServer> {
  const {
    issuer,
    host = '127.0.0.1',
    port,
    session,
    log = (line) => process.stderr.write(`${line}\n`),
  } = options;
  const publicOrigin = originOf(options.publicUrl);
  const secure = publicOrigin.startsWith('https:');
  const sealer = createSealer(options.cookieSecrets);
  const store =
    session.mode === 'cookie'
      ? createCookieStore(sealer)
      : createRedisStore(sealer, session.redis, session.keyPrefix);
  const pages = loadPages(issuer);

  const router = createRoutes({
    link: createProviderLink(options),
    state: createBrowserState(createCookieJar(secure), store),
    pages,
    publicOrigin,
    api: { url: options.apiUrl.replace(/\/$/, ''), audience: options.apiAudience },
    keptIn: session.mode === 'cookie' ? 'in an encrypted cookie' : 'in Redis, encrypted',
    hint: options.signInHint ?? null,
    trailUrl: options.trailUrl,
  });

  const app = new Koa();
  app.on('error', (error: unknown) => log(`harbour-notes: a response broke off: ${nameOf(error)}`));
  app.use(pageHeaders(new URL(issuer).origin, secure));
  app.use(explainProblems(pages, log));
  app.use(serveAssets());
  app.use(router.routes());
  app.use(router.allowedMethods());
  return listen(app.callback(), host, port);
}

/** No path of ours ends in a stack trace or an empty page. */
function explainProblems(pages: Pages, log: (line: string) => void): Koa.Middleware {
  return async (ctx: Context, next) => {
    try {
      await next();
      if (ctx.status === 404 && ctx.body == null) pages.message(ctx, messages.notFound);
      if (ctx.status === 405 || ctx.status === 501) pages.message(ctx, messages.wrongMethod);
    } catch (error) {
      // What was set before the error belongs to a step that did not end.
      ctx.remove('Set-Cookie');
      pages.message(ctx, explain(error, log));
    }
  };
}

function explain(error: unknown, log: (line: string) => void): messages.Message {
  if (findOutage(error)?.party === 'store') return messages.storeUnreachable;
  if (error instanceof Koa.HttpError && error.status < 500) return messages.badRequest;
  const reference = randomBytes(4).toString('hex');
  log(`harbour-notes: unexpected error ${reference}: ${nameOf(error)}`);
  return messages.unexpected(reference);
}

/** An error's name and place, without its message, which may quote a token. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const place = error.stack?.split('\n').find((line) => line.trim().startsWith('at '));
  return `${error.name}${place === undefined ? '' : ` ${place.trim()}`}`;
}

function originOf(publicUrl: string): string {
  const { origin, pathname, search } = new URL(publicUrl);
  if (pathname !== '/' || search !== '') throw new Error('publicUrl is an origin, without a path');
  return origin;
}
