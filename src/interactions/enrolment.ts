import type { Context } from 'koa';
import { z } from 'zod';
import type { Account } from '../accounts/accounts.ts';
import { readPasskeyResponse } from '../http/passkey-response.ts';
import { type Reply, type Route, route } from '../http/route.ts';
import type { PendingInteraction } from '../oidc/oidc.ts';
import { csrfField, interactionParams } from './open-interaction.ts';
import type { EnrolAgain } from './sign-in-pages.ts';
import { type SignInProgress, withFact } from './sign-in-progress.ts';
import type { StepParts } from './step-parts.ts';

/** Setting up a second factor in the middle of a sign-in that needs one, for an account that has none. */
const totpForm = z.strictObject({
  csrf: csrfField,
  sealed: z.string().max(2048),
  code: z.string().max(64).default(''),
});
const passkeyForm = z.strictObject({
  csrf: csrfField,
  sealed: z.string().max(1024),
  response: z.string().max(16_384),
});
const codesForm = z.strictObject({ csrf: csrfField });

export function enrolmentRoutes(parts: StepParts): Route[] {
  const { factors, limits, csrf, signIn, pages, open, interactions, notices } = parts;

  function onEnrolPage(
    raw: Context,
    uid: string,
    kind: 'totp' | 'passkey',
    answer: (
      pending: PendingInteraction,
      account: Account,
      again: (how: EnrolAgain) => Promise<Reply>,
    ) => Promise<Reply>,
  ): Promise<Reply> {
    return open(raw, uid, { toAnswer: true }, async (pending) => {
      if (pending.prompt !== 'login') return { redirect: `/interaction/${uid}` };
      const step = await signIn.step(raw, pending, await signIn.progress(pending));
      if (step.step !== 'enrol' || !step.kinds.includes(kind)) return { redirect: `/interaction/${uid}` };
      const again = (how: EnrolAgain) => pages.show(raw, pending, step, { choice: kind, again: how });
      return answer(pending, step.account, again);
    });
  }

  /** Recovery codes come with the first factor, since what was set up can be lost. They are shown next. */
  async function withCodes(account: Account, progress: SignInProgress): Promise<SignInProgress> {
    const made = await factors.recoveryCodes.replace(account.id);
    return made.ok ? { ...progress, newCodes: made.codes } : progress;
  }

  return [
    route({
      method: 'POST',
      path: '/interaction/:uid/enrol/totp',
      params: interactionParams.path,
      body: totpForm,
      statuses: [303, 400, 403, 429],
      handle: ({ params: { uid }, body, raw }) =>
        onEnrolPage(raw, uid, 'totp', async (pending, account, again) => {
          const { sealed, code } = body;
          if (!csrf.check(body.csrf, uid)) return again({ problem: 'form-expired', sealed });
          if (code.trim() === '') return again({ problem: 'code-missing', sealed });
          const passed = await limits.code({ account: account.id, factor: 'enrolment' });
          if (!passed.ok) return again({ problem: 'too-many-attempts', sealed, status: 429 });
          const confirmed = await factors.totp.confirm(account.id, sealed, code);
          if (!confirmed.ok) {
            const isWrong = confirmed.problem === 'wrong-code';
            return again({ problem: isWrong ? 'wrong-code' : 'enrolment-expired', sealed });
          }
          parts.interactions.besideAnswer(() => limits.succeeded(passed.ticket));
          await notices.factorAdded(raw, pending, account, confirmed.factor.name);
          const progress = await signIn.progress(pending);
          if (!progress) return { redirect: `/interaction/${uid}` };
          // The code that confirmed it was used with that, and proves the app as any other would.
          const fact = { method: 'otp' as const, at: confirmed.factor.createdAt };
          const proven = withFact(progress, { accountId: account.id, epoch: account.epoch, fact });
          return signIn.goOn(raw, pending, await withCodes(account, proven));
        }),
    }),

    route({
      method: 'POST',
      path: '/interaction/:uid/enrol/passkey',
      params: interactionParams.path,
      body: passkeyForm,
      statuses: [303, 400, 403],
      handle: ({ params: { uid }, body, raw }) =>
        onEnrolPage(raw, uid, 'passkey', async (pending, account, again) => {
          if (!csrf.check(body.csrf, uid)) return again({ problem: 'form-expired' });
          const { sealed } = body;
          const response = readPasskeyResponse(body.response);
          const finished = await factors.passkeys.finishRegistration(account.id, uid, { sealed, response });
          if (!finished.ok) return again({ problem: 'passkey-failed' });
          await notices.factorAdded(raw, pending, account, finished.factor.name);
          const progress = await signIn.progress(pending);
          if (!progress) return { redirect: `/interaction/${uid}` };
          return signIn.goOn(raw, pending, await withCodes(account, progress));
        }),
    }),

    route({
      method: 'POST',
      path: '/interaction/:uid/recovery-codes',
      params: interactionParams.path,
      body: codesForm,
      statuses: [303, 400, 403],
      async handle({ params: { uid }, body, raw }) {
        return open(raw, uid, { toAnswer: true }, async (pending) => {
          const progress = await signIn.progress(pending);
          if (pending.prompt !== 'login' || !progress?.newCodes || !csrf.check(body.csrf, uid)) {
            return { redirect: `/interaction/${uid}` };
          }
          const { newCodes: _shown, ...rest } = progress;
          await interactions.keepProgress(pending, rest);
          return signIn.goOn(raw, pending, rest);
        });
      },
    }),
  ];
}
