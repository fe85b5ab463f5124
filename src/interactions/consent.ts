import type { Context } from 'koa';
import { z } from 'zod';
import type { Accounts } from '../accounts/accounts.ts';
import { Refusal } from '../errors.ts';
import type { Csrf } from '../http/csrf.ts';
import { localeOf } from '../http/language.ts';
import type { Renderer } from '../http/render.ts';
import { type Reply, type Route, route } from '../http/route.ts';
import type { Interactions, PendingInteraction } from '../oidc/oidc.ts';
import { csrfField, interactionParams, type OpenInteraction } from './open-interaction.ts';
import { pageReply } from './page-reply.ts';
import type { SignInEvents } from './sign-in-events.ts';

export type ConsentParts = {
  interactions: Interactions;
  accounts: Accounts;
  renderer: Renderer;
  csrf: Csrf;
  signInEvents: SignInEvents;
};

const form = z.strictObject({ csrf: csrfField, decision: z.enum(['allow', 'deny']) });

export function consentRoutes(parts: ConsentParts, open: OpenInteraction): Route[] {
  const { interactions, csrf } = parts;
  return [
    route({
      method: 'POST',
      path: '/interaction/:uid/consent',
      params: interactionParams.path,
      body: form,
      statuses: [303, 400, 403],
      async handle({ params: { uid }, body, raw }) {
        return open(raw, uid, { toAnswer: true }, async (pending) => {
          if (pending.prompt !== 'consent') return { redirect: `/interaction/${uid}` };
          if (!csrf.check(body.csrf, uid)) return showConsent(parts, raw, pending);
          const isGiven = body.decision === 'allow';
          const answer = isGiven ? interactions.approve : interactions.abort;
          interactions.besideAnswer(() => parts.signInEvents.consent(raw, pending, isGiven));
          await answer(raw, pending);
          return { asIs: true };
        });
      },
    }),
  ];
}

export async function showConsent(
  { accounts, renderer, csrf }: ConsentParts,
  ctx: Context,
  pending: PendingInteraction,
): Promise<Reply> {
  const account = pending.accountId ? await accounts.find(pending.accountId) : undefined;
  if (!account) throw new Refusal(400, 'expired', { description: 'the account is gone' });
  const { scopes, claims, resources } = pending.asked;
  const html = renderer.page('consent', localeOf(ctx, pending.uiLocales, account.locale), {
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
  return pageReply(200, html, pending);
}
