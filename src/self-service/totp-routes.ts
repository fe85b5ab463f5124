import { z } from 'zod';
import { type Reply, type Route, route } from '../http/route.ts';
import { afterAdding } from './factor-items.ts';
import { csrfField, nameField, saysQuery } from './forms.ts';
import type { PageParts } from './self-service.ts';
import type { Says, Visit } from './visit.ts';

const page = '/account/security/totp/new';
const totpForm = z.strictObject({
  csrf: csrfField,
  sealed: z.string().max(2048).default(''),
  code: z.string().max(64).default(''),
  name: nameField,
});

/** What the page is told of a confirmation that was refused. */
const problems = {
  expired: 'enrolment-expired',
  'wrong-code': 'wrong-code',
  'too-many-factors': 'too-many-factors',
} as const;

/** Setting up an authenticator app. What is pending is in the form, so any pod takes it. */
export function totpRoutes(parts: PageParts): Route[] {
  const { visits, factors, limits, news } = parts;

  function show(visit: Visit, how: { sealed?: string; typed?: string }, says: Says = {}): Reply {
    const { id, email } = visit.account;
    const before = how.sealed === undefined ? undefined : factors.totp.resume(id, email, how.sealed);
    const { sealed, secret, qrSvg } = before ?? factors.totp.begin(id, email);
    const data = { totp: { sealed, secret, qrSvg }, typed: how.typed ?? '' };
    return visits.show(visit, 'account-totp', 'security', data, says);
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
      body: totpForm,
      statuses: [303, 400, 429],
      handle: ({ raw, body }) =>
        visits.open(raw, { page, isSensitive: true }, async (visit) => {
          const { sealed, name, code } = body;
          const { id } = visit.account;
          const again = (says: Says) => show(visit, { sealed, typed: name }, { status: 400, ...says });
          if (!visits.isOwnForm(visit, body.csrf)) return again({ problem: 'form-expired' });
          if (code.trim() === '') return again({ problem: 'code-missing' });
          const attempt = await limits.code({ account: id, factor: 'enrolment' });
          if (!attempt.ok) {
            const { problem, retryAfterSeconds: waitSeconds } = attempt;
            return again({ problem, waitSeconds, status: 429 });
          }
          const outcome = await factors.totp.confirm(id, sealed, code, { name });
          if (!outcome.ok) {
            if (outcome.problem === 'account-gone') return { redirect: '/account' };
            return again({ problem: problems[outcome.problem] });
          }
          await limits.succeeded(attempt.ticket);
          await news.factorAdded(visit, outcome.factor);
          return { redirect: afterAdding('totp-added', await factors.list(id)) };
        }),
    }),
  ];
}
