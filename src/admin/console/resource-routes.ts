import { z } from 'zod';
import type { Reply } from '../../http/route.ts';
import type { ClientRecord, Resource, ResourceDraft } from '../../oidc/oidc.ts';
import { askedAct } from './asked-act.ts';
import { clientName, textsOf } from './client-labels.ts';
import type { ConsoleParts } from './console.ts';
import {
  boxField,
  type ConsoleRoute,
  consoleRoute,
  cursorField,
  manyField,
  textField,
  versionField,
} from './console-route.ts';
import type { Says } from './console-views.ts';
import { doneAt, type Visit, withQuery } from './console-visit.ts';
import type { ResourceEntered } from './resource-views.ts';

const listPath = '/admin/resources';
const perPage = 50;
const emptyRows = 4;
/** Clients that are looked at for those that may ask. */
const mostClients = 1000;

/**
 * Indicators are addresses with slashes in them, which balancers like to rewrite in a path; so it has them in
 * base64url.
 */
export function resourcePath(indicator: string): string {
  return `${listPath}/${Buffer.from(indicator).toString('base64url')}`;
}

function indicatorIn(part: string): string {
  return Buffer.from(part, 'base64url').toString('utf8');
}

const draftFields = {
  name: textField(200),
  format: z.enum(['jwt', 'opaque']).catch('jwt').default('jwt'),
  signingAlgorithm: z.enum(['ES256', 'EdDSA', 'RS256']).catch('ES256').default('ES256'),
  accessTokenSeconds: textField(20),
  hasRoles: boxField,
  'scope-name': manyField,
  'scope-description': manyField,
};
type DraftFields = { [N in keyof typeof draftFields]: z.output<(typeof draftFields)[N]> };

/** APIs that clients ask tokens of, with their scopes. */
export function resourceRoutes({ admin, visits }: ConsoleParts): ConsoleRoute[] {
  const list = ({ t }: Visit) => ({ label: t('admin.section.resources'), href: listPath });
  const lacking = (visit: Visit) => visits.notFound(visit, 'resources', list(visit));
  const params = { api: z.string().min(1).max(800) };

  async function find(part: string): Promise<Resource | undefined> {
    const found = await admin.resources.find(indicatorIn(part));
    return found.ok ? found.value : undefined;
  }

  async function clientsOf(visit: Visit, indicator: string) {
    const clients: ClientRecord[] = [];
    if (!visit.may('clients:read')) return { clients: [], isPartial: false };
    let cursor: string | undefined;
    do {
      const page = await admin.clients.list({ count: 200, ...(cursor ? { cursor } : {}) });
      clients.push(...page.items);
      cursor = page.cursor;
    } while (cursor !== undefined && clients.length < mostClients);
    return {
      clients: clients
        .filter(({ metadata }) => textsOf(metadata, 'resources').includes(indicator))
        .map(({ metadata }) => ({ id: metadata.client_id, name: clientName(metadata) })),
      isPartial: cursor !== undefined,
    };
  }

  function showForm(
    visit: Visit,
    entered: ResourceEntered,
    of: { path?: string; version: number },
    says: Says & { status?: number } = {},
  ): Reply {
    const rows = [
      ...entered.scopes,
      ...Array.from({ length: emptyRows }, () => ({ name: '', description: '' })),
    ];
    return visits.show(
      visit,
      'admin-resource-edit',
      'resources',
      { ...of, entered: { ...entered, scopes: rows } },
      says,
    );
  }

  return [
    consoleRoute({
      method: 'GET',
      path: listPath,
      permission: 'resources:read',
      query: { cursor: cursorField },
      async handle({ visit, query: { cursor } }) {
        const page = await admin.resources.page({ cursor, count: perPage });
        return visits.show(visit, 'admin-resources', 'resources', {
          resources: page.items.map((one) => ({ ...one, path: resourcePath(one.indicator) })),
          ...(cursor ? { first: listPath } : {}),
          ...(page.cursor ? { next: withQuery(listPath, { cursor: page.cursor }) } : {}),
        });
      },
    }),
    consoleRoute({
      method: 'GET',
      path: `${listPath}/new`,
      permission: 'resources:write',
      handle: async ({ visit }) => showForm(visit, emptyForm, { version: 0 }),
    }),
    consoleRoute({
      method: 'POST',
      path: `${listPath}/new`,
      permission: 'resources:write',
      body: { indicator: textField(600), ...draftFields },
      back: () => `${listPath}/new`,
      async handle({ visit, body }) {
        const { indicator } = body;
        const made = await admin.resources.create(visit.actor, indicator, draftOf(body));
        if (made.ok) return doneAt(resourcePath(indicator), 'resource-created');
        return showForm(visit, enteredOf(indicator, body), { version: 0 }, visits.refusal(made));
      },
    }),
    consoleRoute({
      method: 'GET',
      path: `${listPath}/:api`,
      permission: 'resources:read',
      params,
      async handle({ visit, params: { api } }) {
        const resource = await find(api);
        if (!resource) return lacking(visit);
        const { indicator } = resource;
        return visits.show(visit, 'admin-resource', 'resources', {
          resource,
          path: resourcePath(indicator),
          ...(await clientsOf(visit, indicator)),
        });
      },
    }),
    consoleRoute({
      method: 'GET',
      path: `${listPath}/:api/edit`,
      permission: 'resources:write',
      params,
      async handle({ visit, params: { api } }) {
        const resource = await find(api);
        if (!resource) return lacking(visit);
        const { indicator, version, accessTokenSeconds } = resource;
        const entered = { ...resource, accessTokenSeconds: String(accessTokenSeconds ?? '') };
        return showForm(visit, entered, { path: resourcePath(indicator), version });
      },
    }),
    consoleRoute({
      method: 'POST',
      path: `${listPath}/:api/edit`,
      permission: 'resources:write',
      params,
      body: { version: versionField, ...draftFields },
      back: ({ api }) => `${listPath}/${encodeURIComponent(api)}/edit`,
      async handle({ visit, params: { api }, body }) {
        const { version } = body;
        const resource = await find(api);
        if (!resource) return lacking(visit);
        const { indicator } = resource;
        const path = resourcePath(indicator);
        const outcome = await admin.resources.update(visit.actor, indicator, draftOf(body), { version });
        if (outcome.ok) return doneAt(path, 'resource-saved');
        return showForm(
          visit,
          enteredOf(indicator, body),
          { path, version: version ?? 0 },
          visits.refusal(outcome),
        );
      },
    }),
    ...askedAct(visits, {
      path: `${listPath}/:api/delete`,
      parts: ['api'],
      permission: 'resources:write',
      section: 'resources',
      list,
      find: (_visit, { api }) => find(api),
      async ask(visit, { indicator, name, scopes }) {
        const { t } = visit;
        const { clients } = await clientsOf(visit, indicator);
        return {
          title: t('admin.ask.resource-deleted.title', { name }),
          lead: t('admin.ask.resource-deleted.lead', { name }),
          submit: t('admin.ask.resource-deleted.submit'),
          ends: [
            t('admin.ends.scopes', { count: scopes.length }),
            t('admin.ends.api-clients', { count: clients.length }),
          ],
          stays: [t('admin.stays.jwt')],
          back: resourcePath(indicator),
          crumbs: [list(visit), { label: name, href: resourcePath(indicator) }],
        };
      },
      typed: ({ t }, { name }) => ({ label: t('admin.typed', { what: name }), expected: name }),
      act: (visit, { indicator }) => admin.resources.remove(visit.actor, indicator),
      after: () => doneAt(listPath, 'resource-deleted'),
    }),
  ];
}

const emptyForm: ResourceEntered = {
  indicator: '',
  name: '',
  scopes: [],
  format: 'jwt',
  signingAlgorithm: 'ES256',
  accessTokenSeconds: '',
  hasRoles: false,
};

/** Rows in which something was entered. */
function scopesIn(body: DraftFields): { name: string; description: string }[] {
  return body['scope-name']
    .map((name, at) => ({ name: name.trim(), description: (body['scope-description'][at] ?? '').trim() }))
    .filter(({ name, description }) => name !== '' || description !== '');
}

function draftOf(body: DraftFields): Partial<ResourceDraft> {
  const { name, format, signingAlgorithm, accessTokenSeconds, hasRoles } = body;
  return {
    ...(name === '' ? {} : { name }),
    scopes: scopesIn(body),
    format,
    signingAlgorithm,
    accessTokenSeconds: accessTokenSeconds === '' ? undefined : Number(accessTokenSeconds),
    hasRoles,
  };
}

function enteredOf(indicator: string, body: DraftFields): ResourceEntered {
  const { name, format, signingAlgorithm, accessTokenSeconds, hasRoles } = body;
  return { indicator, name, format, signingAlgorithm, accessTokenSeconds, hasRoles, scopes: scopesIn(body) };
}
