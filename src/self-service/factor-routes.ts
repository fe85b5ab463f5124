import type { Context } from 'koa';
import { z } from 'zod';
import type { Factor } from '../accounts/factors.ts';
import type { FactorItem } from '../http/account-views.ts';
import { type Reply, type Route, route } from '../http/route.ts';
import { factorItem } from './factor-items.ts';
import { csrfField, nameField, saysQuery } from './forms.ts';
import { securityPage, showSecurity } from './security-routes.ts';
import type { PageParts } from './self-service.ts';
import type { Says, Visit } from './visit.ts';

const path = '/account/security/factor';
/** As in factor-store.ts: fit for an address as they are, but not for a path, which has no capital letters. */
const factorId = z.string().regex(/^[\w:-]{1,128}$/);
const factorQuery = saysQuery.extend({ id: factorId });
const factorForm = z.strictObject({ csrf: csrfField, id: factorId });
const renameForm = factorForm.extend({ name: nameField });
const pageOf = (id: string) => `${path}?id=${id}`;

/** One passkey or authenticator app: its name, and its removal. */
export function factorRoutes(parts: PageParts): Route[] {
  const { visits, factors, upstream, news } = parts;

  function show(visit: Visit, factor: FactorItem, typed: string, says: Says = {}): Reply {
    return visits.show(visit, 'account-factor', 'security', { factor, typed }, says);
  }

  /** Goes on with a factor of whoever is signed in; one of somebody else is none. */
  function withFactor(
    raw: Context,
    id: string,
    goOn: (visit: Visit, factor: Factor, item: FactorItem) => Promise<Reply>,
  ): Promise<Reply> {
    return visits.open(raw, { page: pageOf(id), isSensitive: true }, async (visit) => {
      const factor = (await factors.list(visit.account.id)).find((one) => one.id === id);
      const item = factor && factorItem(visit, factor);
      return item ? goOn(visit, factor, item) : unknown(visit);
    });
  }

  const unknown = (visit: Visit) => showSecurity(parts, visit, { problem: 'factor-unknown', status: 404 });

  /** Identities elsewhere that sign in to this account now. */
  async function otherWaysIn({ account }: Visit): Promise<string[]> {
    const known = new Set(upstream.providers.map(({ id }) => id));
    const links = await upstream.list(account.id);
    return links.filter(({ providerId }) => known.has(providerId)).map(({ identityId }) => identityId);
  }

  return [
    route({
      method: 'GET',
      path,
      query: factorQuery,
      statuses: [200, 303, 404],
      handle: ({ raw, query: { id, ...says } }) =>
        withFactor(raw, id, async (visit, { name }, item) => show(visit, item, name, says)),
    }),

    route({
      method: 'POST',
      path,
      body: renameForm,
      statuses: [303, 400, 404],
      handle: ({ raw, body: { csrf, id, name } }) =>
        withFactor(raw, id, async (visit, _, item) => {
          const again = (problem: 'form-expired' | 'name-missing') =>
            show(visit, item, name, { problem, status: 400 });
          if (!visits.isOwnForm(visit, csrf)) return again('form-expired');
          const outcome = await factors.rename(visit.account.id, id, name);
          if (outcome.ok) return { redirect: `${securityPage}?done=factor-renamed` };
          return outcome.problem === 'not-found' ? unknown(visit) : again('name-missing');
        }),
    }),

    route({
      method: 'POST',
      path: `${path}/remove`,
      body: factorForm,
      statuses: [303, 400, 404, 409],
      handle: ({ raw, body: { csrf, id } }) =>
        withFactor(raw, id, async (visit, factor, item) => {
          const again = (says: Says) => show(visit, item, factor.name, says);
          if (!visits.isOwnForm(visit, csrf)) return again({ problem: 'form-expired', status: 400 });
          const outcome = await factors.remove(visit.account.id, id, {
            otherWaysIn: await otherWaysIn(visit),
          });
          if (!outcome.ok && outcome.problem === 'last-way-in') {
            return again({ problem: 'last-way-in', status: 409 });
          }
          // Otherwise it was removed by the same form a moment ago.
          if (outcome.ok) await news.factorRemoved(visit, factor);
          return { redirect: `${securityPage}?done=factor-removed` };
        }),
    }),
  ];
}
