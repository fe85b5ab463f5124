import type { Reply } from '../http/route.ts';
import type { PendingInteraction } from '../oidc/oidc.ts';

/** The form's answer is a redirect that ends at the client, which browsers hold against form-action too. */
export function pageReply(
  status: number,
  html: string,
  { returnOrigin }: PendingInteraction,
  retryAfterSeconds?: number,
): Reply {
  return {
    status,
    html,
    formAction: returnOrigin ? [returnOrigin] : [],
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
}
