import type { Context } from 'koa';
import type { Reply } from '../http/route.ts';
import type { FinishOutcome } from '../upstream/upstream.ts';
import { providersPage } from './provider-routes.ts';
import type { PageParts } from './self-service.ts';

/** @param outcome of `upstream.finish`, for one that was begun to link an identity */
export type FinishLinking = (ctx: Context, outcome: FinishOutcome) => Promise<Reply>;

const back = (says: string): Reply => ({ redirect: `${providersPage}?${says}` });

/**
 * Links who somebody is elsewhere to the account that asked for it: only when that very account, as it was then,
 * is still what is signed in in this browser.
 */
export function createFinishLinking({ visits, upstream, news }: PageParts): FinishLinking {
  return (ctx, outcome) =>
    visits.open(ctx, { page: providersPage }, async (visit) => {
      if (!outcome.ok) {
        const { problem } = outcome;
        if (problem === 'refused') return back('problem=provider-refused');
        const isAway = problem === 'provider-away' || problem === 'provider-error';
        return back(isAway ? 'problem=provider-away' : 'problem=link-again');
      }
      const { context, identity } = outcome;
      const { account, session } = visit;
      const isTheirs =
        context.kind === 'link' && context.accountId === account.id && context.epoch === session.epoch;
      if (!isTheirs) return back('problem=link-again');
      const linked = await upstream.link(account.id, session.epoch, identity);
      if (!linked.ok) {
        return back(linked.problem === 'identity-taken' ? 'problem=identity-taken' : 'problem=link-again');
      }
      const { providerId, identityId, linkedAt } = linked.link;
      const name = upstream.providers.find(({ id }) => id === providerId)?.name ?? providerId;
      await news.providerLinked(visit, name, identityId, linkedAt);
      return back('done=provider-linked');
    });
}
