import { z } from 'zod';
import { unlessBusy } from '../errors.ts';
import { passwordProblem } from '../http/password-problem.ts';
import { type Reply, type Route, route } from '../http/route.ts';
import { csrfField, interactionParams } from './open-interaction.ts';
import type { PasswordAgain } from './sign-in-pages.ts';
import type { StepParts } from './step-parts.ts';

/** `email` is there for password managers alone. */
const form = z.strictObject({ csrf: csrfField, password: z.string().max(8192).default('') });

/**
 * A password that must be changed, once everything else was proved. It ends whatever was signed in before, but not
 * the sign-in that it is part of: what was proved goes on under the account's new epoch.
 */
export function newPasswordRoutes(parts: StepParts): Route[] {
  const { accounts, csrf, signIn, pages, open, notices } = parts;

  return [
    route({
      method: 'POST',
      path: '/interaction/:uid/new-password',
      params: interactionParams.path,
      body: form,
      statuses: [303, 400, 403, 503],
      async handle({ params: { uid }, body: { csrf: token, password }, raw }) {
        const elsewhere: Reply = { redirect: `/interaction/${uid}` };
        return open(raw, uid, { toAnswer: true }, async (pending) => {
          const progress = await signIn.progress(pending);
          if (pending.prompt !== 'login' || !progress) return elsewhere;
          const step = await signIn.step(raw, pending, progress);
          const { accountId, epoch } = progress;
          const again = async (how: PasswordAgain): Promise<Reply> =>
            step.step === 'new-password' ? pages.show(raw, pending, step, { again: how }) : elsewhere;
          // Sent again after a pod had replaced the password and died: then the facts are of the epoch before.
          const isAsked = step.step === 'new-password' || step.step === 'login';
          if (!isAsked) return elsewhere;
          if (!csrf.check(token, uid)) return again({ problem: { code: 'form-expired' } });
          if (password === '') return again({ problem: { code: 'password-missing' } });

          const replacing = accounts.replaceExpired(accountId, password, { epoch, signIn: uid });
          const replaced = await unlessBusy(replacing);
          if (replaced.ok) {
            const { account } = replaced;
            await notices.passwordChanged(raw, pending, account);
            return signIn.goOn(raw, pending, { ...progress, epoch: account.epoch });
          }
          switch (replaced.problem) {
            case 'changed':
              return elsewhere;
            case 'busy':
              return again({ problem: { code: 'busy' }, status: 503, retryAfterSeconds: 2 });
            case 'password-same':
              return again({ problem: { code: replaced.problem } });
            default:
              return again({ problem: passwordProblem(replaced) });
          }
        });
      },
    }),
  ];
}
