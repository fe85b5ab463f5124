import { outranks } from '../../access/access.ts';
import { type Profile, profileFields } from '../../accounts/profile.ts';
import type { Reply } from '../../http/route.ts';
import type { AccountOverview } from '../manage-accounts.ts';
import { accountPath, accountsPath, isForApplication, labelOf, listCrumb } from './account-labels.ts';
import type { ConsoleParts } from './console.ts';
import {
  boxField,
  type ConsoleRoute,
  consoleRoute,
  idField,
  manyField,
  textField,
  versionField,
} from './console-route.ts';
import type { Says } from './console-views.ts';
import { doneAt, type Visit } from './console-visit.ts';

const path = `${accountsPath}/:id`;
const params = { id: idField };

/** One person on one page, and what is changed by a form of its own: profile, roles and groups. */
export function accountRoutes({ admin, visits, mail }: ConsoleParts): ConsoleRoute[] {
  const lacking = (visit: Visit) => visits.notFound(visit, 'accounts', listCrumb(visit));

  /** Names of its roles and groups, and by which groups the roles come. */
  async function accessOf(visit: Visit, { account, effective }: AccountOverview) {
    const [roles, groups] = await Promise.all([
      visit.may('roles:read') ? admin.roles.list() : [],
      visit.may('groups:read') ? admin.groups.list() : [],
    ]);
    const nameIn = (list: { id: string; name: string }[], id: string) =>
      list.find((one) => one.id === id)?.name || id;
    const itsGroups = groups.filter(({ id }) => effective.groups.includes(id));
    return {
      roles: effective.roles.map((id) => ({
        id,
        name: nameIn(roles, id),
        by: itsGroups.filter((group) => group.roles.includes(id)).map(({ name, id }) => name || id),
        isOwn: account.roles?.includes(id) ?? false,
      })),
      groups: effective.groups.map((id) => ({ id, name: nameIn(groups, id) })),
      permissions: [...effective.permissions].sort(),
    };
  }

  async function showEdit(
    visit: Visit,
    id: string,
    entered: { values: Record<string, string>; isVerified: boolean; version: number } | undefined,
    says: Says & { status?: number } = {},
  ): Promise<Reply> {
    const found = await admin.accounts.find(id);
    if (!found.ok) return lacking(visit);
    const account = found.value;
    const stored = Object.fromEntries(profileFields.map((field) => [field, account[field] ?? '']));
    const data = {
      id,
      label: labelOf(account),
      version: entered?.version ?? account.version,
      values: entered?.values ?? { ...stored, email: account.email },
      isVerified: entered?.isVerified ?? account.emailVerified,
    };
    return visits.show(visit, 'admin-account-edit', 'accounts', data, says);
  }

  async function showAccess(visit: Visit, id: string, says: Says & { status?: number } = {}): Promise<Reply> {
    const [found, roles, groups] = await Promise.all([
      admin.accounts.find(id),
      admin.roles.list(),
      admin.groups.list(),
    ]);
    if (!found.ok) return lacking(visit);
    const account = found.value;
    const { permissions } = visit.actor;
    return visits.show(
      visit,
      'admin-account-access',
      'accounts',
      {
        id,
        label: labelOf(account),
        version: account.version,
        roles: roles.map((role) => ({
          id: role.id,
          name: role.name || role.id,
          description: role.description,
          permissions: role.permissions.length,
          isOn: account.roles?.includes(role.id) ?? false,
          isFixed: !outranks(permissions, role.permissions),
        })),
        groups: groups.map((group) => ({
          id: group.id,
          name: group.name || group.id,
          description: group.description,
          roles: group.roles,
          isOn: account.groups?.includes(group.id) ?? false,
        })),
      },
      says,
    );
  }

  const profileBody = Object.fromEntries(profileFields.map((field) => [field, textField(2048)]));

  return [
    consoleRoute({
      method: 'GET',
      path,
      permission: 'accounts:read',
      params,
      async handle({ visit, params: { id } }) {
        const read = await admin.accounts.overview(visit.actor, id);
        if (!read.ok) return lacking(visit);
        const overview = read.value;
        const { effective, isOutranked, ...rest } = overview;
        return visits.show(visit, 'admin-account', 'accounts', {
          ...rest,
          grants: rest.grants.filter(isForApplication),
          ...(await accessOf(visit, overview)),
          isWithinReach: isOutranked,
          isSelf: id === visit.account.id,
          mailIsOn: mail.isOn,
        });
      },
    }),

    consoleRoute({
      method: 'GET',
      path: `${path}/edit`,
      permission: 'accounts:update',
      params,
      handle: ({ visit, params: { id } }) => showEdit(visit, id, undefined),
    }),

    consoleRoute({
      method: 'POST',
      path: `${path}/edit`,
      permission: 'accounts:update',
      params,
      body: { version: versionField, email: textField(320), verified: boxField, ...profileBody },
      back: ({ id }) => `${accountPath(id)}/edit`,
      async handle({ visit, params: { id }, body }) {
        const { version, email, verified, csrf: _, ...values } = body as typeof body & { csrf?: string };
        const patch = { email, emailVerified: verified, profile: values as Profile };
        const outcome = await admin.accounts.update(visit.actor, id, patch, { version });
        if (outcome.ok) return doneAt(accountPath(id), 'account-saved');
        const entered = {
          values: { ...(values as Record<string, string>), email },
          isVerified: verified,
          version: version ?? 0,
        };
        return showEdit(visit, id, entered, visits.refusal(outcome));
      },
    }),

    consoleRoute({
      method: 'GET',
      path: `${path}/access`,
      permission: 'accounts:assign-roles',
      params,
      handle: ({ visit, params: { id } }) => showAccess(visit, id),
    }),

    consoleRoute({
      method: 'POST',
      path: `${path}/access`,
      permission: 'accounts:assign-roles',
      params,
      body: { version: versionField, role: manyField, group: manyField, kept: manyField },
      back: ({ id }) => `${accountPath(id)}/access`,
      async handle({ visit, params: { id }, body: { version, role, group, kept } }) {
        // Boxes that could not be changed are not sent; what they stand for stays.
        const patch = { roles: [...new Set([...role, ...kept])], groups: group };
        const outcome = await admin.accounts.update(visit.actor, id, patch, { version });
        if (outcome.ok) return doneAt(accountPath(id), 'access-saved');
        return showAccess(visit, id, visits.refusal(outcome));
      },
    }),
  ];
}
