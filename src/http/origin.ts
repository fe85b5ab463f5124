import type { Context } from 'koa';
import { Refusal } from '../errors.ts';

/**
 * A form of ours is sent from a page of ours. Browsers say where a POST comes from in Origin, and in
 * Sec-Fetch-Site; our pages have no-referrer, under which Origin can be `null` for their own forms.
 */
export function checkOrigin(ctx: Context): void {
  const site = ctx.get('sec-fetch-site');
  const origin = ctx.get('origin');
  const own = `${ctx.protocol}://${ctx.host}`;
  const isOurs = site !== '' ? site === 'same-origin' : origin === own;
  const contradicts = origin !== '' && origin !== 'null' && origin !== own;
  if (!isOurs || contradicts) {
    throw new Refusal(403, 'forbidden', {
      description: 'this form was not sent from a page of this provider',
    });
  }
}
