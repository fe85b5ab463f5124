import { z } from 'zod';
import { nameBrowser } from '../accounts/browser-label.ts';
import { readPasskeyResponse } from '../http/passkey-response.ts';
import { type Reply, type Route, route } from '../http/route.ts';
import { afterAdding } from './factor-items.ts';
import { csrfField, nameField, saysQuery } from './forms.ts';
import type { PageParts } from './self-service.ts';
import type { Says, Visit } from './visit.ts';

const page = '/account/security/passkeys/new';
const passkeyForm = z.strictObject({
  csrf: csrfField,
  sealed: z.string().max(2048).default(''),
  response: z.string().max(32_768).default(''),
  name: nameField,
});

/** What the page is told of an answer that was refused. */
const problems = {
  expired: 'form-expired',
  'not-verified': 'passkey-failed',
  'already-registered': 'already-registered',
  'too-many-factors': 'too-many-factors',
} as const;

/** Setting up a passkey: the page's script asks the authenticator, and sends its answer with the form. */
export function passkeyRoutes(parts: PageParts): Route[] {
  const { visits, factors, news } = parts;
  const contextOf = ({ session }: Visit) => `account:${session.uid}`;

  async function show(visit: Visit, typed: string | undefined, says: Says = {}): Promise<Reply> {
    const { account, ctx } = visit;
    const { options, sealed } = await factors.passkeys.beginRegistration(account.id, contextOf(visit), {
      userName: account.email,
      displayName: account.name ?? account.email,
    });
    const passkey = { options: JSON.stringify(options), sealed };
    const data = { passkey, typed: typed ?? nameBrowser(ctx.get('user-agent')) };
    return visits.show(visit, 'account-passkey', 'security', data, says);
  }

  return [
    route({
      method: 'GET',
      path: page,
      query: saysQuery,
      statuses: [200, 303],
      handle: ({ raw, query }) =>
        visits.open(raw, { page, isSensitive: true }, (visit) => show(visit, undefined, query)),
    }),

    route({
      method: 'POST',
      path: page,
      body: passkeyForm,
      statuses: [303, 400],
      handle: ({ raw, body }) =>
        visits.open(raw, { page, isSensitive: true }, async (visit) => {
          const { sealed, name } = body;
          const { id } = visit.account;
          const again = (problem: Says['problem'] & string) => show(visit, name, { problem, status: 400 });
          if (!visits.isOwnForm(visit, body.csrf)) return again('form-expired');
          const response = readPasskeyResponse(body.response);
          const outcome = await factors.passkeys.finishRegistration(id, contextOf(visit), {
            sealed,
            response,
            name,
          });
          if (!outcome.ok) {
            if (outcome.problem === 'account-gone') return { redirect: '/account' };
            return again(problems[outcome.problem]);
          }
          await news.factorAdded(visit, outcome.factor);
          return { redirect: afterAdding('passkey-added', await factors.list(id)) };
        }),
    }),
  ];
}
