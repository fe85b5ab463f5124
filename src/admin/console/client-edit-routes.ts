import type { Reply } from '../../http/route.ts';
import type { ClientRecord } from '../../oidc/oidc.ts';
import { apiChoices, roleChoices } from './client-choices.ts';
import {
  type ClientField,
  clientFields,
  enteredOf,
  type FieldChoice,
  type FieldGroup,
  type FieldView,
  fieldGroups,
  formFields,
  metadataOf,
} from './client-fields.ts';
import { clientListCrumb, clientName, clientPath, clientsPath } from './client-labels.ts';
import type { ConsoleParts } from './console.ts';
import { type ConsoleRoute, consoleRoute, idField, textField, versionField } from './console-route.ts';
import type { Says } from './console-views.ts';
import { doneAt, type Visit } from './console-visit.ts';

const path = `${clientsPath}/:id`;
const params = { id: idField };

type Entered = Record<string, string | string[]>;

/** Metadata of a client, changed group by group or as a whole. */
export function clientEditRoutes({ admin, visits, issuer }: ConsoleParts): ConsoleRoute[] {
  const lacking = (visit: Visit) => visits.notFound(visit, 'clients', clientListCrumb(visit));

  async function choicesFor(visit: Visit, field: ClientField): Promise<FieldChoice[]> {
    if (field.type === 'apis') return apiChoices(admin, visit, issuer);
    if (field.type === 'roles') return roleChoices(admin, visit);
    if (field.type !== 'many') return [];
    return field.options.map((value) => ({ value, label: value, hint: '', isFixed: false }));
  }

  async function viewOf(visit: Visit, field: ClientField, entered: string | string[]): Promise<FieldView> {
    const chosen = [entered].flat();
    const choices = await choicesFor(visit, field);
    const known = new Set(choices.map(({ value }) => value));
    // What it has and nobody knows any more can be taken away, too.
    const others =
      field.type === 'apis' || field.type === 'roles' ? chosen.filter((one) => !known.has(one)) : [];
    return {
      ...field,
      value: Array.isArray(entered) ? '' : entered,
      chosen,
      choices: [...choices, ...others.map((value) => ({ value, label: value, hint: '', isFixed: false }))],
    };
  }

  async function showGroup(
    visit: Visit,
    client: ClientRecord,
    group: FieldGroup,
    entered: Entered | undefined,
    version: number,
    says: Says & { status?: number } = {},
  ): Promise<Reply> {
    const { metadata } = client;
    const fields = clientFields[group].map((field) =>
      viewOf(visit, field, entered?.[field.name] ?? enteredOf(metadata, field)),
    );
    return visits.show(
      visit,
      'admin-client-edit',
      'clients',
      {
        id: metadata.client_id,
        name: clientName(metadata),
        version,
        group,
        fields: await Promise.all(fields),
      },
      says,
    );
  }

  /** Those that could not be changed are not sent; what they stand for stays. */
  async function withFixed(
    visit: Visit,
    { metadata }: ClientRecord,
    field: ClientField,
    entered: string | string[],
  ): Promise<string | string[]> {
    if (field.type !== 'roles' || !Array.isArray(entered)) return entered;
    const fixed = (await roleChoices(admin, visit))
      .filter(({ isFixed }) => isFixed)
      .map(({ value }) => value);
    const had = [enteredOf(metadata, field)].flat();
    return [...new Set([...entered, ...had.filter((one) => fixed.includes(one))])];
  }

  const groupRoutes = fieldGroups.flatMap((group) => {
    const fields = clientFields[group];
    return [
      consoleRoute({
        method: 'GET',
        path: `${path}/edit/${group}`,
        permission: 'clients:write',
        params,
        async handle({ visit, params: { id } }) {
          const found = await admin.clients.find(id);
          if (!found.ok) return lacking(visit);
          return showGroup(visit, found.value, group, undefined, found.value.version);
        },
      }),
      consoleRoute({
        method: 'POST',
        path: `${path}/edit/${group}`,
        permission: 'clients:write',
        params,
        body: { version: versionField, ...formFields(fields) },
        back: ({ id }) => `${clientPath(id)}/edit/${group}`,
        async handle({ visit, params: { id }, body }) {
          const found = await admin.clients.find(id);
          if (!found.ok) return lacking(visit);
          const client = found.value;
          const { version } = body as { version?: number };
          const entered = body as unknown as Entered;
          const patch: Record<string, unknown> = {};
          for (const field of fields) {
            const given = await withFixed(visit, client, field, entered[field.name] ?? '');
            const isSame = JSON.stringify(given) === JSON.stringify(enteredOf(client.metadata, field));
            // A version that is older than what was read shows that somebody else was here.
            if (!isSame) patch[field.name] = metadataOf(field, given);
          }
          const outcome = await admin.clients.update(visit.actor, id, patch, { version });
          if (outcome.ok) return doneAt(clientPath(id), 'client-saved');
          return showGroup(visit, client, group, entered, version ?? 0, visits.refusal(outcome));
        },
      }),
    ];
  });

  function showJson(
    visit: Visit,
    { metadata }: ClientRecord,
    json: string,
    version: number,
    says: Says & { status?: number } = {},
  ): Reply {
    const data = { id: metadata.client_id, name: clientName(metadata), version, json };
    return visits.show(visit, 'admin-client-json', 'clients', data, says);
  }

  return [
    ...groupRoutes,
    consoleRoute({
      method: 'GET',
      path: `${path}/json`,
      permission: 'clients:write',
      params,
      async handle({ visit, params: { id } }) {
        const found = await admin.clients.find(id);
        if (!found.ok) return lacking(visit);
        const { metadata, version } = found.value;
        return showJson(visit, found.value, JSON.stringify(metadata, null, 2), version);
      },
    }),
    consoleRoute({
      method: 'POST',
      path: `${path}/json`,
      permission: 'clients:write',
      params,
      body: { version: versionField, json: textField(60_000) },
      back: ({ id }) => `${clientPath(id)}/json`,
      async handle({ visit, params: { id }, body: { version, json } }) {
        const found = await admin.clients.find(id);
        if (!found.ok) return lacking(visit);
        const client = found.value;
        const wanted = objectIn(json);
        if (!wanted) {
          const message = visit.t('admin.client.json.not-object');
          const says = { problem: message, faults: [{ path: 'json', message }], status: 422 };
          return showJson(visit, client, json, version ?? 0, says);
        }
        const gone = Object.keys(client.metadata).filter((field) => !(field in wanted));
        const patch = { ...Object.fromEntries(gone.map((field) => [field, null])), ...wanted };
        const outcome = await admin.clients.update(visit.actor, id, patch, { version });
        if (outcome.ok) return doneAt(clientPath(id), 'client-saved');
        return showJson(visit, client, json, version ?? 0, visits.refusal(outcome));
      },
    }),
  ];
}

function objectIn(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    const isObject = value !== null && typeof value === 'object' && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
