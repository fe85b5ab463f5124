import { permissions } from '../../access/access.ts';
import { adminResourceIndicator } from '../../oidc/oidc.ts';
import type { ConsoleParts } from './console.ts';
import { type ConsoleRoute, consoleRoute } from './console-route.ts';
import { secretVariable, shell } from './framework-settings/framework.ts';

/** How programs do what the console does. */
export function apiPageRoutes({ visits, issuer }: ConsoleParts): ConsoleRoute[] {
  const api = adminResourceIndicator(issuer);
  const command = `TOKEN=$(curl --fail-with-body --silent ${shell(`${issuer}/token`)} \\
  --user "$OIDC_CLIENT_ID:$${secretVariable}" \\
  --data-urlencode grant_type=client_credentials \\
  --data-urlencode resource=${shell(api)} \\
  --data-urlencode scope='accounts:read' | jq --raw-output .access_token)

curl --fail-with-body --header "Authorization: Bearer $TOKEN" ${shell(`${api}/accounts?count=10`)}
`;
  return [
    consoleRoute({
      method: 'GET',
      path: '/admin/api',
      permission: 'clients:read',
      handle: async ({ visit }) =>
        visits.show(visit, 'admin-api', 'api', { issuer, api, permissions: permissions.length, command }),
    }),
  ];
}
