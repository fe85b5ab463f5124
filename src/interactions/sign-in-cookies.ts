import type { Context } from 'koa';
import type { Account } from '../accounts/accounts.ts';
import type { Factors } from '../accounts/factors.ts';
import type { KnownBrowsers } from '../accounts/known-browsers.ts';
import { nowMs } from '../clock.ts';

/** The cookies by which an account knows and trusts a browser; one of each for each account that signed in there. */
export type BrowserCookies = {
  /** The id of the browser, where the account knows it. */
  known(ctx: Context, account: Account): string | undefined;
  /** Whether it has signed anybody in before; says nothing about whom. */
  hasKnown(ctx: Context): boolean;
  giveKnown(account: Account): NewCookie;
  /** Not checked yet. */
  trusted(ctx: Context, accountId: string): string | undefined;
  giveTrusted(accountId: string, trusted: { cookie: string; expiresAt: number }): NewCookie;
};

export type NewCookie = { name: string; value: string; maxAgeSeconds: number };

const knownSeconds = 400 * 24 * 60 * 60;

export function browserCookies(parts: {
  knownBrowsers: KnownBrowsers;
  factors: Factors;
  isHttps: boolean;
}): BrowserCookies {
  const { knownBrowsers, factors, isHttps } = parts;
  const prefix = isHttps ? '__Host-' : '';
  const knownPrefix = `${prefix}holdfast_known_`;
  const knownName = (accountId: string) => `${knownPrefix}${knownBrowsers.cookieSuffix(accountId)}`;
  const trustedName = (accountId: string) =>
    `${prefix}holdfast_trusted_${factors.browsers.cookieSuffix(accountId)}`;
  const read = (ctx: Context, name: string) => ctx.cookies.get(name, { signed: false });

  return {
    known: (ctx, { id, epoch }) => knownBrowsers.idOf(id, epoch, read(ctx, knownName(id))),
    hasKnown: (ctx) => ctx.get('cookie').includes(knownPrefix),
    giveKnown: ({ id, epoch }) => ({
      name: knownName(id),
      value: knownBrowsers.issue(id, epoch),
      maxAgeSeconds: knownSeconds,
    }),
    trusted: (ctx, accountId) => read(ctx, trustedName(accountId)),
    giveTrusted: (accountId, { cookie, expiresAt }) => ({
      name: trustedName(accountId),
      value: cookie,
      maxAgeSeconds: Math.max(1, Math.floor((expiresAt - nowMs()) / 1000)),
    }),
  };
}
