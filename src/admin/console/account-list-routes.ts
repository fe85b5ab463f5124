import { z } from 'zod';
import { bulkRoutes } from './account-bulk-routes.ts';
import { accountsPath } from './account-labels.ts';
import type { ConsoleParts } from './console.ts';
import { type ConsoleRoute, consoleRoute, cursorField, textField } from './console-route.ts';
import { type Visit, withQuery } from './console-visit.ts';

const perPage = 50;

/** Accounts: found by name, address, id, status, role or group. */
export function accountListRoutes(parts: ConsoleParts): ConsoleRoute[] {
  const { admin, visits } = parts;

  /** What may be chosen in the filters. */
  async function choices(visit: Visit) {
    const [roles, groups] = await Promise.all([
      visit.may('roles:read') ? admin.roles.list() : [],
      visit.may('groups:read') ? admin.groups.list() : [],
    ]);
    const named = ({ id, name, description }: { id: string; name: string; description: string }) => ({
      id,
      name: name || id,
      description,
    });
    return { roles: roles.map(named), groups: groups.map(named) };
  }

  return [
    consoleRoute({
      method: 'GET',
      path: accountsPath,
      permission: 'accounts:read',
      query: {
        text: textField(200),
        status: z.enum(['active', 'disabled', '']).catch('').default(''),
        role: textField(64),
        group: textField(64),
        cursor: cursorField,
      },
      async handle({ visit, query }) {
        const { text, status, role, group, cursor } = query;
        const [found, { roles, groups }, total] = await Promise.all([
          admin.accounts.search({
            ...(text ? { text } : {}),
            ...(status ? { status } : {}),
            ...(role ? { role } : {}),
            ...(group ? { group } : {}),
            ...(cursor ? { cursor } : {}),
            count: perPage,
          }),
          choices(visit),
          admin.accounts.count(),
        ]);
        const filters = { text, status, role, group };
        const here = withQuery(accountsPath, filters);
        return visits.show(visit, 'admin-accounts', 'accounts', {
          accounts: found.items,
          roleNames: Object.fromEntries(roles.map(({ id, name }) => [id, name])),
          roles,
          groups,
          total,
          filters,
          isFiltered: Object.values(filters).some(Boolean),
          ...(cursor ? { first: here } : {}),
          ...(found.cursor ? { next: withQuery(here, { cursor: found.cursor }) } : {}),
        });
      },
    }),
    ...bulkRoutes(parts),
  ];
}
