import type { IncomingMessage } from 'node:http';
import type { Context, Middleware } from 'koa';
import type { Config } from '../config.ts';
import { Refusal } from '../errors.ts';

/**
 * Brings `GET http://id.example/path` into the form `GET /path`, which everything else expects, before anything
 * looks at the path. The host in such a target counts, and Host does not (RFC 9112 3.2.2). Koa, and the engine
 * with it, would make URLs from it before any header.
 */
export function splitTarget(ctx: Context): void {
  const { url = '', headersDistinct } = ctx.req;
  if (url.startsWith('/') || url === '*') return;
  const target = URL.parse(url);
  if (headersDistinct.host) headersDistinct.host[0] = target?.host ?? '';
  ctx.url = target ? `${target.pathname}${target.search}` : '/';
  ctx.originalUrl = ctx.url;
  ctx.request.originalUrl = ctx.url;
}

/** Tells whether a request names this provider, once, as its host. */
export function hostCheck(
  config: Pick<Config, 'issuer' | 'extraHosts'>,
): (request: IncomingMessage) => boolean {
  const allowed = new Set([new URL(config.issuer).host, ...config.extraHosts]);
  return ({ headersDistinct: { host } }) => host?.length === 1 && allowed.has(host[0]?.toLowerCase() ?? '');
}

/**
 * The one place for Host and X-Forwarded-*. The engine makes its URLs, and the audiences that it accepts, from
 * the request; so every request says what the issuer says, whatever it came with.
 */
export function pinHost(
  config: Pick<Config, 'issuer'>,
  isForUs: (request: IncomingMessage) => boolean,
): Middleware {
  const issuer = new URL(config.issuer);
  return async (ctx, next) => {
    const { headers, headersDistinct } = ctx.req;
    // RFC 9112 3.2
    if (headersDistinct.host?.length !== 1) {
      throw new Refusal(400, 'bad-request', { description: 'the request must name its host, once' });
    }
    if (!isForUs(ctx.req)) {
      ctx.status = 421;
      ctx.body = `This is ${config.issuer}; a request for another host cannot be answered here.\n`;
      return;
    }
    delete headers.forwarded;
    headers.host = issuer.host;
    headers['x-forwarded-host'] = issuer.host;
    headers['x-forwarded-proto'] = issuer.protocol.slice(0, -1);
    headers['x-forwarded-for'] = ctx.ip;
    await next();
  };
}
