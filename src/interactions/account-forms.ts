import type { Context } from 'koa';
import { z } from 'zod';
import type { AccountFlows } from '../accounts/account-flows.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Activity } from '../accounts/activity.ts';
import type { PasswordProblem } from '../accounts/new-password.ts';
import type { Config } from '../config.ts';
import type { PeopleEvents } from '../events/events.ts';
import { type Browser, browserFor, requireBrowser } from '../http/browser-cookie.ts';
import type { Csrf } from '../http/csrf.ts';
import { passwordProblem } from '../http/password-problem.ts';
import type { Renderer } from '../http/render.ts';
import type { Reply } from '../http/route.ts';
import type { FormProblem } from '../http/views.ts';
import type { Mails } from '../mail/mail.ts';
import type { Interactions } from '../oidc/oidc.ts';

/** What the pages around accounts are made of, for people who are not signed in. */
export type AccountPageParts = {
  flows: AccountFlows;
  activity: Activity;
  people: PeopleEvents;
  accounts: Accounts;
  interactions: Interactions;
  mail: Mails;
  renderer: Renderer;
  csrf: Csrf;
  config: Pick<Config, 'registration'>;
  /** Whether /local/mails shows the mails, as nothing else does. */
  showsMails: boolean;
};

/** The fields of forms. What is longer than a person types is refused as a whole, before anything looks at it. */
export const fields = {
  csrf: z.string().max(256).default(''),
  token: z.string().max(256).default(''),
  text: z.string().max(2000).default(''),
  password: z.string().max(8192).default(''),
  interaction: z
    .string()
    .regex(/^[\w-]{1,64}$/)
    .or(z.literal(''))
    .default(''),
};

/** What a link of a mail carries. Programs that pass mails on add parameters of their own. */
export const linkQuery = z.object({
  token: z.string().max(256).optional(),
  /** Set where the browser should have kept the link. */
  kept: z.literal('yes').optional(),
});

/** The browser at a page, and the token of the form on it. */
export type Form = { browser: Browser; csrfToken: string };

export function createForms(csrf: Csrf) {
  const bindingOf = ({ secret }: Browser) => `account-pages:${secret}`;
  const formOf = (browser: Browser): Form => ({ browser, csrfToken: csrf.issue(bindingOf(browser)) });
  return {
    /** Where a form is shown to who may come for the first time. */
    show: (ctx: Context): Form => formOf(browserFor(ctx)),
    /** Where a form was sent. @throws Refusal when the browser sends no cookies */
    receive(ctx: Context, token: string): Form & { isOurs: boolean } {
      const browser = requireBrowser(ctx);
      return { ...formOf(browser), isOurs: csrf.check(token, bindingOf(browser)) };
    },
  };
}

/** What a form is answered with when the flow refused it. */
export type Refused = { problem: FormProblem; status: number; retryAfterSeconds?: number };

export function tooManyAttempts(retryAfterSeconds: number): Refused {
  return {
    problem: { code: 'too-many-attempts', waitSeconds: retryAfterSeconds },
    status: 429,
    retryAfterSeconds,
  };
}

export function refusedPassword(refused: PasswordProblem): Refused {
  return { problem: passwordProblem(refused), status: 400 };
}

/** A page with a form. Its browser keeps the cookie that the form belongs to. */
export function formReply(
  html: string,
  cookie: Browser['cookie'],
  refused?: { status?: number; retryAfterSeconds?: number },
): Reply {
  const { status = refused ? 400 : 200, retryAfterSeconds } = refused ?? {};
  return {
    status,
    html,
    cookies: [cookie],
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
}

export function isPasswordProblem(refused: { ok: false; problem: string }): refused is PasswordProblem {
  return ['password-too-short', 'password-too-long', 'password-weak'].includes(refused.problem);
}

export const busy: Refused = { problem: { code: 'busy' }, status: 503, retryAfterSeconds: 2 };
