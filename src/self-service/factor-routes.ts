import { z } from 'zod';
import type { Factor } from '../accounts/factors.ts';
import { Refusal } from '../errors.ts';
import { type Reply, type Route, route } from '../http/route.ts';
import { factorItem } from './factor-items.ts';
import { csrfField, csrfForm, idField, nameField, saysQuery } from './forms.ts';
import { securityPage } from './security-routes.ts';
import type { PageParts } from './self-service.ts';
import type { Says, Visit } from './visit.ts';

const path = '/account/security/factors/:factor';
const factorParams = z.strictObject({ factor: idField });
const renameForm = z.strictObject({ csrf: csrfField, name: nameField });
const pathOf = (factor: string) => `/account/security/factors/${encodeURIComponent(factor)}`;

/** One passkey or authenticator app: its name, and its removal. */
export function factorRoutes(parts: PageParts): Route[] {
  const { visits, factors, upstream, news } = parts;

  function show(visit: Visit, factor: Factor, typed: string, says: Says = {}): Reply {
    const item = factorItem(visit, factor);
    if (!item) throw unknown();
    const data = { factor: item, path: pathOf(factor.id), typed };
    return visits.show(visit, 'account-factor', 'security', data, says);
  }

  /** @throws Refusal when the account has no such factor, whoever else may have */
  async function find({ account }: Visit, id: string): Promise<Factor> {
    const found = (await factors.list(account.id)).find((one) => one.id === id);
    if (!found || found.kind === 'recovery-codes') throw unknown();
    return found;
  }

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
      params: factorParams,
      query: saysQuery,
      statuses: [200, 303, 404],
      handle: ({ raw, params: { factor: id }, query }) =>
        visits.open(raw, { page: pathOf(id), isSensitive: true }, async (visit) => {
          const factor = await find(visit, id);
          return show(visit, factor, factor.name, query);
        }),
    }),

    route({
      method: 'POST',
      path,
      params: factorParams,
      body: renameForm,
      statuses: [303, 400, 404],
      handle: ({ raw, params: { factor: id }, body: { csrf, name } }) =>
        visits.open(raw, { page: pathOf(id), isSensitive: true }, async (visit) => {
          const factor = await find(visit, id);
          const again = (problem: 'form-expired' | 'name-missing') =>
            show(visit, factor, name, { problem, status: 400 });
          if (!visits.isOwnForm(visit, csrf)) return again('form-expired');
          const outcome = await factors.rename(visit.account.id, id, name);
          if (outcome.ok) return { redirect: `${securityPage}?done=factor-renamed` };
          if (outcome.problem === 'not-found') throw unknown();
          return again('name-missing');
        }),
    }),

    route({
      method: 'POST',
      path: `${path}/remove`,
      params: factorParams,
      body: csrfForm,
      statuses: [303, 400, 404, 409],
      handle: ({ raw, params: { factor: id }, body: { csrf } }) =>
        visits.open(raw, { page: pathOf(id), isSensitive: true }, async (visit) => {
          const factor = await find(visit, id);
          if (!visits.isOwnForm(visit, csrf)) {
            return show(visit, factor, factor.name, { problem: 'form-expired', status: 400 });
          }
          const outcome = await factors.remove(visit.account.id, id, {
            otherWaysIn: await otherWaysIn(visit),
          });
          if (outcome.ok) {
            await news.factorRemoved(visit, factor);
            return { redirect: `${securityPage}?done=factor-removed` };
          }
          // Removed by the same form a moment ago.
          if (outcome.problem === 'not-found') return { redirect: `${securityPage}?done=factor-removed` };
          return show(visit, factor, factor.name, { problem: 'last-way-in', status: 409 });
        }),
    }),
  ];
}

function unknown(): Refusal {
  return new Refusal(404, 'not-found', { code: 'not_found' });
}
