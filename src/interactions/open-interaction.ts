import type { Context } from 'koa';
import { z } from 'zod';
import { Refusal } from '../errors.ts';
import type { Reply } from '../http/route.ts';
import type { Interactions, PendingInteraction } from '../oidc/oidc.ts';

/** Of the routes below /interaction/:uid. */
export const interactionParams = {
  path: z.strictObject({ uid: z.string().regex(/^[\w-]{1,64}$/) }),
  query: z.strictObject({
    /** Which of several factors the person wants to use. */
    use: z.enum(['passkey', 'otp', 'recovery', 'email-code', 'totp', 'password']).optional(),
    /** What has just happened, to be said on the page. */
    notice: z
      .enum([
        'code-sent',
        'link-by-sign-in',
        'no-account',
        'provider-refused',
        'provider-away',
        'start-again',
        'sign-in-here',
      ])
      .optional(),
  }),
};

export const csrfField = z.string().max(256);

export type OpenInteraction = (
  ctx: Context,
  uid: string,
  options: { toAnswer: boolean },
  answer: (pending: PendingInteraction) => Promise<Reply>,
) => Promise<Reply>;

/** Loads the interaction that a page belongs to; where it was answered already, the browser goes on. */
export function openInteraction(interactions: Interactions): OpenInteraction {
  return async (ctx, uid, options, answer) => {
    const pending = await interactions.load(ctx, uid, options);
    if (!pending) {
      const isWithoutCookies = ctx.get('cookie') === '';
      throw new Refusal(400, isWithoutCookies ? 'cookies' : 'expired', {
        description: 'the sign-in has expired, was finished, or was begun in another browser',
      });
    }
    return 'answered' in pending ? { redirect: pending.answered } : answer(pending);
  };
}
