import { outranks } from '../../access/access.ts';
import type { Reply } from '../../http/route.ts';
import type { ClientRecord } from '../../oidc/oidc.ts';
import { clientFields, type FieldGroup, fieldGroups } from './client-fields.ts';
import { kindOf } from './client-kinds.ts';
import { clientListCrumb, clientsPath, textsOf } from './client-labels.ts';
import { setupOf } from './client-setup.ts';
import type { ConsoleParts } from './console.ts';
import { boxField, type ConsoleRoute, consoleRoute, idField, textField } from './console-route.ts';
import type { Visit } from './console-visit.ts';
import { createNewSecretCookie } from './new-secret-cookie.ts';
import { findingsOf, matchAddress } from './redirect-address.ts';

const path = `${clientsPath}/:id`;
const params = { id: idField };
const latestEvents = 10;

/** One client on one page, and the page after it was made or given a secret. */
export function clientRoutes({ admin, visits, issuer, sealer, access }: ConsoleParts): ConsoleRoute[] {
  const secrets = createNewSecretCookie(sealer);
  const lacking = (visit: Visit) => visits.notFound(visit, 'clients', clientListCrumb(visit));

  async function isWithinReach(visit: Visit, { metadata, isBuiltIn }: ClientRecord): Promise<boolean> {
    if (isBuiltIn) return false;
    const { permissions } = await access.effectiveNow({ roles: textsOf(metadata, 'roles'), groups: [] });
    return outranks(visit.actor.permissions, permissions);
  }

  const resourcesFor = (visit: Visit) => (visit.may('resources:read') ? admin.resources.list() : []);

  async function showClient(
    visit: Visit,
    client: ClientRecord,
    { chosen, tested }: { chosen: string; tested: string },
  ): Promise<Reply> {
    const { metadata } = client;
    const id = metadata.client_id;
    const [within, resources, sessions, recorded] = await Promise.all([
      isWithinReach(visit, client),
      resourcesFor(visit),
      visit.may('sessions:read') ? admin.sessions.count(id) : 0,
      visit.may('audit:read') ? admin.events.list({ clientId: id, count: latestEvents }) : { events: [] },
    ]);
    const isNative = metadata.application_type === 'native';
    const redirects = textsOf(metadata, 'redirect_uris');
    return visits.show(visit, 'admin-client', 'clients', {
      client,
      groups: fieldGroups.map((group) => ({ id: group, rows: rowsOf(metadata, group) })),
      isWithinReach: within,
      wantsSecret: String(metadata.token_endpoint_auth_method ?? 'client_secret_basic').startsWith(
        'client_secret_',
      ),
      sessions,
      events: recorded.events,
      found: redirects
        .map((address) => ({ address, findings: findingsOf(address, { isNative, issuer }) }))
        .filter(({ findings }) => findings.length > 0),
      tested,
      ...(tested ? { match: matchAddress(tested, redirects, { isNative }) } : {}),
      setup: setupOf(metadata, { issuer, resources, chosen }),
      json: JSON.stringify(metadata, null, 2),
    });
  }

  return [
    consoleRoute({
      method: 'GET',
      path,
      permission: 'clients:read',
      params,
      query: { for: textField(40), address: textField(2000) },
      async handle({ visit, params: { id }, query }) {
        const found = await admin.clients.find(id);
        if (!found.ok) return lacking(visit);
        return showClient(visit, found.value, { chosen: query.for, tested: query.address });
      },
    }),

    consoleRoute({
      method: 'GET',
      path: `${path}/ready`,
      permission: 'clients:read',
      params,
      query: { for: textField(40), new: boxField },
      async handle({ visit, params: { id }, query }) {
        const found = await admin.clients.find(id);
        if (!found.ok) return lacking(visit);
        const { metadata } = found.value;
        const secret = secrets.read(visit, id);
        return visits.show(visit, 'admin-client-ready', 'clients', {
          client: found.value,
          isNew: query.new,
          setup: setupOf(metadata, { issuer, resources: await resourcesFor(visit), chosen: query.for }),
          ...(secret === undefined ? {} : { secret }),
        });
      },
    }),

    consoleRoute({
      method: 'POST',
      path: `${path}/ready`,
      permission: 'clients:read',
      params,
      back: ({ id }) => `${clientsPath}/${encodeURIComponent(id)}/ready`,
      async handle({ visit, params: { id } }) {
        return { redirect: `${clientsPath}/${encodeURIComponent(id)}`, cookies: [secrets.drop(visit.ctx)] };
      },
    }),
  ];
}

/** What is set of a group, in texts. */
function rowsOf(metadata: Record<string, unknown>, group: FieldGroup) {
  const isPlain = kindOf(metadata) === 'service';
  return clientFields[group].flatMap(({ name }) => {
    const value = metadata[name];
    const isEmpty = value === undefined || (Array.isArray(value) && value.length === 0);
    if (isEmpty && !(name === 'redirect_uris' && !isPlain)) return [];
    return [{ name, texts: textsIn(value) }];
  });
}

function textsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  if (value !== null && typeof value === 'object') return [JSON.stringify(value, null, 2)];
  return value === undefined ? [] : [String(value)];
}
