import type { Context } from 'koa';
import type { AccountFlows } from '../accounts/account-flows.ts';
import type { Account, Accounts } from '../accounts/accounts.ts';
import type { FactMethod } from '../accounts/factor-policy.ts';
import type { Factors, TotpEnrolment } from '../accounts/factors.ts';
import { usualMinimumLength as minimumLength } from '../accounts/new-password.ts';
import type { Csrf } from '../http/csrf.ts';
import { localeOf } from '../http/language.ts';
import type { Renderer } from '../http/render.ts';
import type { Reply } from '../http/route.ts';
import type { FormProblem, Views } from '../http/views.ts';
import type { Mails } from '../mail/mail.ts';
import type { PendingInteraction } from '../oidc/oidc.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { pageReply } from './page-reply.ts';
import type { SignInStep } from './sign-in.ts';

export type SignInPageParts = {
  renderer: Renderer;
  csrf: Csrf;
  accounts: Accounts;
  factors: Factors;
  flows: AccountFlows;
  mail: Mails;
  upstream: Upstream;
};

/** What a page that is shown again says of the try before it. */
export type Again<P> = { problem: P; status?: number; retryAfterSeconds?: number | undefined };

/** What a person mends by themselves needs no number to ask for help with. */
const formProblems: readonly string[] = ['form-expired', 'email-missing', 'password-missing', 'code-missing'];

function requestNumber(ctx: Context, again: { problem: string } | undefined) {
  if (!again || formProblems.includes(again.problem)) return {};
  return { requestId: String(ctx.state.requestId) };
}

export type LoginAgain = Again<NonNullable<Views['login']['problem']>> & { email: string; remember: boolean };
export type FactorAgain = Again<NonNullable<Views['second-factor']['problem']>>;
export type PasswordAgain = Again<FormProblem>;
export type EnrolAgain = Again<NonNullable<Views['enrol-factor']['problem']>> & { sealed?: string };

export type SignInPages = {
  /** The page of a step. @param how.choice the factor that the person wants to use; notice: a code of the query */
  show(
    ctx: Context,
    pending: PendingInteraction,
    step: SignInStep,
    how?: {
      choice?: string | undefined;
      notice?: string | undefined;
      again?: FactorAgain | EnrolAgain | PasswordAgain;
    },
  ): Promise<Reply>;
  showLogin(
    ctx: Context,
    pending: PendingInteraction,
    how?: { notice?: string | undefined; again?: LoginAgain },
  ): Promise<Reply>;
};

const signInNotices = [
  'link-by-sign-in',
  'no-account',
  'provider-refused',
  'provider-away',
  'start-again',
  'sign-in-here',
] as const;

function isSignInNotice(notice: string | undefined): notice is (typeof signInNotices)[number] {
  return signInNotices.some((one) => one === notice);
}

export function createSignInPages(parts: SignInPageParts): SignInPages {
  const { renderer, csrf, accounts, factors, flows, mail, upstream } = parts;

  /** What every page of a sign-in has. */
  const common = (pending: PendingInteraction) => ({
    base: `/interaction/${pending.uid}`,
    csrfToken: csrf.issue(pending.uid),
    client: pending.client,
    frame: { path: `/interaction/${pending.uid}` },
  });

  async function showLogin(
    ctx: Context,
    pending: PendingInteraction,
    { notice, again }: { notice?: string | undefined; again?: LoginAgain } = {},
  ): Promise<Reply> {
    const [known, passkey] = await Promise.all([
      pending.accountId ? accounts.find(pending.accountId) : undefined,
      factors.passkeys.beginSignIn(pending.uid),
    ]);
    const base = `/interaction/${pending.uid}`;
    const isAgain = known !== undefined;
    const html = renderer.page('login', localeOf(ctx, pending.uiLocales, known?.locale), {
      ...common(pending),
      email: known?.email ?? again?.email ?? pending.loginHint ?? '',
      ...(again ? { problem: again.problem } : {}),
      ...(again?.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: again.retryAfterSeconds }),
      ...requestNumber(ctx, again),
      ...(isSignInNotice(notice) ? { notice } : {}),
      reauthenticate: isAgain,
      mayRemember: true,
      remember: again?.remember ?? false,
      passkey: { options: JSON.stringify(passkey.options), sealed: passkey.sealed },
      providers: upstream.providers.map(({ id, name }) => ({ name, href: `${base}/upstream/${id}` })),
      ...(mail.isOn ? { forgotHref: `/forgot-password?interaction=${pending.uid}` } : {}),
      ...(mail.isOn && flows.register.isOpen && !isAgain
        ? { registerHref: `/register?interaction=${pending.uid}` }
        : {}),
    });
    return pageReply(again?.status ?? (again ? 400 : 200), html, pending, again?.retryAfterSeconds);
  }

  async function showFactor(
    ctx: Context,
    pending: PendingInteraction,
    { account, methods, mayTrust }: Extract<SignInStep, { step: 'factor' }>,
    how: { choice?: string | undefined; notice?: string | undefined; again?: FactorAgain },
  ): Promise<Reply> {
    const method = methods.find((one) => one === how.choice) ?? (methods[0] as FactMethod);
    const passkey =
      method === 'passkey' ? await factors.passkeys.beginVerification(account.id, pending.uid) : undefined;
    const { again } = how;
    const html = renderer.page('second-factor', localeOf(ctx, pending.uiLocales, account.locale), {
      ...common(pending),
      email: account.email,
      method: method as Views['second-factor']['method'],
      others: methods.filter((one) => one !== method) as Views['second-factor']['others'],
      ...(again ? { problem: again.problem } : {}),
      ...(again?.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: again.retryAfterSeconds }),
      ...requestNumber(ctx, again),
      isSent: how.notice === 'code-sent' || (method === 'email-code' && again !== undefined),
      mayTrust,
      ...(passkey ? { passkey: { options: JSON.stringify(passkey.options), sealed: passkey.sealed } } : {}),
    });
    return pageReply(again?.status ?? (again ? 400 : 200), html, pending, again?.retryAfterSeconds);
  }

  async function showEnrol(
    ctx: Context,
    pending: PendingInteraction,
    { account, kinds }: Extract<SignInStep, { step: 'enrol' }>,
    how: { choice?: string | undefined; again?: EnrolAgain },
  ): Promise<Reply> {
    const kind = kinds.find((one) => one === how.choice) ?? kinds[0] ?? 'passkey';
    const { again } = how;
    const html = renderer.page('enrol-factor', localeOf(ctx, pending.uiLocales, account.locale), {
      ...common(pending),
      email: account.email,
      kind,
      others: kinds.filter((one) => one !== kind),
      ...(again ? { problem: again.problem } : {}),
      ...(kind === 'totp' ? { totp: enrolment(account, again?.sealed) } : {}),
      ...(kind === 'passkey' ? { passkey: await registration(account, pending.uid) } : {}),
    });
    return pageReply(again?.status ?? (again ? 400 : 200), html, pending);
  }

  function enrolment(account: Account, sealed: string | undefined): TotpEnrolment {
    const { totp } = factors;
    const before = sealed === undefined ? undefined : totp.resume(account.id, account.email, sealed);
    return before ?? totp.begin(account.id, account.email);
  }

  async function registration(account: Account, context: string) {
    const { options, sealed } = await factors.passkeys.beginRegistration(account.id, context, {
      userName: account.email,
      displayName: account.name ?? account.email,
    });
    return { options: JSON.stringify(options), sealed };
  }

  function showNewPassword(
    ctx: Context,
    pending: PendingInteraction,
    { email, locale }: Account,
    { again }: { again?: PasswordAgain },
  ): Reply {
    const html = renderer.page('new-password', localeOf(ctx, pending.uiLocales, locale), {
      ...common(pending),
      ...{ email, minimumLength, problems: again ? [again.problem] : [] },
    });
    return pageReply(again?.status ?? (again ? 400 : 200), html, pending, again?.retryAfterSeconds);
  }

  return {
    showLogin,
    async show(ctx, pending, step, how = {}) {
      switch (step.step) {
        case 'login':
          return showLogin(ctx, pending, { notice: how.notice });
        case 'factor':
          return showFactor(ctx, pending, step, how as { again?: FactorAgain });
        case 'enrol':
          return showEnrol(ctx, pending, step, how as { again?: EnrolAgain });
        case 'recovery-codes': {
          const locale = localeOf(ctx, pending.uiLocales, step.account.locale);
          const { codes } = step;
          return pageReply(
            200,
            renderer.page('new-recovery-codes', locale, { ...common(pending), codes }),
            pending,
          );
        }
        case 'new-password':
          return showNewPassword(ctx, pending, step.account, how as { again?: PasswordAgain });
        case 'terms': {
          const locale = localeOf(ctx, pending.uiLocales, step.account.locale);
          const { terms } = step;
          return pageReply(200, renderer.page('terms', locale, { ...common(pending), terms }), pending);
        }
        case 'done':
          throw new Error('a sign-in that is done has no page');
      }
    },
  };
}
