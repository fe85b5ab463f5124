import { z } from 'zod';
import { type Reply, type Route, route } from '../http/route.ts';
import { ownClientId } from '../oidc/own-pages.ts';
import { csrfField, idField, saysQuery } from './forms.ts';
import type { PageParts } from './self-service.ts';
import type { Says, Visit } from './visit.ts';

const page = '/account/applications';
const disconnectForm = z.strictObject({ csrf: csrfField, application: idField });

/** What may act for the account. */
export function applicationRoutes(parts: PageParts): Route[] {
  const { visits, signedIn, news } = parts;

  /** These pages themselves are no application to anybody. */
  async function applicationsOf({ account }: Visit) {
    const all = await signedIn.applications(account.id);
    return all.filter(({ client }) => client.clientId !== ownClientId);
  }

  async function show(visit: Visit, says: Says = {}): Promise<Reply> {
    const applications = (await applicationsOf(visit)).map(({ client, scopes, resources, isOffline }) => {
      const { clientId, ...summary } = client;
      return {
        clientId,
        client: summary,
        scopes,
        resources: Object.entries(resources).map(([indicator, granted]) => ({ indicator, scopes: granted })),
        isOffline,
      };
    });
    return visits.show(visit, 'account-applications', 'applications', { applications }, says);
  }

  return [
    route({
      method: 'GET',
      path: page,
      query: saysQuery,
      statuses: [200, 303],
      handle: ({ raw, query }) => visits.open(raw, { page }, (visit) => show(visit, query)),
    }),

    route({
      method: 'POST',
      path: page,
      body: disconnectForm,
      statuses: [303, 400, 404],
      handle: ({ raw, body: { csrf, application } }) =>
        visits.open(raw, { page }, async (visit) => {
          if (!visits.isOwnForm(visit, csrf)) return show(visit, { problem: 'form-expired', status: 400 });
          const found = (await applicationsOf(visit)).find(({ client }) => client.clientId === application);
          if (!found) return show(visit, { problem: 'application-unknown', status: 404 });
          await signedIn.disconnect(visit.account.id, application);
          await news.note(visit, 'application-revoked', { what: found.client.name });
          return { redirect: `${page}?done=application-removed` };
        }),
    }),
  ];
}
