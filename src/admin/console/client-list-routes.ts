import { kindOf } from './client-kinds.ts';
import { clientName, clientsPath } from './client-labels.ts';
import type { ConsoleParts } from './console.ts';
import { type ConsoleRoute, consoleRoute, cursorField, textField } from './console-route.ts';
import { withQuery } from './console-visit.ts';

const perPage = 50;

export function clientListRoutes({ admin, visits }: ConsoleParts): ConsoleRoute[] {
  return [
    consoleRoute({
      method: 'GET',
      path: clientsPath,
      permission: 'clients:read',
      query: { text: textField(100), cursor: cursorField },
      async handle({ visit, query: { text, cursor } }) {
        const [found, total] = await Promise.all([
          admin.clients.list({ ...(text ? { text } : {}), ...(cursor ? { cursor } : {}), count: perPage }),
          admin.clients.count(),
        ]);
        const here = withQuery(clientsPath, { text });
        return visits.show(visit, 'admin-clients', 'clients', {
          clients: found.items.map(({ metadata, isEnabled, isBuiltIn, updatedAt }) => ({
            id: metadata.client_id,
            name: clientName(metadata),
            kind: kindOf(metadata),
            isEnabled,
            isBuiltIn,
            isOurs: metadata.first_party === true,
            updatedAt,
          })),
          total,
          text,
          ...(cursor ? { first: here } : {}),
          ...(found.cursor ? { next: withQuery(here, { cursor: found.cursor }) } : {}),
        });
      },
    }),
  ];
}
