import { nowMs } from '../../clock.ts';
import { attentionOf } from './attention.ts';
import type { ConsoleParts } from './console.ts';
import { type ConsoleRoute, consoleRoute } from './console-route.ts';
import type { Visit } from './console-visit.ts';
import { sections } from './sections.ts';

const dayMs = 24 * 60 * 60_000;

/** The first page: how things are, and what needs somebody. */
export function overviewRoutes({ admin, visits, settings }: ConsoleParts): ConsoleRoute[] {
  /** Two are enough to know that there is not only one. */
  async function owners(visit: Visit) {
    if (!visit.may('accounts:read')) return undefined;
    const { items } = await admin.accounts.search({ role: 'owner', status: 'active', count: 2 });
    return Promise.all(
      items.map(async ({ id, email }) => {
        const factors = await admin.accounts.factors(id);
        return { id, email, factors: factors.ok ? factors.value : [] };
      }),
    );
  }

  return [
    consoleRoute({
      method: 'GET',
      path: '/admin',
      permission: 'any',
      async handle({ visit }) {
        if (!visit.may('overview:read')) {
          const first = sections.find(({ permission }) => visit.may(permission));
          return { redirect: first?.path ?? '/admin/search' };
        }
        const [overview, theOwners] = await Promise.all([admin.overview.read(), owners(visit)]);
        const now = nowMs();
        const today = overview.signIns.slice(-24);
        return visits.show(visit, 'admin-overview', 'overview', {
          ...overview,
          keys: overview.keys
            .filter(({ state }) => state !== 'retired')
            .map((key) => ({ ...key, ageDays: Math.floor((now - key.createdAt) / dayMs) })),
          today: {
            succeeded: today.reduce((sum, hour) => sum + hour.succeeded, 0),
            failed: today.reduce((sum, hour) => sum + hour.failed, 0),
          },
          attention: attentionOf({
            overview,
            owners: theOwners,
            signingKeyDays: settings.current().signing_key_days,
            now,
          }),
        });
      },
    }),
  ];
}
