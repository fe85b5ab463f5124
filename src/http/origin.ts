import type { Context, Middleware } from 'koa';
import { Refusal } from '../errors.ts';

/**
 * A form of ours is sent from a page of ours. Browsers say where a POST comes from in Sec-Fetch-Site (to https
 * and loopback addresses alone) and in Origin, very old ones in Referer. Nobody else's page can set these.
 */
export function checkOrigin(ctx: Context): void {
  if (!isFromOwnPage(ctx)) {
    throw new Refusal(403, 'forbidden', {
      description: 'this form was not sent from a page of this provider',
    });
  }
}

/** The same for forms of the engine's. */
export function checkOriginAt(paths: string[]): Middleware {
  const checked = new Set(paths);
  return async (ctx, next) => {
    if (ctx.method === 'POST' && checked.has(ctx.path)) checkOrigin(ctx);
    await next();
  };
}

function isFromOwnPage(ctx: Context): boolean {
  // After the host was pinned, these are the issuer's.
  const own = `${ctx.protocol}://${ctx.host}`;
  const site = ctx.get('sec-fetch-site');
  const origin = ctx.get('origin');
  if (site !== '' && site !== 'same-origin') return false;
  if (origin !== '' && origin !== 'null') return origin === own;
  // An extension may have taken the origin away; the browser's own word remains.
  if (site !== '') return true;
  return origin === '' && URL.parse(ctx.get('referer'))?.origin === own;
}
