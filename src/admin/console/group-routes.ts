import { type Group, outranks, type Role } from '../../access/access.ts';
import type { Reply } from '../../http/route.ts';
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

const listPath = '/admin/groups';
const perPage = 50;
const groupPath = (id: string) => `${listPath}/${encodeURIComponent(id)}`;
const params = { id: idField };

const draftFields = { role: manyField, ...definitionFields };

/** Groups: people who belong together, with the roles and claims that come with it. */
export function groupRoutes({ admin, visits, access }: ConsoleParts): ConsoleRoute[] {
  const list = ({ t }: Visit) => ({ label: t('admin.section.groups'), href: listPath });
  const lacking = (visit: Visit) => visits.notFound(visit, 'groups', list(visit));

  const countOf = (visit: Visit, group: string) =>
    visit.may('accounts:read') ? admin.accounts.count({ group }) : 0;
  const rolesFor = (visit: Visit) => (visit.may('roles:read') ? admin.roles.list() : []);
  const nameIn = (roles: Role[], id: string) => roles.find((role) => role.id === id)?.name || id;

  async function isWithinReach(visit: Visit, { roles }: Group): Promise<boolean> {
    const { permissions } = await access.effectiveNow({ roles, groups: [] });
    return outranks(visit.actor.permissions, permissions);
  }

  async function showForm(
    visit: Visit,
    form: DefinitionForm,
    says: Says & { status?: number } = {},
  ): Promise<Reply> {
    const { chosen, ...rest } = form;
    const roles = (await rolesFor(visit)).map(({ id, name, description, permissions }) => {
      const isFixed = !outranks(visit.actor.permissions, permissions);
      const hint = isFixed ? visit.t('admin.access.more-than-you') : description;
      return { id, name: name || id, hint, isOn: chosen.includes(id), isFixed };
    });
    return visits.show(visit, 'admin-group-edit', 'groups', { ...rest, roles }, says);
  }

  return [
    consoleRoute({
      method: 'GET',
      path: listPath,
      permission: 'groups:read',
      query: { cursor: cursorField },
      async handle({ visit, query: { cursor } }) {
        const [page, roles] = await Promise.all([
          admin.groups.page({ cursor, count: perPage }),
          rolesFor(visit),
        ]);
        const groups = page.items;
        const counts = await Promise.all(groups.map(({ id }) => countOf(visit, id)));
        return visits.show(visit, 'admin-groups', 'groups', {
          groups: groups.map((group, at) => ({
            ...group,
            accounts: counts[at] ?? 0,
            roleNames: group.roles.map((id) => nameIn(roles, id)),
          })),
          ...(cursor ? { first: listPath } : {}),
          ...(page.cursor ? { next: withQuery(listPath, { cursor: page.cursor }) } : {}),
        });
      },
    }),
    consoleRoute({
      method: 'GET',
      path: `${listPath}/new`,
      permission: 'groups:write',
      handle: ({ visit }) => showForm(visit, emptyForm()),
    }),
    consoleRoute({
      method: 'POST',
      path: `${listPath}/new`,
      permission: 'groups:write',
      body: { id: textField(80), ...draftFields },
      back: () => `${listPath}/new`,
      async handle({ visit, body }) {
        const { id, name, description, role } = body;
        const { claims, faults } = claimsIn(body);
        const again = formAgain(body, { id, isNew: true }, role);
        if (faults.length > 0) return showForm(visit, again, wrongClaims(visit, faults));
        const draft = { name: name || id, description, roles: role, claims };
        const made = await admin.groups.create(visit.actor, id, draft);
        if (made.ok) return doneAt(groupPath(id), 'group-created');
        return showForm(visit, again, visits.refusal(made));
      },
    }),
    consoleRoute({
      method: 'GET',
      path: `${listPath}/:id`,
      permission: 'groups:read',
      params,
      async handle({ visit, params: { id } }) {
        const found = await admin.groups.find(id);
        if (!found.ok) return lacking(visit);
        const group = found.value;
        const [accounts, roles, within] = await Promise.all([
          countOf(visit, id),
          rolesFor(visit),
          isWithinReach(visit, group),
        ]);
        return visits.show(visit, 'admin-group', 'groups', {
          group,
          accounts,
          roles: group.roles.map((role) => ({ id: role, name: nameIn(roles, role) })),
          isWithinReach: within,
        });
      },
    }),
    consoleRoute({
      method: 'GET',
      path: `${listPath}/:id/edit`,
      permission: 'groups:write',
      params,
      async handle({ visit, params: { id } }) {
        const found = await admin.groups.find(id);
        if (!found.ok) return lacking(visit);
        return showForm(visit, formOf(found.value, found.value.roles));
      },
    }),
    consoleRoute({
      method: 'POST',
      path: `${listPath}/:id/edit`,
      permission: 'groups:write',
      params,
      body: { version: versionField, ...draftFields },
      back: ({ id }) => `${groupPath(id)}/edit`,
      async handle({ visit, params: { id }, body }) {
        const { version, name, description, role, kept } = body;
        const { claims, faults } = claimsIn(body);
        const chosen = [...new Set([...role, ...kept])];
        const again = formAgain(body, { id, version, isNew: false }, chosen);
        if (faults.length > 0) return showForm(visit, again, wrongClaims(visit, faults));
        const draft = { name, description, roles: chosen, claims };
        const outcome = await admin.groups.update(visit.actor, id, draft, { version });
        if (outcome.ok) return doneAt(groupPath(id), 'group-saved');
        return showForm(visit, again, visits.refusal(outcome));
      },
    }),
    ...askedAct(visits, {
      path: `${listPath}/:id/delete`,
      parts: ['id'],
      permission: 'groups:write',
      section: 'groups',
      list,
      async find(_visit, { id }): Promise<Group | undefined> {
        const found = await admin.groups.find(id);
        return found.ok ? found.value : undefined;
      },
      async ask(visit, { id, name, roles }) {
        const { t } = visit;
        const count = await countOf(visit, id);
        return {
          title: t('admin.ask.group-deleted.title', { name: name || id }),
          lead: t('admin.ask.group-deleted.lead', { name: name || id }),
          submit: t('admin.ask.group-deleted.submit'),
          ends: [t('admin.ends.members', { count }), t('admin.ends.group-roles', { count: roles.length })],
          stays: [t('admin.stays.accounts')],
          back: groupPath(id),
          crumbs: [list(visit), { label: name || id, href: groupPath(id) }],
        };
      },
      typed: ({ t }, { id }) => ({ label: t('admin.typed', { what: id }), expected: id }),
      act: (visit, { id }) => admin.groups.remove(visit.actor, id),
      after: () => doneAt(listPath, 'group-deleted'),
    }),
  ];
}
