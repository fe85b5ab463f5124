import type { Context } from 'koa';
import { Refusal } from '../errors.ts';
import { randomText } from '../random.ts';

/**
 * A secret of the browser, in a cookie, for pages that nobody has to be signed in for: their forms are bound to it,
 * and a link that this browser spent is still its own. It says nothing about whose browser it is, and opens
 * nothing by itself.
 */
export type Browser = {
  /** 256 bits, base64url. */
  secret: string;
  /** For the reply, so that the browser keeps it from now on. */
  cookie: { name: string; value: string; maxAgeSeconds: number };
};

/** From its last use; a link that is mailed lives at most a week. */
const lifetimeSeconds = 30 * 24 * 60 * 60;

/** The one that the browser has; undefined when it has none, or sends no cookies at all. */
export function knownBrowser(ctx: Context): Browser | undefined {
  const secret = ctx.cookies.get(nameOf(ctx), { signed: false });
  return secret !== undefined && /^[\w-]{43}$/.test(secret) ? asBrowser(ctx, secret) : undefined;
}

/** For a page with a form: the one that the browser has, else a new one. */
export function browserFor(ctx: Context): Browser {
  return knownBrowser(ctx) ?? asBrowser(ctx, randomText(32));
}

/** For what comes after such a page. @throws Refusal that tells of cookies when the browser has none */
export function requireBrowser(ctx: Context): Browser {
  const browser = knownBrowser(ctx);
  if (browser) return browser;
  throw new Refusal(400, 'cookies', { description: 'the browser did not send the cookie of this page' });
}

function asBrowser(ctx: Context, secret: string): Browser {
  return { secret, cookie: { name: nameOf(ctx), value: secret, maxAgeSeconds: lifetimeSeconds } };
}

function nameOf(ctx: Context): string {
  return ctx.secure ? '__Host-holdfast_browser' : 'holdfast_browser';
}
