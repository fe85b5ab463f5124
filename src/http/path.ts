import type { Middleware } from 'koa';
import { Refusal } from '../errors.ts';

/** The path with `…` where an id stands in it. Such ids open something, so they are not for the log. */
export function withoutId(path: string): string {
  return path.replace(/^(\/(?:interaction|auth|device|doctor)\/)[^/]+/i, '$1…');
}

/**
 * The engine takes its paths in any case and with a slash at the end. Whatever goes by the path of a request
 * (the check of Origin, what a commit may answer) knows one spelling; so there is one.
 */
export function oneSpelling(): Middleware {
  return async (ctx, next) => {
    const fixed = withoutId(ctx.path);
    // Nothing of the engine's; and ids of accounts, clients and resources stand in these.
    if (ctx.path.startsWith('/admin/')) return next();
    if (fixed !== fixed.toLowerCase() || (fixed.endsWith('/') && fixed !== '/')) {
      throw new Refusal(404, 'not-found', { code: 'not_found' });
    }
    await next();
  };
}
