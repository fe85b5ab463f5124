import type { Context } from 'koa';
import { chooseLocale, type Locale } from '../locale.ts';

/** Where the choice of the switcher is kept. The prefix binds it to this host and to https. */
export function languageCookie(ctx: Context): string {
  return ctx.secure ? '__Host-holdfast_language' : 'holdfast_language';
}

/**
 * The language of a page: what the person chose in this browser, else what the application asks for
 * (`ui_locales`, Core 3.1.2.1), else what the account has chosen, else what the browser prefers. The switcher is
 * on the page itself and must have an effect there, so it goes before the application.
 */
export function localeOf(ctx: Context, uiLocales?: string, account?: string): Locale {
  const chosen = ctx.cookies.get(languageCookie(ctx), { signed: false });
  return chooseLocale({
    uiLocales: [chosen, uiLocales].filter(Boolean).join(' '),
    account,
    acceptLanguage: ctx.get('accept-language'),
  });
}
