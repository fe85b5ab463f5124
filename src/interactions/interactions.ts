/**
 * The pages on which a person answers an authorization request: sign-in with all its steps, and consent. It owns
 * their routes and what they say; who a person is decides src/accounts, what becomes of the answer src/oidc.
 */
import { type Route, route } from '../http/route.ts';
import { type ConsentParts, consentRoutes, showConsent } from './consent.ts';
import { enrolmentRoutes } from './enrolment.ts';
import { newPasswordRoutes } from './new-password.ts';
import { interactionParams, openInteraction } from './open-interaction.ts';
import { createPasswordSignIn } from './password-sign-in.ts';
import { secondFactorRoutes } from './second-factor.ts';
import { createSignIn, type SignInParts } from './sign-in.ts';
import { createSignInPages, type SignInPageParts } from './sign-in-pages.ts';
import type { StepParts } from './step-parts.ts';
import { termsRoutes } from './terms.ts';
import { upstreamRoutes } from './upstream-sign-in.ts';

export type InteractionParts = SignInParts &
  SignInPageParts &
  ConsentParts &
  Pick<StepParts, 'limits' | 'finishLinking' | 'people'>;

export function interactionRoutes(parts: InteractionParts): Route[] {
  const signIn = createSignIn(parts);
  const pages = createSignInPages(parts);
  const open = openInteraction(parts.interactions);
  const step = { ...parts, signIn, pages, open };

  return [
    route({
      method: 'GET',
      path: '/interaction/:uid',
      params: interactionParams.path,
      query: interactionParams.query,
      statuses: [200, 303, 400],
      async handle({ params: { uid }, query, raw }) {
        return open(raw, uid, { toAnswer: false }, async (pending) => {
          if (pending.prompt === 'consent') return showConsent(parts, raw, pending);
          const progress = await signIn.progress(pending);
          const next = await signIn.step(raw, pending, progress);
          // All was proved, and the pod died before it could go on.
          if (next.step === 'done' && progress) return signIn.goOn(raw, pending, progress);
          return pages.show(raw, pending, next, { choice: query.use, notice: query.notice });
        });
      },
    }),
    ...createPasswordSignIn(step),
    ...secondFactorRoutes(step),
    ...enrolmentRoutes(step),
    ...newPasswordRoutes(step),
    ...termsRoutes(step),
    ...upstreamRoutes(step),
    ...consentRoutes(parts, open),
  ];
}
