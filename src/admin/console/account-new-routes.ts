import { z } from 'zod';
import { outranks } from '../../access/access.ts';
import type { Profile } from '../../accounts/accounts.ts';
import { usualMinimumLength as minimumLength } from '../../accounts/new-password.ts';
import type { Reply } from '../../http/route.ts';
import { accountPath, accountsPath } from './account-labels.ts';
import type { ConsoleParts } from './console.ts';
import { boxField, type ConsoleRoute, consoleRoute, manyField, textField } from './console-route.ts';
import type { Says } from './console-views.ts';
import { doneAt, type Visit } from './console-visit.ts';

const path = `${accountsPath}/new`;

const fields = {
  email: textField(320),
  name: textField(200),
  given_name: textField(200),
  family_name: textField(200),
  locale: textField(35),
  verified: boxField,
  way: z.enum(['invite', 'password', 'none']).catch('invite'),
  password: z.string().max(2000).default(''),
  role: manyField,
  group: manyField,
};
type Entered = { [N in keyof typeof fields]: z.output<(typeof fields)[N]> };

/** A new account, whose person is invited by mail or told a password. */
export function accountNewRoutes({ admin, visits, mail }: ConsoleParts): ConsoleRoute[] {
  async function show(
    visit: Visit,
    entered: Partial<Entered>,
    says: Says & { status?: number } = {},
  ): Promise<Reply> {
    const mayAssign = visit.may('accounts:assign-roles');
    const [roles, groups] = await Promise.all([
      mayAssign ? admin.roles.list() : [],
      mayAssign ? admin.groups.list() : [],
    ]);
    const { verified = false, way = mail.isOn ? 'invite' : 'password', role = [], group = [] } = entered;
    const { email = '', name = '', given_name = '', family_name = '', locale = '' } = entered;
    return visits.show(
      visit,
      'admin-account-new',
      'accounts',
      {
        values: { email, name, given_name, family_name, locale },
        way,
        isVerified: verified,
        chosenRoles: role,
        chosenGroups: group,
        roles: roles.map(({ id, name, description, permissions }) => ({
          id,
          name: name || id,
          description,
          isFixed: !outranks(visit.actor.permissions, permissions),
        })),
        groups: groups.map(({ id, name, description }) => ({ id, name: name || id, description })),
        mailIsOn: mail.isOn,
        minimumLength,
      },
      says,
    );
  }

  return [
    consoleRoute({
      method: 'GET',
      path,
      permission: 'accounts:create',
      query: { email: textField(320) },
      handle: ({ visit, query }) => show(visit, query),
    }),

    consoleRoute({
      method: 'POST',
      path,
      permission: 'accounts:create',
      body: fields,
      back: () => path,
      async handle({ visit, body }) {
        const { email, verified, way, password, role, group, ...given } = body;
        const profile: Profile = Object.fromEntries(Object.entries(given).filter(([, value]) => value));
        const made = await admin.accounts.create(
          visit.actor,
          {
            ...profile,
            email,
            emailVerified: verified,
            ...(way === 'password' ? { password, mustChangePassword: true } : {}),
            // Whoever may not assign them was not asked.
            ...(visit.may('accounts:assign-roles') ? { roles: role, groups: group } : {}),
          },
          { sendsInvitation: way === 'invite' },
        );
        if (!made.ok) return show(visit, body, visits.refusal(made));
        const invited = made.warning === undefined ? 'account-invited' : 'account-not-invited';
        return doneAt(accountPath(made.value.id), way === 'invite' ? invited : 'account-created');
      },
    }),
  ];
}
