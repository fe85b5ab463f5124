import { z } from 'zod';
import type { ManageAccounts } from '../manage-accounts.ts';
import {
  accountSchema,
  accountToWire,
  changedProfile,
  email,
  groupIds,
  newProfile,
  profileFrom,
  roleIds,
} from './account-wire.ts';
import { type ApiRoute, answer, apiRoute, pageOf } from './api-route.ts';
import { given, id, page, pageQuery, slug, text } from './wire.ts';

const params = z.strictObject({ id: id.describe('The id of the account') });
const tag = 'Accounts';

export const newAccount = z.strictObject({
  email,
  email_verified: z.boolean().optional(),
  ...newProfile,
  password: text(1000).optional().describe('Left out, the account has none'),
  must_change_password: z
    .boolean()
    .optional()
    .describe('The person chooses another one at the first sign-in'),
  roles: roleIds.optional(),
  groups: groupIds.optional(),
});

/** What a body of `newAccount` means to the flow. */
export function draftFrom(body: z.output<typeof newAccount>) {
  const {
    email_verified: emailVerified,
    must_change_password: mustChangePassword,
    password,
    roles,
    groups,
  } = body;
  return {
    email: body.email,
    ...profileFrom(body),
    ...given({ emailVerified, mustChangePassword, password, roles, groups }),
  };
}

const createdAccount = accountSchema
  .extend({
    warning: z
      .string()
      .nullable()
      .describe('What was not done besides, such as the mail of the invitation, and how to make up for it'),
  })
  .meta({ id: 'CreatedAccount', description: 'An account that was made' });

export function accountRoutes(accounts: ManageAccounts): ApiRoute[] {
  return [
    apiRoute({
      method: 'GET',
      path: '/accounts',
      operationId: 'listAccounts',
      tag,
      summary: 'List and search accounts',
      description: 'The latest first; with `q` in the order of what was found.',
      permission: 'accounts:read',
      query: z.strictObject({
        q: text(256)
          .min(1)
          .optional()
          .describe('The beginning of an e-mail address, of a name or of a word in it; or an id'),
        status: z.enum(['active', 'disabled']).optional(),
        role: slug.optional().describe('Only those who have this role themselves'),
        group: slug.optional().describe('Only members of this group'),
        ...pageQuery(),
      }),
      response: page(accountSchema),
      statuses: [200],
      handle: async ({ query: { q, limit, ...rest } }) =>
        pageOf(await accounts.search({ ...given({ text: q, ...rest }), count: limit }), accountToWire),
    }),
    apiRoute({
      method: 'POST',
      path: '/accounts',
      operationId: 'createAccount',
      tag,
      summary: 'Create an account',
      permission: 'accounts:create',
      alsoNeeds: [{ permission: 'accounts:assign-roles', when: '`roles` or `groups` are given' }],
      body: z.strictObject({
        ...newAccount.shape,
        send_invitation: z.boolean().optional().describe('Mails the person a link to choose a password'),
      }),
      response: createdAccount,
      statuses: [201, 409],
      isIdempotent: true,
      mayDryRun: true,
      examples: { body: { email: 'ada@example.com', name: 'Ada Lovelace', send_invitation: true } },
      async handle({ actor, body, isDryRun, once, demand }) {
        if (body.roles?.length || body.groups?.length) demand('accounts:assign-roles');
        const { send_invitation: sendsInvitation } = body;
        const outcome = await accounts.create(actor, draftFrom(body), {
          isDryRun,
          ...given({ sendsInvitation, id: once?.id('account') }),
        });
        const warning = (outcome.ok && outcome.warning) || null;
        return answer(outcome, (account) => ({
          body: { ...accountToWire(account), warning },
          version: account.version,
          location: `/accounts/${account.id}`,
        }));
      },
    }),
    apiRoute({
      method: 'GET',
      path: '/accounts/:id',
      operationId: 'getAccount',
      tag,
      summary: 'Get an account',
      permission: 'accounts:read',
      params,
      response: accountSchema,
      statuses: [200],
      handle: async ({ params }) => answer(await accounts.find(params.id), one),
    }),
    apiRoute({
      method: 'PATCH',
      path: '/accounts/:id',
      operationId: 'updateAccount',
      tag,
      summary: 'Change an account',
      description: 'Fields that are left out stay as they are; null takes a field of the profile away.',
      permission: 'accounts:update',
      params,
      body: z.strictObject({
        email: email.optional().describe('Replaces the address at once, without a mail to confirm it'),
        email_verified: z.boolean().optional(),
        ...changedProfile,
      }),
      repeats: { field: 'id', param: 'id' },
      response: accountSchema,
      statuses: [200, 409],
      isConditional: true,
      mayDryRun: true,
      examples: { body: { name: 'Ada King', nickname: null } },
      async handle({ actor, params, body, version, isDryRun }) {
        const patch = {
          ...given({ email: body.email, emailVerified: body.email_verified }),
          profile: profileFrom(body),
        };
        return answer(await accounts.update(actor, params.id, patch, { version, isDryRun }), one);
      },
    }),
    apiRoute({
      method: 'PUT',
      path: '/accounts/:id/roles',
      operationId: 'assignRoles',
      tag,
      summary: 'Assign roles and groups',
      description:
        'Replaces those that the account has. Nobody gives, or takes from, more than they may themselves.',
      permission: 'accounts:assign-roles',
      params,
      body: z.strictObject({ roles: roleIds.optional(), groups: groupIds.optional() }),
      repeats: { field: 'id', param: 'id' },
      response: accountSchema,
      statuses: [200, 409],
      isConditional: true,
      mayDryRun: true,
      examples: { body: { roles: ['auditor'], groups: [] } },
      async handle({ actor, params, body, version, isDryRun }) {
        return answer(await accounts.update(actor, params.id, given(body), { version, isDryRun }), one);
      },
    }),
    apiRoute({
      method: 'DELETE',
      path: '/accounts/:id',
      operationId: 'deleteAccount',
      tag,
      summary: 'Delete an account',
      description: 'With everything that belongs to it. This cannot be undone; disabling can.',
      permission: 'accounts:delete',
      params,
      statuses: [204, 409],
      isConditional: true,
      mayDryRun: true,
      handle: async ({ actor, params, version, isDryRun }) =>
        answer(await accounts.remove(actor, params.id, { version, isDryRun }), () => ({})),
    }),
  ];
}

function one(account: Parameters<typeof accountToWire>[0]) {
  return { body: accountToWire(account), version: account.version };
}
