import { z } from 'zod';
import { accountTarget, person } from '../events/events.ts';
import { localeOf } from '../http/language.ts';
import { type Reply, type Route, route } from '../http/route.ts';
import { csrfField, saysQuery } from './forms.ts';
import type { PageParts } from './self-service.ts';
import type { Says, Visit } from './visit.ts';

const page = '/account/delete';
const goodbyePage = '/account/goodbye';
const deleteForm = z.strictObject({ csrf: csrfField, email: z.string().max(2000).trim().default('') });

/** The end of the account, at its person's wish. What ends with it is in app.ts (`leave`). */
export function deleteRoutes(parts: PageParts): Route[] {
  const { visits, flows, people, renderer } = parts;

  function show(visit: Visit, typed: string, says: Says = {}): Reply {
    return visits.show(visit, 'account-delete', 'data', { email: visit.account.email, typed }, says);
  }

  return [
    route({
      method: 'GET',
      path: page,
      query: saysQuery,
      statuses: [200, 303],
      handle: ({ raw, query }) =>
        visits.open(raw, { page, isSensitive: true }, async (visit) => show(visit, '', query)),
    }),

    route({
      method: 'POST',
      path: page,
      body: deleteForm,
      statuses: [303, 400],
      handle: ({ raw, body: { csrf, email } }) =>
        visits.open(raw, { page, isSensitive: true }, async (visit) => {
          const again = (problem: 'form-expired' | 'address-differs' | 'last-owner') =>
            show(visit, email, { problem, status: 400 });
          if (!visits.isOwnForm(visit, csrf)) return again('form-expired');
          if (fold(email) !== fold(visit.account.email)) return again('address-differs');
          const { account } = visit;
          const deleted = await flows.deleteAccount.delete(account.id);
          if (!deleted.ok) return again(deleted.problem);
          await people.note(raw, {
            kind: 'account.deleted-by-owner',
            actor: person(account),
            target: accountTarget(account),
            via: 'account',
          });
          return { redirect: goodbyePage };
        }),
    }),

    route({
      method: 'GET',
      path: goodbyePage,
      statuses: [200],
      async handle({ raw }) {
        const frame = { path: goodbyePage };
        return { html: renderer.page('account-closed', localeOf(raw), { frame, kind: 'deleted' }) };
      },
    }),
  ];
}

/** It is to show that the person means it; capital letters do not matter. */
function fold(email: string): string {
  return email.normalize('NFKC').toLowerCase();
}
