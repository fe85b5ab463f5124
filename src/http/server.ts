import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import Koa, { type Middleware } from 'koa';
import type { Config } from '../config.ts';
import { Refusal } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Assets } from './assets.ts';
import { clientAddress } from './client-address.ts';
import { createErrorReply } from './error-reply.ts';
import { pinHost } from './host.ts';
import { answerProbes, type Probes } from './ops-routes.ts';
import { checkOrigin } from './origin.ts';
import type { Renderer } from './render.ts';
import { localeOf, type Route, routesMiddleware } from './route.ts';
import { securityHeaders } from './security-headers.ts';

export type HttpServer = {
  app: Koa;
  listen(): Promise<{ port: number }>;
  /** Unready, then no new connections; what is in flight is finished. */
  drain(): Promise<void>;
};

export function createServer(parts: {
  config: Config;
  log: Log;
  renderer: Renderer;
  assets: Assets;
  routes: Route[];
  /** Answers some requests at once, ahead of everything here. @returns false for all others */
  ahead(request: IncomingMessage, response: ServerResponse): boolean;
  engine: Middleware[];
  originCheckedPaths: string[];
  strict: boolean;
  probes: Probes;
}): HttpServer {
  const { config, log, probes } = parts;
  const app = new Koa();
  app.proxy = true;
  let isDraining = false;
  const replyWithError = createErrorReply({ renderer: parts.renderer, log, localeOf });

  app.use(answerProbes({ ...probes, isReady: () => probes.isReady() && !isDraining }));
  app.use(async (ctx, next) => {
    const started = performance.now();
    ctx.state.requestId = randomBytes(16).toString('base64url');
    ctx.state.clientAddress = clientAddress(ctx.req, config.proxyHops);
    ctx.state.replyWithError = replyWithError;
    ctx.set('x-request-id', ctx.state.requestId);
    try {
      await next();
      if (ctx.status === 404 && !ctx.body) throw new Refusal(404, 'not-found', { code: 'not_found' });
    } catch (error) {
      replyWithError(ctx, error);
    }
    const { requestId } = ctx.state;
    log.info(
      {
        requestId,
        method: ctx.method,
        path: ctx.path.replace(/^(\/(?:interaction|auth|device)\/)[^/]+/, '$1…'),
        status: ctx.status,
        ms: Math.round(performance.now() - started),
      },
      'request',
    );
  });
  app.use(securityHeaders({ issuer: config.issuer, pod: config.pod }));
  app.use(pinHost(config));
  app.use(async (ctx, next) => {
    const asset = ctx.method === 'GET' || ctx.method === 'HEAD' ? parts.assets.find(ctx.path) : undefined;
    if (!asset) return next();
    ctx.set({ etag: asset.etag, 'cache-control': asset.cacheControl });
    ctx.type = asset.type;
    ctx.status = 200;
    if (ctx.fresh) ctx.status = 304;
    else ctx.body = asset.body;
  });
  app.use(async (ctx, next) => {
    if (ctx.method === 'POST' && parts.originCheckedPaths.includes(ctx.path)) checkOrigin(ctx);
    await next();
  });
  app.use(routesMiddleware(parts.routes, { strict: parts.strict }));
  for (const middleware of parts.engine) app.use(middleware);

  const handle = app.callback();
  const server: Server = createHttpServer(
    { keepAliveTimeout: 75_000, headersTimeout: 20_000, requestTimeout: 30_000, maxHeaderSize: 32 * 1024 },
    (request, response) => {
      if (isDraining) response.setHeader('connection', 'close');
      if (!parts.ahead(request, response)) void handle(request, response);
    },
  );
  return {
    app,
    async listen() {
      server.listen(config.port, config.bind);
      await once(server, 'listening');
      const address = server.address();
      return { port: typeof address === 'object' && address ? address.port : config.port };
    },
    async drain() {
      isDraining = true;
      if (!server.listening) return;
      // Whoever sends requests here learns only in a moment that this pod is unready. Until then it goes on
      // serving, and tells each connection to close, so that none is cut with a request on its way.
      await pause(config.drain.pauseMs);
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      const late = setTimeout(() => server.closeAllConnections(), config.drain.seconds * 1000);
      await closed;
      clearTimeout(late);
    },
  };
}
