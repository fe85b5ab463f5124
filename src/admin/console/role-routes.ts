import {
  isPermission,
  outranks,
  type Permission,
  permissions,
  permissionTexts,
  type Role,
} from '../../access/access.ts';
import type { Reply } from '../../http/route.ts';
import { hasText } from '../../locale.ts';
import type { PermissionGroup } from './access-views.ts';
import { askedAct } from './asked-act.ts';
import { claimsIn } from './claim-rows.ts';
import type { ConsoleParts } from './console.ts';
import {
  type ConsoleRoute,
  consoleRoute,
  cursorField,
  idField,
  manyField,
  textField,
  versionField,
} from './console-route.ts';
import type { Says } from './console-views.ts';
import { doneAt, type Visit, withQuery } from './console-visit.ts';
import {
  type DefinitionForm,
  definitionFields,
  emptyForm,
  formAgain,
  formOf,
  wrongClaims,
} from './definition-form.ts';

const listPath = '/admin/roles';
const perPage = 50;
const rolePath = (id: string) => `${listPath}/${encodeURIComponent(id)}`;
const params = { id: idField };

const draftFields = { permission: manyField, ...definitionFields };

/** Roles: what may be done, and claims that tell applications of it. */
export function roleRoutes({ admin, visits }: ConsoleParts): ConsoleRoute[] {
  const list = ({ t }: Visit) => ({ label: t('admin.section.roles'), href: listPath });
  const lacking = (visit: Visit) => visits.notFound(visit, 'roles', list(visit));

  const countOf = (visit: Visit, role: string) =>
    visit.may('accounts:read') ? admin.accounts.count({ role }) : 0;

  function showForm(visit: Visit, form: DefinitionForm, says: Says & { status?: number } = {}): Reply {
    const { chosen, ...rest } = form;
    return visits.show(visit, 'admin-role-edit', 'roles', { ...rest, areas: boxesOf(visit, chosen) }, says);
  }

  return [
    consoleRoute({
      method: 'GET',
      path: listPath,
      permission: 'roles:read',
      query: { cursor: cursorField },
      async handle({ visit, query: { cursor } }) {
        const page = await admin.roles.page({ cursor, count: perPage });
        const roles = page.items;
        const counts = await Promise.all(roles.map(({ id }) => countOf(visit, id)));
        return visits.show(visit, 'admin-roles', 'roles', {
          roles: roles.map((role, at) => ({ ...role, accounts: counts[at] ?? 0 })),
          ...(cursor ? { first: listPath } : {}),
          ...(page.cursor ? { next: withQuery(listPath, { cursor: page.cursor }) } : {}),
        });
      },
    }),
    consoleRoute({
      method: 'GET',
      path: `${listPath}/new`,
      permission: 'roles:write',
      handle: async ({ visit }) => showForm(visit, emptyForm()),
    }),
    consoleRoute({
      method: 'POST',
      path: `${listPath}/new`,
      permission: 'roles:write',
      body: { id: textField(80), ...draftFields },
      back: () => `${listPath}/new`,
      async handle({ visit, body }) {
        const { id, name, description, permission } = body;
        const { claims, faults } = claimsIn(body);
        const again = formAgain(body, { id, isNew: true }, permission);
        if (faults.length > 0) return showForm(visit, again, wrongClaims(visit, faults));
        const draft = { name: name || id, description, permissions: permission as Permission[], claims };
        const made = await admin.roles.create(visit.actor, id, draft);
        if (made.ok) return doneAt(rolePath(id), 'role-created');
        return showForm(visit, again, visits.refusal(made));
      },
    }),
    consoleRoute({
      method: 'GET',
      path: `${listPath}/:id`,
      permission: 'roles:read',
      params,
      async handle({ visit, params: { id } }) {
        const found = await admin.roles.find(id);
        if (!found.ok) return lacking(visit);
        const role = found.value;
        const [accounts, groups] = await Promise.all([
          countOf(visit, id),
          visit.may('groups:read') ? admin.groups.list() : [],
        ]);
        return visits.show(visit, 'admin-role', 'roles', {
          role,
          accounts,
          groups: groups.filter(({ roles }) => roles.includes(id)),
          areas: areasOf(role.permissions).map(({ area, ids }) => ({
            area,
            texts: ids.map((one) => textFor(visit, one)),
          })),
          isWithinReach: !role.isBuiltIn && outranks(visit.actor.permissions, role.permissions),
        });
      },
    }),
    consoleRoute({
      method: 'GET',
      path: `${listPath}/:id/edit`,
      permission: 'roles:write',
      params,
      async handle({ visit, params: { id } }) {
        const found = await admin.roles.find(id);
        if (!found.ok) return lacking(visit);
        return showForm(visit, formOf(found.value, found.value.permissions));
      },
    }),
    consoleRoute({
      method: 'POST',
      path: `${listPath}/:id/edit`,
      permission: 'roles:write',
      params,
      body: { version: versionField, ...draftFields },
      back: ({ id }) => `${rolePath(id)}/edit`,
      async handle({ visit, params: { id }, body }) {
        const { version, name, description, permission, kept } = body;
        const { claims, faults } = claimsIn(body);
        const chosen = [...new Set([...permission, ...kept])];
        const again = formAgain(body, { id, version, isNew: false }, chosen);
        if (faults.length > 0) return showForm(visit, again, wrongClaims(visit, faults));
        const draft = { name, description, permissions: chosen as Permission[], claims };
        const outcome = await admin.roles.update(visit.actor, id, draft, { version });
        if (outcome.ok) return doneAt(rolePath(id), 'role-saved');
        return showForm(visit, again, visits.refusal(outcome));
      },
    }),
    ...askedAct(visits, {
      path: `${listPath}/:id/delete`,
      parts: ['id'],
      permission: 'roles:write',
      section: 'roles',
      list,
      async find(_visit, { id }): Promise<Role | undefined> {
        const found = await admin.roles.find(id);
        return found.ok ? found.value : undefined;
      },
      async ask(visit, { id, name }) {
        const { t } = visit;
        const count = await countOf(visit, id);
        return {
          title: t('admin.ask.role-deleted.title', { name: name || id }),
          lead: t('admin.ask.role-deleted.lead', { name: name || id }),
          submit: t('admin.ask.role-deleted.submit'),
          ends: [t('admin.ends.role-holders', { count })],
          stays: [t('admin.stays.accounts')],
          back: rolePath(id),
          crumbs: [list(visit), { label: name || id, href: rolePath(id) }],
        };
      },
      typed: ({ t }, { id }) => ({ label: t('admin.typed', { what: id }), expected: id }),
      act: (visit, { id }) => admin.roles.remove(visit.actor, id),
      after: () => doneAt(listPath, 'role-deleted'),
    }),
  ];
}

/** In words of this language; those of the scopes where it has none. */
function textFor({ t }: Visit, permission: string): string {
  const key = `admin.permission.${permission}`;
  return hasText(key) ? t(key) : isPermission(permission) ? permissionTexts[permission] : permission;
}

function areasOf(ids: readonly string[]): { area: string; ids: string[] }[] {
  const areas = [...new Set(ids.map((id) => id.split(':')[0] ?? id))];
  return areas.map((area) => ({ area, ids: ids.filter((id) => id.startsWith(`${area}:`)) }));
}

/** Every permission as a box; what the actor may not do, they cannot give or take. */
function boxesOf(visit: Visit, chosen: string[]): PermissionGroup[] {
  return areasOf(permissions).map(({ area, ids }) => ({
    area,
    permissions: ids.map((id) => ({
      id,
      text: textFor(visit, id),
      isOn: chosen.includes(id),
      isFixed: !visit.actor.permissions.has(id as Permission),
    })),
  }));
}
