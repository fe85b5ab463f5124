import { type Route, route } from '../http/route.ts';
import type { PageParts } from './self-service.ts';
import { momentOf } from './visit.ts';

const page = '/account/activity';

/** What happened to the account lately. */
export function activityRoutes({ visits, activity }: PageParts): Route[] {
  return [
    route({
      method: 'GET',
      path: page,
      statuses: [200, 303],
      handle: ({ raw }) =>
        visits.open(raw, { page }, async (visit) => {
          const entries = (await activity.list(visit.account.id)).map((entry) => ({
            kind: entry.kind,
            at: momentOf(visit, entry.at),
            count: entry.count,
            browser: entry.browser ?? '',
            address: entry.address ?? '',
            about: entry.what ?? '',
          }));
          return visits.show(visit, 'account-activity', 'activity', { entries });
        }),
    }),
  ];
}
