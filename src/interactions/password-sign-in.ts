import type { Context } from 'koa';
import { z } from 'zod';
import { mintAccountId } from '../accounts/accounts.ts';
import type { Factor } from '../accounts/factors.ts';
import { unlessBusy } from '../errors.ts';
import { type Route, route } from '../http/route.ts';
import { csrfField, interactionParams } from './open-interaction.ts';
import { browserCookies } from './sign-in-cookies.ts';
import { whyRefused } from './sign-in-events.ts';
import type { LoginAgain } from './sign-in-pages.ts';
import type { StepParts } from './step-parts.ts';

/** The first step: e-mail address and password, or a passkey that needs neither. */
const passwordForm = z.strictObject({
  csrf: csrfField,
  decision: z.enum(['sign-in', 'cancel']).default('sign-in'),
  email: z.string().max(320).default(''),
  password: z.string().max(4096).default(''),
  remember: z.literal('yes').optional(),
});

const startOverForm = z.strictObject({ csrf: csrfField, decision: z.enum(['start-over', 'cancel']) });

export function createPasswordSignIn(parts: StepParts): Route[] {
  const { interactions, accounts, factors, limits, csrf, signIn, pages, open, notices, signInEvents } = parts;
  const cookies = browserCookies(parts);

  /** Counts the attempt before anything is hashed. The same work whether or not there is an account. */
  async function pass(
    ctx: Context,
    email: string,
    looking: Promise<{ id: string; epoch: number } | undefined>,
  ) {
    let knownBrowser: string | undefined;
    if (cookies.hasKnown(ctx)) {
      const account = (await looking) ?? { id: mintAccountId(), epoch: 0 };
      knownBrowser = cookies.known(ctx, account as never);
    }
    return limits.password({ email, address: ctx.ip, knownBrowser });
  }

  return [
    route({
      method: 'POST',
      path: '/interaction/:uid/login',
      params: interactionParams.path,
      body: passwordForm,
      statuses: [303, 400, 403, 429, 503],
      async handle({ params: { uid }, body, raw }) {
        const email = body.email.trim();
        const remember = body.remember === 'yes';
        const isOurForm = csrf.check(body.csrf, uid);
        const isComplete = isOurForm && email !== '' && body.password !== '' && body.decision === 'sign-in';
        // The account is looked up, and the attempt counted, beside the reading of the interaction.
        let enrolled: Promise<Factor[]> | undefined;
        const readFactors = (id: string) => {
          enrolled = factors.list(id);
          enrolled.catch(() => {});
        };
        const attempt = isComplete ? accounts.attempt(email, readFactors) : undefined;
        const passing = attempt && pass(raw, email, attempt.account);
        passing?.catch(() => {});
        let isTried = false;

        const reply = await open(raw, uid, { toAnswer: true }, async (pending) => {
          if (pending.prompt !== 'login') return { redirect: `/interaction/${uid}` };
          const again = (problem: LoginAgain['problem'], more: Partial<LoginAgain> = {}) =>
            pages.showLogin(raw, pending, { again: { email, remember, problem, ...more } });

          if (!isOurForm) return again('form-expired');
          if (body.decision === 'cancel') {
            await interactions.abort(raw, pending);
            return { asIs: true };
          }
          if (!attempt || !passing) return again(email === '' ? 'email-missing' : 'password-missing');
          isTried = true;
          const passed = await passing;
          const whose = { email, account: attempt.account };
          if (!passed.ok) {
            const { retryAfterSeconds, needsReset } = passed;
            const reason = needsReset ? 'locked' : 'too-many-attempts';
            signInEvents.failed(raw, pending, { kind: 'sign-in.locked', reason, ...whose });
            return again(needsReset ? 'locked' : 'too-many-attempts', { status: 429, retryAfterSeconds });
          }
          const checked = await unlessBusy(attempt.checkPassword(body.password));
          if (!checked.ok && checked.problem === 'busy') {
            signInEvents.failed(raw, pending, { kind: 'sign-in.refused', reason: 'busy', ...whose });
            await limits.notMade(passed.ticket);
            return again('busy', { status: 503, retryAfterSeconds: 2 });
          }
          if (!checked.ok) {
            const account = await attempt.account;
            notices.noteFailure(account?.id ?? mintAccountId()).catch(() => {});
            signInEvents.failed(raw, pending, { reason: whyRefused(account), ...whose });
            return again('wrong-credentials');
          }
          interactions.besideAnswer(() => limits.succeeded(passed.ticket));
          return signIn.prove(raw, pending, checked.account, 'pwd', { remember, factors: enrolled });
        });
        // The form of a sign-in that went on before, sent again: it was counted, and nothing was tried.
        if (passing && !isTried) {
          const giveBack = async () => {
            const passed = await passing;
            if (passed.ok) await limits.notMade(passed.ticket);
          };
          giveBack().catch(() => {});
        }
        return reply;
      },
    }),

    route({
      method: 'POST',
      path: '/interaction/:uid/start-over',
      params: interactionParams.path,
      body: startOverForm,
      statuses: [303, 400, 403],
      async handle({ params: { uid }, body, raw }) {
        return open(raw, uid, { toAnswer: true }, async (pending) => {
          const isOurForm = csrf.check(body.csrf, uid) && pending.prompt === 'login';
          if (isOurForm && body.decision === 'cancel') {
            await interactions.abort(raw, pending);
            return { asIs: true };
          }
          if (isOurForm) await interactions.keepProgress(pending, {});
          return { redirect: `/interaction/${uid}` };
        });
      },
    }),
  ];
}
