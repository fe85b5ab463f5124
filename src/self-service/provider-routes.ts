import { z } from 'zod';
import { Refusal } from '../errors.ts';
import { type Reply, type Route, route } from '../http/route.ts';
import { upstreamCookie } from '../http/upstream-cookie.ts';
import { csrfField, idField, saysQuery } from './forms.ts';
import type { PageParts } from './self-service.ts';
import { momentOf, type Says, type Visit } from './visit.ts';

export const providersPage = '/account/providers';
const providerParams = z.strictObject({ provider: z.string().regex(/^[\w-]{1,64}$/) });
const tokenQuery = z.object({ token: z.string().max(256).default('') });
const unlinkForm = z.strictObject({ csrf: csrfField, identity: idField });

/**
 * Other providers that the person can sign in with. The way to one is a link and no form, since browsers hold
 * `form-action` against the redirects that follow a form; its token is good for nothing else.
 */
export function providerRoutes(parts: PageParts): Route[] {
  const { visits, upstream, csrf, issuer, news } = parts;
  const cookie = upstreamCookie(issuer.startsWith('https:'));
  const bindingOf = ({ session }: Visit, providerId: string) => `link:${session.uid}:${providerId}`;
  const nameOf = (providerId: string) =>
    upstream.providers.find(({ id }) => id === providerId)?.name ?? providerId;

  async function show(visit: Visit, says: Says = {}): Promise<Reply> {
    const links = await upstream.list(visit.account.id);
    const data = {
      links: links.map(({ identityId, providerId, email, name, sub, linkedAt, lastUsedAt }) => ({
        identityId,
        provider: nameOf(providerId),
        who: email ?? name ?? sub,
        linkedAt: momentOf(visit, linkedAt),
        usedAt: momentOf(visit, lastUsedAt),
      })),
      offers: upstream.providers.map(({ id, name }) => ({
        name,
        linkPath: `${providersPage}/${id}/link?token=${csrf.issue(bindingOf(visit, id))}`,
      })),
    };
    return visits.show(visit, 'account-providers', 'providers', data, says);
  }

  return [
    route({
      method: 'GET',
      path: providersPage,
      query: saysQuery,
      statuses: [200, 303],
      handle: ({ raw, query }) =>
        visits.open(raw, { page: providersPage, isSensitive: true }, (visit) => show(visit, query)),
    }),

    route({
      method: 'GET',
      path: `${providersPage}/:provider/link`,
      params: providerParams,
      query: tokenQuery,
      statuses: [303, 400, 404],
      handle: ({ raw, params: { provider }, query: { token } }) =>
        visits.open(raw, { page: providersPage, isSensitive: true }, async (visit) => {
          if (!csrf.check(token, bindingOf(visit, provider))) {
            return show(visit, { problem: 'form-expired', status: 400 });
          }
          const { id: accountId, epoch } = visit.account;
          const begun = await upstream.begin(
            provider,
            { kind: 'link', accountId, epoch },
            raw.cookies.get(cookie, { signed: false }),
          );
          if (begun.ok) {
            return { redirect: begun.url, cookies: [{ name: cookie, value: begun.browserSecret }] };
          }
          if (begun.problem === 'unknown-provider') {
            throw new Refusal(404, 'not-found', { code: 'not_found' });
          }
          return { redirect: `${providersPage}?problem=provider-away` };
        }),
    }),

    route({
      method: 'POST',
      path: `${providersPage}/unlink`,
      body: unlinkForm,
      statuses: [303, 400, 404, 409],
      handle: ({ raw, body }) =>
        visits.open(raw, { page: providersPage, isSensitive: true }, async (visit) => {
          if (!visits.isOwnForm(visit, body.csrf)) {
            return show(visit, { problem: 'form-expired', status: 400 });
          }
          const { id } = visit.account;
          const link = (await upstream.list(id)).find(({ identityId }) => identityId === body.identity);
          if (!link) return show(visit, { problem: 'provider-unknown', status: 404 });
          const outcome = await upstream.unlink(id, link.identityId);
          if (!outcome.ok && outcome.problem === 'last-way-in') {
            return show(visit, { problem: 'last-way-in', status: 409 });
          }
          // Not linked any more: by the same form a moment ago.
          if (outcome.ok) {
            await news.providerUnlinked(visit, nameOf(link.providerId), link.identityId, link.linkedAt);
          }
          return { redirect: `${providersPage}?done=provider-unlinked` };
        }),
    }),
  ];
}
