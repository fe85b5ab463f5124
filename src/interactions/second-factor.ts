import type { Context } from 'koa';
import { z } from 'zod';
import type { Account } from '../accounts/accounts.ts';
import type { FactMethod } from '../accounts/factor-policy.ts';
import { readPasskeyResponse } from '../http/passkey-response.ts';
import { type Reply, type Route, route } from '../http/route.ts';
import type { PendingInteraction } from '../oidc/oidc.ts';
import { csrfField, interactionParams } from './open-interaction.ts';
import { browserCookies } from './sign-in-cookies.ts';
import type { FactorAgain } from './sign-in-pages.ts';
import type { StepParts } from './step-parts.ts';

/** Passkeys, as first or as further factor, and the codes that follow a password. */
const passkeyForm = z.strictObject({
  csrf: csrfField,
  sealed: z.string().max(1024),
  response: z.string().max(16_384),
  remember: z.literal('yes').optional(),
  trust: z.literal('yes').optional(),
});
const codeForm = z.strictObject({
  csrf: csrfField,
  code: z.string().max(64).default(''),
  trust: z.literal('yes').optional(),
});
const sendForm = z.strictObject({ csrf: csrfField });

type CodeMethod = Extract<FactMethod, 'otp' | 'recovery' | 'email-code'>;
type CodeProblem = Exclude<FactorAgain['problem'], 'passkey-failed' | 'form-expired' | 'too-many-attempts'>;

export function secondFactorRoutes(parts: StepParts): Route[] {
  const { accounts, factors, limits, csrf, signIn, pages, open, notices, signInEvents } = parts;
  const cookies = browserCookies(parts);

  /** What the code is worth; undefined when it is right. */
  async function judge(
    pending: PendingInteraction,
    account: Account,
    method: CodeMethod,
    code: string,
  ): Promise<CodeProblem | undefined> {
    if (method === 'otp') {
      const checked = await factors.totp.verify(account.id, code);
      return checked.ok ? undefined : checked.problem;
    }
    if (method === 'recovery') {
      const spent = await factors.recoveryCodes.spend(account.id, code);
      if (spent.ok) await notices.recoveryCodeUsed(pending, account, spent.left);
      return spent.ok ? undefined : spent.problem;
    }
    const checked = await factors.emailCodes.verify(account.id, pending.uid, code);
    if (checked.ok) return undefined;
    return checked.problem === 'expired' || checked.triesLeft === 0 ? 'code-expired' : 'wrong-code';
  }

  /** Runs a step of the factor page; goes to the right page when the sign-in is elsewhere. */
  function onFactorPage(
    raw: Context,
    uid: string,
    token: string,
    method: FactMethod,
    answer: (
      pending: PendingInteraction,
      account: Account,
      again: (how: FactorAgain) => Promise<Reply>,
    ) => Promise<Reply>,
  ): Promise<Reply> {
    return open(raw, uid, { toAnswer: true }, async (pending) => {
      if (pending.prompt !== 'login') return { redirect: `/interaction/${uid}` };
      const step = await signIn.step(raw, pending, await signIn.progress(pending));
      if (step.step !== 'factor' || !step.methods.includes(method)) {
        return { redirect: `/interaction/${uid}` };
      }
      const again = (how: FactorAgain) => pages.show(raw, pending, step, { choice: method, again: how });
      if (!csrf.check(token, uid)) return again({ problem: 'form-expired' });
      return answer(pending, step.account, again);
    });
  }

  const codeRoute = (method: CodeMethod) =>
    route({
      method: 'POST',
      path: `/interaction/:uid/factor/${method}`,
      params: interactionParams.path,
      body: codeForm,
      statuses: [303, 400, 403, 429],
      handle: ({ params: { uid }, body, raw }) =>
        onFactorPage(raw, uid, body.csrf, method, async (pending, account, again) => {
          if (body.code.trim() === '') return again({ problem: 'code-missing' });
          const passed = await limits.code({
            account: account.id,
            factor: method,
            knownBrowser: cookies.known(raw, account),
            // 75 random bits: they are the way back in when all else is locked.
            isLong: method === 'recovery',
          });
          if (!passed.ok) {
            const { retryAfterSeconds, needsReset } = passed;
            signInEvents.failed(raw, pending, {
              kind: 'sign-in.locked',
              reason: needsReset ? 'factor-locked' : 'too-many-attempts',
              account,
              details: { factor: method },
            });
            return again({
              problem: needsReset ? 'factor-locked' : 'too-many-attempts',
              status: 429,
              retryAfterSeconds,
            });
          }
          const problem = await judge(pending, account, method, body.code);
          if (problem) {
            const details = { factor: method };
            signInEvents.failed(raw, pending, {
              kind: 'sign-in.factor-failed',
              reason: problem,
              account,
              details,
            });
            return again({ problem });
          }
          parts.interactions.besideAnswer(() => limits.succeeded(passed.ticket));
          return signIn.prove(raw, pending, account, method, { trust: body.trust === 'yes' });
        }),
    });

  return [
    codeRoute('otp'),
    codeRoute('recovery'),
    codeRoute('email-code'),

    route({
      method: 'POST',
      path: '/interaction/:uid/factor/email-code/send',
      params: interactionParams.path,
      body: sendForm,
      statuses: [303, 400, 403, 429],
      handle: ({ params: { uid }, body, raw }) =>
        onFactorPage(raw, uid, body.csrf, 'email-code', async (pending, account, again) => {
          const passed = await limits.codeMail({ account: account.id, address: raw.ip });
          const begun = passed.ok ? await factors.emailCodes.begin(account.id, uid) : passed;
          if (!begun.ok) {
            const { retryAfterSeconds } = begun;
            return again({ problem: 'too-many-attempts', status: 429, retryAfterSeconds });
          }
          await notices.emailCode(pending, account, begun);
          return { redirect: `/interaction/${uid}?use=email-code&notice=code-sent` };
        }),
    }),

    // As the first factor, from the sign-in page, and as a further one.
    route({
      method: 'POST',
      path: '/interaction/:uid/passkey',
      params: interactionParams.path,
      body: passkeyForm,
      statuses: [303, 400, 403],
      async handle({ params: { uid }, body, raw }) {
        return open(raw, uid, { toAnswer: true }, async (pending) => {
          if (pending.prompt !== 'login') return { redirect: `/interaction/${uid}` };
          const remember = body.remember === 'yes';
          const progress = await signIn.progress(pending);
          const step = await signIn.step(raw, pending, progress);
          const again = (problem: 'form-expired' | 'passkey-failed' | 'passkey-unknown') =>
            step.step === 'factor'
              ? pages.show(raw, pending, step, { choice: 'passkey', again: { problem } })
              : pages.showLogin(raw, pending, { again: { email: '', remember, problem } });

          if (!csrf.check(body.csrf, uid)) return again('form-expired');
          const { sealed } = body;
          const response = readPasskeyResponse(body.response);
          const checked = await factors.passkeys.verify(uid, { sealed, response });
          const failed = (reason: string, account?: Account) =>
            signInEvents.failed(raw, pending, {
              kind: step.step === 'factor' ? 'sign-in.factor-failed' : 'sign-in.failed',
              reason,
              account: account ?? ('account' in step ? step.account : undefined),
              details: { factor: 'passkey' },
            });
          if (!checked.ok) {
            failed(checked.problem);
            return again(checked.problem === 'unknown-passkey' ? 'passkey-unknown' : 'passkey-failed');
          }
          const account = await accounts.find(checked.accountId);
          if (account?.status !== 'active') {
            failed(account ? 'disabled' : 'no-account', account);
            return again('passkey-unknown');
          }
          return signIn.prove(raw, pending, account, 'passkey', {
            ...(step.step === 'login' ? { remember } : {}),
            trust: body.trust === 'yes',
          });
        });
      },
    }),
  ];
}
