/** Owns the proof that a POST comes from a page of ours, opened in the session for which it acts. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context } from 'koa';
import getRawBody from 'raw-body';

const formLimit = '4kb';

/**
 * Whether the browser says that our own page sent the form. Pages here have `Referrer-Policy: no-referrer`, for
 * which browsers send `Origin: null`; then Sec-Fetch-Site has to say it.
 */
export function isFromOurPage(ctx: Context, publicOrigin: string): boolean {
  const origin = ctx.get('origin');
  const site = ctx.get('sec-fetch-site');
  if (site !== '' && site !== 'same-origin') return false;
  return origin === publicOrigin || ((origin === '' || origin === 'null') && site === 'same-origin');
}

/** The form's CSRF token, or undefined when the body is no small form. */
export async function readFormToken(ctx: Context): Promise<string | undefined> {
  if (!ctx.is('application/x-www-form-urlencoded')) return undefined;
  try {
    const body = await getRawBody(ctx.req, {
      encoding: 'utf-8',
      length: ctx.request.length,
      limit: formLimit,
    });
    return new URLSearchParams(body).get('csrf') ?? undefined;
  } catch {
    return undefined;
  }
}

export function isSameToken(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
