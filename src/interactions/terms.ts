import { z } from 'zod';
import { type Route, route } from '../http/route.ts';
import { csrfField, interactionParams } from './open-interaction.ts';
import type { StepParts } from './step-parts.ts';

const form = z.strictObject({
  csrf: csrfField,
  decision: z.enum(['accept', 'decline']),
  version: z.string().max(40),
});

/** Terms that have changed since the account accepted them. */
export function termsRoutes(parts: StepParts): Route[] {
  const { interactions, flows, csrf, signIn, open } = parts;
  return [
    route({
      method: 'POST',
      path: '/interaction/:uid/terms',
      params: interactionParams.path,
      body: form,
      statuses: [303, 400, 403],
      async handle({ params: { uid }, body, raw }) {
        return open(raw, uid, { toAnswer: true }, async (pending) => {
          const progress = await signIn.progress(pending);
          const step = await signIn.step(raw, pending, progress);
          if (
            pending.prompt !== 'login' ||
            step.step !== 'terms' ||
            !progress ||
            !csrf.check(body.csrf, uid)
          ) {
            return { redirect: `/interaction/${uid}` };
          }
          if (body.decision === 'decline') {
            await interactions.abort(raw, pending);
            return { asIs: true };
          }
          // Of a version that is not in force any more nothing is written, and the page comes again.
          await flows.terms.accept(step.account.id, body.version);
          return signIn.goOn(raw, pending, progress);
        });
      },
    }),
  ];
}
