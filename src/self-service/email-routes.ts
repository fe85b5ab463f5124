import { z } from 'zod';
import { type Reply, type Route, route } from '../http/route.ts';
import type { FormProblem } from '../http/views.ts';
import { csrfField, csrfForm, saysQuery } from './forms.ts';
import type { PageParts } from './self-service.ts';
import type { Says, Visit } from './visit.ts';

const page = '/account/email';
const emailForm = z.strictObject({ csrf: csrfField, email: z.string().max(2000).trim().default('') });

export function emailRoutes(parts: PageParts): Route[] {
  const { visits, flows, mail } = parts;

  function show(visit: Visit, how: { typed?: string; problems?: FormProblem[] }, says: Says = {}): Reply {
    const { email, emailVerified } = visit.account;
    const { typed = '', problems = [] } = how;
    const data = { email, isVerified: emailVerified, mailIsOn: mail.isOn, typed, problems };
    return visits.show(visit, 'account-email', 'email', data, says);
  }

  return [
    route({
      method: 'GET',
      path: page,
      query: saysQuery,
      statuses: [200, 303],
      handle: ({ raw, query }) =>
        visits.open(raw, { page, isSensitive: true }, async (visit) => show(visit, {}, query)),
    }),

    route({
      method: 'POST',
      path: page,
      body: emailForm,
      statuses: [303, 400, 429],
      handle: ({ raw, body: { csrf, email }, clientAddress }) =>
        visits.open(raw, { page, isSensitive: true }, async (visit) => {
          const again = (problems: FormProblem[], says: Says = {}) =>
            show(visit, { typed: email, problems }, { status: 400, ...says });
          if (!visits.isOwnForm(visit, csrf)) return again([], { problem: 'form-expired' });
          if (email === '') return again([{ code: 'email-missing' }]);
          const outcome = await flows.changeEmail.request(visit.account.id, email, {
            address: clientAddress,
          });
          if (outcome.ok) return { redirect: `${page}?done=email-requested` };
          switch (outcome.problem) {
            case 'not-found':
              return { redirect: '/account' };
            case 'same-email':
              return again([], { problem: 'same-email' });
            case 'too-many-attempts': {
              const { retryAfterSeconds: waitSeconds } = outcome;
              return again([], { problem: 'too-many-attempts', status: 429, waitSeconds });
            }
            default:
              return again([{ code: outcome.problem }]);
          }
        }),
    }),

    route({
      method: 'POST',
      path: `${page}/verify`,
      body: csrfForm,
      statuses: [303, 400, 429],
      handle: ({ raw, body, clientAddress }) =>
        visits.open(raw, { page, isSensitive: true }, async (visit) => {
          if (!visits.isOwnForm(visit, body.csrf)) {
            return show(visit, {}, { problem: 'form-expired', status: 400 });
          }
          const outcome = await flows.verifyEmail.request(visit.account.id, { address: clientAddress });
          if (outcome.ok) return { redirect: `${page}?done=verification-sent` };
          if (outcome.problem === 'too-many-attempts') {
            const { problem, retryAfterSeconds: waitSeconds } = outcome;
            return show(visit, {}, { problem, waitSeconds, status: 429 });
          }
          return { redirect: `${page}?done=already-verified` };
        }),
    }),
  ];
}
