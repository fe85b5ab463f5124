/**
 * The HTTP side of a pod: one server, and the order in which a request passes through this module. Owns what is
 * the same for all requests; does not own what a route answers (the modules that have routes), nor the engine.
 */
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import Koa, { type Middleware } from 'koa';
import type { Config } from '../config.ts';
import { Refusal } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Assets } from './assets.ts';
import { limitBody } from './body.ts';
import { clientAddress } from './client-address.ts';
import { createDrain } from './drain.ts';
import { createErrorReply, type ErrorReply } from './error-reply.ts';
import { hostCheck, pinHost, splitTarget } from './host.ts';
import { answerProbes, type Probes } from './ops-routes.ts';
import { checkOriginAt } from './origin.ts';
import { answerParserErrors } from './parser-errors.ts';
import { oneSpelling } from './path.ts';
import type { Renderer } from './render.ts';
import { beginLogLine, newRequestId } from './request-log.ts';
import { type Route, routesMiddleware } from './route.ts';
import { securityHeaders } from './security-headers.ts';

export type HttpServer = {
  app: Koa;
  listen(): Promise<{ port: number }>;
  /** Unready, then no new connections; what is in flight is finished. */
  drain(): Promise<void>;
};

/** How long a client may take to send the head of a request, and all of it. */
const defaultTimeouts = { headMs: 20_000, requestMs: 30_000 };

export function createServer(parts: {
  config: Pick<Config, 'issuer' | 'extraHosts' | 'pod' | 'proxyHops' | 'bind' | 'port' | 'drain'>;
  log: Log;
  renderer: Renderer;
  assets: Assets;
  routes: Route[];
  /**
   * Answers some requests at once, ahead of everything here but the check of Host, and without a line in the log.
   * @returns false for all others
   */
  ahead(request: IncomingMessage, response: ServerResponse): boolean;
  /** Answers what no route does. It gets the request with its body unread. */
  engine: Middleware[];
  /** Paths of the engine that take forms of our pages. */
  originCheckedPaths: string[];
  /** Answers errors at paths that have a way of their own for them; undefined for all others. */
  errorReplyAt?(path: string): ErrorReply | undefined;
  strict: boolean;
  probes: Probes;
  /** Around the answering of each request; it calls `work` at once. */
  around?: ((request: IncomingMessage, response: ServerResponse, work: () => void) => void) | undefined;
  timeouts?: { headMs: number; requestMs: number };
}): HttpServer {
  const { config, log, probes } = parts;
  const timeouts = parts.timeouts ?? defaultTimeouts;
  const app = new Koa();
  // Koa then goes by X-Forwarded-Host and -Proto, which pinHost sets.
  app.proxy = true;
  app.on('error', (error: NodeJS.ErrnoException) => {
    const isGone = error.code === 'ECONNRESET' || error.code === 'EPIPE';
    log[isGone ? 'debug' : 'error']({ err: error }, 'an answer was not sent');
  });

  const server = createHttpServer(
    {
      // Longer than a balancer keeps its connections, so that it is never ours to close one that is in use.
      keepAliveTimeout: 75_000,
      headersTimeout: timeouts.headMs,
      requestTimeout: timeouts.requestMs,
      connectionsCheckingInterval: Math.min(5000, timeouts.headMs / 4),
      maxHeaderSize: 32 * 1024,
      // pinHost does, with an answer like any other.
      requireHostHeader: false,
    },
    receive,
  );
  answerParserErrors(server, log);
  const drain = createDrain(server, config.drain);
  const usualReply = createErrorReply(parts.renderer, log);
  const replyWithError: ErrorReply = (ctx, error) =>
    (parts.errorReplyAt?.(ctx.path) ?? usualReply)(ctx, error);
  const isForUs = hostCheck(config);

  function receive(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('x-request-id', newRequestId());
    if (drain.hasBegun()) response.setHeader('connection', 'close');
    if (parts.around) parts.around(request, response, () => answer(request, response));
    else answer(request, response);
  }

  function answer(request: IncomingMessage, response: ServerResponse): void {
    if (isForUs(request) && parts.ahead(request, response)) return;
    void throughKoa(request, response);
  }

  app.use(async (ctx, next) => {
    splitTarget(ctx);
    ctx.request.ip = clientAddress(ctx.req, config.proxyHops);
    ctx.state.requestId = ctx.res.getHeader('x-request-id');
    ctx.state.replyWithError = replyWithError;
    await next();
    // The drain may have begun meanwhile.
    if (drain.hasBegun()) ctx.set('connection', 'close');
  });
  app.use(securityHeaders(config));
  app.use(answerProbes({ ...probes, isReady: () => probes.isReady() && !drain.hasBegun() }));
  app.use(async (ctx, next) => {
    const writeLine = beginLogLine(log, ctx, config.proxyHops);
    try {
      await next();
      if (ctx.status === 404 && !ctx.body) throw new Refusal(404, 'not-found', { code: 'not_found' });
    } catch (error) {
      replyWithError(ctx, error);
    }
    writeLine();
  });
  app.use(pinHost(config, isForUs));
  app.use(oneSpelling());
  app.use(limitBody());
  app.use(answerAssets(parts.assets));
  app.use(checkOriginAt(parts.originCheckedPaths));
  app.use(routesMiddleware(parts.routes, { strict: parts.strict }));
  for (const middleware of parts.engine) app.use(middleware);
  const throughKoa = app.callback();

  return {
    app,
    async listen() {
      server.listen(config.port, config.bind);
      await once(server, 'listening');
      const address = server.address();
      return { port: typeof address === 'object' && address ? address.port : config.port };
    },
    drain: () => drain.run(),
  };
}

function answerAssets(assets: Assets): Middleware {
  return async (ctx, next) => {
    const asset = assets.find(ctx.path);
    if (!asset) return next();
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') {
      ctx.set('allow', 'GET, HEAD');
      throw new Refusal(405, 'bad-request', { description: `this address does not take ${ctx.method}` });
    }
    ctx.set({
      etag: asset.etag,
      'cache-control': asset.cacheControl,
      'cross-origin-resource-policy': 'same-origin',
    });
    ctx.type = asset.type;
    ctx.status = 200;
    if (ctx.fresh) ctx.status = 304;
    else ctx.body = asset.body;
  };
}
