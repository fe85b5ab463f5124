/**
 * The pages on which a person answers an authorization request: sign-in and consent. It owns their routes and
 * what they say; who a person is decides src/accounts, what becomes of the answer src/oidc.
 */
import type { Context } from 'koa';
import { z } from 'zod';
import type { Accounts, PasswordCheck } from '../accounts/accounts.ts';
import { oneFactor } from '../acr.ts';
import { Overloaded, Refusal } from '../errors.ts';
import type { Csrf } from '../http/csrf.ts';
import { localeOf } from '../http/language.ts';
import type { Renderer, Views } from '../http/render.ts';
import { type Reply, type Route, route } from '../http/route.ts';
import type { Interactions, PendingInteraction } from '../oidc/oidc.ts';

export type InteractionParts = {
  interactions: Interactions;
  accounts: Accounts;
  renderer: Renderer;
  csrf: Csrf;
};

const params = z.strictObject({ uid: z.string().regex(/^[\w-]{1,64}$/) });

const csrfToken = z.string().max(256);
const loginForm = z.strictObject({
  csrf: csrfToken,
  decision: z.enum(['sign-in', 'cancel']).default('sign-in'),
  email: z.string().max(320).default(''),
  password: z.string().max(4096).default(''),
  remember: z.literal('yes').optional(),
});
const consentForm = z.strictObject({ csrf: csrfToken, decision: z.enum(['allow', 'deny']) });

export function interactionRoutes(parts: InteractionParts): Route[] {
  const { interactions, accounts, renderer, csrf } = parts;

  return [
    route({
      method: 'GET',
      path: '/interaction/:uid',
      params,
      statuses: [200, 303, 400],
      async handle({ params: { uid }, raw }) {
        return withPending(raw, uid, { toAnswer: false }, (pending) =>
          pending.prompt === 'login' ? showLogin(raw, pending) : showConsent(raw, pending),
        );
      },
    }),

    route({
      method: 'POST',
      path: '/interaction/:uid/login',
      params,
      body: loginForm,
      statuses: [303, 400, 403, 503],
      async handle({ params: { uid }, body, raw }) {
        const email = body.email.trim();
        const isOurForm = csrf.check(body.csrf, uid);
        const isComplete = isOurForm && email !== '' && body.password !== '' && body.decision === 'sign-in';
        // The account is looked up beside the interaction.
        const attempt = isComplete ? accounts.attempt(email) : undefined;
        return withPending(raw, uid, { toAnswer: true }, async (pending) => {
          if (pending.prompt !== 'login') return { redirect: `/interaction/${uid}` };
          const again = (problem: Views['login']['problem'], status = 400) =>
            showLogin(raw, pending, { email, remember: body.remember === 'yes', problem, status });

          if (!isOurForm) return again('form-expired');
          if (body.decision === 'cancel') {
            await interactions.abort(raw, pending);
            return { asIs: true };
          }
          if (!attempt) return again(email === '' ? 'email-missing' : 'password-missing');
          const checked = await unlessBusy(attempt.checkPassword(body.password));
          if (checked === 'busy') return { ...(await again('busy', 503)), retryAfterSeconds: 2 };
          if (!checked.ok) return again('wrong-credentials');
          const remember = body.remember === 'yes';
          const { id: accountId, epoch } = checked.account;
          const login = { accountId, epoch, amr: ['pwd'], acr: oneFactor, isTrusted: false, remember };
          await interactions.login(raw, pending, login);
          return { asIs: true };
        });
      },
    }),

    route({
      method: 'POST',
      path: '/interaction/:uid/consent',
      params,
      body: consentForm,
      statuses: [303, 400, 403],
      async handle({ params: { uid }, body, raw }) {
        return withPending(raw, uid, { toAnswer: true }, async (pending) => {
          if (pending.prompt !== 'consent') return { redirect: `/interaction/${uid}` };
          if (!csrf.check(body.csrf, uid)) return showConsent(raw, pending);
          const answer = body.decision === 'allow' ? interactions.approve : interactions.abort;
          await answer(raw, pending);
          return { asIs: true };
        });
      },
    }),
  ];

  async function withPending(
    ctx: Context,
    uid: string,
    options: { toAnswer: boolean },
    answer: (pending: PendingInteraction) => Promise<Reply>,
  ): Promise<Reply> {
    const pending = await interactions.load(ctx, uid, options);
    if (!pending) {
      const isWithoutCookies = ctx.get('cookie') === '';
      throw new Refusal(400, isWithoutCookies ? 'cookies' : 'expired', {
        description: 'the sign-in has expired, was finished, or was begun in another browser',
      });
    }
    return 'answered' in pending ? { redirect: pending.answered } : answer(pending);
  }

  /** Too many hashes at once is a "busy" for this person, not an outage. */
  async function unlessBusy(checking: Promise<PasswordCheck>): Promise<PasswordCheck | 'busy'> {
    try {
      return await checking;
    } catch (error) {
      if (error instanceof Overloaded) return 'busy';
      throw error;
    }
  }

  async function showLogin(
    ctx: Context,
    pending: PendingInteraction,
    again:
      | { email: string; remember: boolean; problem: Views['login']['problem']; status: number }
      | undefined = undefined,
  ): Promise<Reply> {
    const known = pending.accountId ? await accounts.find(pending.accountId) : undefined;
    const html = renderer.page('login', localeOf(ctx, pending.uiLocales), {
      action: `/interaction/${pending.uid}/login`,
      csrfToken: csrf.issue(pending.uid),
      client: pending.client,
      email: known?.email ?? again?.email ?? pending.loginHint ?? '',
      ...(again?.problem ? { problem: again.problem } : {}),
      reauthenticate: known !== undefined,
      mayRemember: true,
      remember: again?.remember ?? false,
      frame: { path: `/interaction/${pending.uid}` },
    });
    return page(again?.status ?? 200, html, pending);
  }

  async function showConsent(ctx: Context, pending: PendingInteraction): Promise<Reply> {
    const account = pending.accountId ? await accounts.find(pending.accountId) : undefined;
    if (!account) throw new Refusal(400, 'expired', { description: 'the account is gone' });
    const { scopes, claims, resources } = pending.asked;
    const html = renderer.page('consent', localeOf(ctx, pending.uiLocales), {
      action: `/interaction/${pending.uid}/consent`,
      csrfToken: csrf.issue(pending.uid),
      client: pending.client,
      account: { email: account.email, ...(account.name ? { name: account.name } : {}) },
      scopes,
      claims,
      resources: Object.entries(resources).map(([indicator, asked]) => ({ indicator, scopes: asked })),
      alreadyGranted: pending.alreadyGranted,
      frame: { path: `/interaction/${pending.uid}` },
    });
    return page(200, html, pending);
  }
}

/** The form's answer is a redirect that ends at the client, which browsers hold against form-action too. */
function page(status: number, html: string, { returnOrigin }: PendingInteraction): Reply {
  return { status, html, formAction: returnOrigin ? [returnOrigin] : [] };
}
