import type { ConsoleParts } from './console.ts';
import { type ConsoleRoute, consoleRoute, textField } from './console-route.ts';
import { type Visit, withQuery } from './console-visit.ts';
import { sections } from './sections.ts';

const fewFound = 8;

/** The field on top of each page: leads straight to what can only be meant, else shows what was found. */
export function searchRoutes({ admin, visits }: ConsoleParts): ConsoleRoute[] {
  function pagesFor(visit: Visit, text: string) {
    const folded = text.toLowerCase();
    return sections.flatMap(({ id, path, permission }) => {
      const label = visit.t(`admin.section.${id}`);
      const isMeant = folded !== '' && label.toLowerCase().startsWith(folded);
      return isMeant && visit.may(permission) ? [{ label, href: path }] : [];
    });
  }

  /** Where a whole id, or the number of a request, leads to. */
  async function exactly(visit: Visit, text: string): Promise<string | undefined> {
    const [account, client, events] = await Promise.all([
      visit.may('accounts:read') ? admin.accounts.find(text) : undefined,
      visit.may('clients:read') ? admin.clients.find(text) : undefined,
      visit.may('audit:read') && /^[\w.-]{8,64}$/.test(text)
        ? admin.events.list({ requestId: text, count: 1 })
        : undefined,
    ]);
    if (account?.ok) return `/admin/accounts/${encodeURIComponent(text)}`;
    if (client?.ok) return `/admin/clients/${encodeURIComponent(text)}`;
    if (events?.events.length) return withQuery('/admin/audit', { request: text });
    return undefined;
  }

  return [
    consoleRoute({
      method: 'GET',
      path: '/admin/search',
      permission: 'any',
      query: { q: textField(200) },
      async handle({ visit, query: { q } }) {
        if (q === '') return { redirect: '/admin' };
        const [exact, accounts, clients] = await Promise.all([
          exactly(visit, q),
          visit.may('accounts:read') ? admin.accounts.search({ text: q, count: fewFound }) : undefined,
          visit.may('clients:read') ? admin.clients.list({ text: q, count: fewFound }) : undefined,
        ]);
        if (exact) return { redirect: exact };
        const pages = pagesFor(visit, q);
        const found = {
          accounts: (accounts?.items ?? []).map(({ id, email, name }) => ({ id, email, name: name ?? '' })),
          clients: (clients?.items ?? []).map(({ metadata }) => ({
            id: metadata.client_id,
            name: String(metadata.client_name ?? metadata.client_id),
          })),
          pages,
        };
        const all = [
          ...found.pages.map(({ href }) => href),
          ...found.accounts.map(({ id }) => `/admin/accounts/${encodeURIComponent(id)}`),
          ...found.clients.map(({ id }) => `/admin/clients/${encodeURIComponent(id)}`),
        ];
        const [only, second] = all;
        if (only !== undefined && second === undefined) return { redirect: only };
        return visits.show(visit, 'admin-search', undefined, found, { search: q });
      },
    }),
  ];
}
