import { z } from 'zod';
import { type Route, route } from '../http/route.ts';
import { csrfField, idField } from './forms.ts';
import { securityPage, showSecurity } from './security-routes.ts';
import type { PageParts } from './self-service.ts';

const forgetForm = z.strictObject({ csrf: csrfField, browser: idField.optional() });

/** Browsers that are trusted not to be asked for the second factor. To trust one less needs no fresh sign-in. */
export function browserRoutes(parts: PageParts): Route[] {
  const { visits, factors } = parts;
  return [
    route({
      method: 'POST',
      path: `${securityPage}/browsers/forget`,
      body: forgetForm,
      statuses: [303, 400, 404],
      handle: ({ raw, body: { csrf, browser } }) =>
        visits.open(raw, { page: securityPage }, async (visit) => {
          if (!visits.isOwnForm(visit, csrf)) {
            return showSecurity(parts, visit, { problem: 'form-expired', status: 400 });
          }
          const { id } = visit.account;
          if (browser === undefined) {
            await factors.browsers.forgetAll(id);
            return { redirect: `${securityPage}?done=browsers-forgotten` };
          }
          if (!(await factors.browsers.forget(id, browser))) {
            return showSecurity(parts, visit, { problem: 'browser-unknown', status: 404 });
          }
          return { redirect: `${securityPage}?done=browser-forgotten` };
        }),
    }),
  ];
}
