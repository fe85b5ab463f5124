import type { Middleware } from 'koa';
import type { Config } from '../config.ts';

/**
 * The one place for Host and X-Forwarded-*. The engine makes its URLs, and the audiences that it accepts, from
 * the request; so every request says what the issuer says, whatever it came with.
 */
export function pinHost(config: Config): Middleware {
  const issuer = new URL(config.issuer);
  const allowed = new Set([issuer.host, ...config.extraHosts]);
  return async (ctx, next) => {
    const given = ctx.req.headers.host?.toLowerCase() ?? '';
    if (!allowed.has(given)) {
      ctx.status = 421;
      ctx.body = `This is ${config.issuer}; a request for another host cannot be answered here.\n`;
      return;
    }
    delete ctx.req.headers.forwarded;
    ctx.req.headers.host = issuer.host;
    ctx.req.headers['x-forwarded-host'] = issuer.host;
    ctx.req.headers['x-forwarded-proto'] = issuer.protocol.slice(0, -1);
    await next();
  };
}
