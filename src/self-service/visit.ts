import type { Context } from 'koa';
import type { Account, Accounts } from '../accounts/accounts.ts';
import type { Factors } from '../accounts/factors.ts';
import { meetsAcr, twoFactors } from '../acr.ts';
import { nowMs } from '../clock.ts';
import type { AccountPage, AccountSection, AccountViews, Moment } from '../http/account-views.ts';
import type { Csrf } from '../http/csrf.ts';
import { localeOf } from '../http/language.ts';
import type { Renderer } from '../http/render.ts';
import type { ReturnPath } from '../http/return-path.ts';
import type { Reply } from '../http/route.ts';
import type { Views } from '../http/views.ts';
import { formatDateTime, formatRelative, type Locale } from '../locale.ts';
import type { BrowserSession, SignedIn } from '../oidc/oidc.ts';
import { type SignInWish, signInPath } from '../oidc/own-pages.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** Somebody who is signed in and looks at a page, or sends a form of it. `page` is its path. */
export type Visit = {
  ctx: Context;
  page: string;
  session: BrowserSession;
  account: Account;
  locale: Locale;
};

/** What a page says beside its data. */
export type Says = Partial<Pick<AccountPage, 'done' | 'problem' | 'waitSeconds'>> & { status?: number };

type ConsoleView = Exclude<keyof AccountViews, 'account-closed'>;

export type Visits = {
  /**
   * Goes on with whoever is signed in in this browser; anybody else signs in and comes back.
   * @param options.page the path to come back to
   * @param options.isSensitive only for who has signed in lately, and as strongly as the account can
   */
  open(
    ctx: Context,
    options: { page: string; isSensitive?: boolean | ((account: Account) => boolean) },
    goOn: (visit: Visit) => Promise<Reply>,
  ): Promise<Reply>;
  isOwnForm(visit: Visit, token: string): boolean;
  show<V extends ConsoleView>(
    visit: Visit,
    view: V,
    section: AccountSection,
    data: Omit<AccountViews[V], keyof AccountPage>,
    says?: Says,
  ): Reply;
};

export type VisitParts = {
  issuer: string;
  signedIn: SignedIn;
  accounts: Accounts;
  factors: Factors;
  upstream: Upstream;
  renderer: Renderer;
  csrf: Csrf;
  returnPath: ReturnPath;
};

const freshMs = 10 * 60_000;

export function createVisits(parts: VisitParts): Visits {
  const { issuer, signedIn, accounts, factors, upstream, renderer, csrf, returnPath } = parts;

  const bindingOf = ({ session }: Visit) => `account:${session.uid}`;

  /** What a sign-in lacks for a sensitive act; undefined when it will do. */
  async function lacks({ session }: Visit): Promise<Partial<SignInWish> | undefined> {
    const seconds = (await factors.list(session.accountId)).filter(({ kind }) => kind !== 'recovery-codes');
    const isRecent = nowMs() - session.signedInAt <= freshMs;
    // One that was set up since this sign-in cannot have been asked for, and whoever set it up signed in freshly.
    const isStrong =
      meetsAcr(session.acr, twoFactors) || seconds.every(({ createdAt }) => createdAt >= session.signedInAt);
    if (isRecent && isStrong) return undefined;
    return {
      // Less than what is asked for here, so that the two never disagree by a second.
      ...(isRecent ? {} : { maxAgeSeconds: freshMs / 2000 }),
      ...(seconds.length > 0 ? { acrValues: twoFactors } : {}),
    };
  }

  function signIn(ctx: Context, page: string, wish: Partial<SignInWish>): Reply {
    return { redirect: signInPath(issuer, { ...wish, state: returnPath.seal(withNote(ctx, page)) }) };
  }

  /** A form that came too late is not kept: the page says so, and what it was for. */
  function withNote(ctx: Context, page: string): string {
    return ctx.method === 'POST' ? `${page}${page.includes('?') ? '&' : '?'}problem=confirm-again` : page;
  }

  return {
    async open(ctx, { page, isSensitive = false }, goOn) {
      const session = await signedIn.current(ctx);
      const account = session && (await accounts.find(session.accountId));
      // One without its second factor is good for the client that did not ask for it.
      const isEnough = session !== undefined && !session.isWaived;
      if (!isEnough || account?.status !== 'active') return signIn(ctx, page, {});
      const locale = localeOf(ctx, undefined, account.locale);
      const visit = { ctx, page, session, account, locale };
      const asksMore = typeof isSensitive === 'function' ? isSensitive(account) : isSensitive;
      const lacking = asksMore ? await lacks(visit) : undefined;
      if (lacking) {
        return signIn(ctx, page, { ...lacking, loginHint: account.email, uiLocales: locale });
      }
      return goOn(visit);
    },

    isOwnForm: (visit, token) => csrf.check(token, bindingOf(visit)),

    show(visit, view, section, data, { status = 200, ...says } = {}) {
      const { account, locale, page } = visit;
      const common: AccountPage = {
        frame: { path: page },
        section,
        csrfToken: csrf.issue(bindingOf(visit)),
        person: { email: account.email, ...(account.name ? { name: account.name } : {}) },
        hasProviders: upstream.providers.length > 0,
        ...says,
      };
      const whole = { ...common, ...data } as unknown as Views[typeof view];
      const { waitSeconds } = says;
      return {
        status,
        html: renderer.page(view, locale, whole),
        ...(waitSeconds === undefined ? {} : { retryAfterSeconds: waitSeconds }),
      };
    },
  };
}

export function momentOf({ locale, account }: Pick<Visit, 'locale' | 'account'>, ms: number): Moment {
  return {
    iso: new Date(ms).toISOString(),
    text: formatDateTime(locale, ms, account.zoneinfo),
    ago: formatRelative(locale, ms),
  };
}
