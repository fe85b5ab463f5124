import { z } from 'zod';
import type { ManageAccounts } from '../manage-accounts.ts';
import { accountSchema, accountToWire, activitySchema, activityToWire } from './account-wire.ts';
import { type ApiRoute, answer, apiRoute } from './api-route.ts';
import { id, list } from './wire.ts';

/** Whether an account may be used, what it may do, and what happened to it. */

const params = z.strictObject({ id: id.describe('The id of the account') });
const tag = 'Accounts';

export function accountStateRoutes(accounts: ManageAccounts): ApiRoute[] {
  return [
    apiRoute({
      method: 'POST',
      path: '/accounts/:id/disable',
      operationId: 'disableAccount',
      tag,
      summary: 'Disable an account',
      description: 'Everything that it is signed in to ends, on every pod within a second.',
      permission: 'accounts:disable',
      params,
      response: accountSchema,
      statuses: [200, 409],
      mayDryRun: true,
      handle: async ({ actor, params, isDryRun }) =>
        answer(await accounts.disable(actor, params.id, { isDryRun }), one),
    }),
    apiRoute({
      method: 'POST',
      path: '/accounts/:id/enable',
      operationId: 'enableAccount',
      tag,
      summary: 'Enable an account',
      permission: 'accounts:disable',
      params,
      response: accountSchema,
      statuses: [200, 409],
      mayDryRun: true,
      handle: async ({ actor, params, isDryRun }) =>
        answer(await accounts.enable(actor, params.id, { isDryRun }), one),
    }),
    apiRoute({
      method: 'POST',
      path: '/accounts/:id/verify-email',
      operationId: 'verifyEmail',
      tag,
      summary: 'Take the e-mail address as verified',
      permission: 'accounts:update',
      params,
      response: accountSchema,
      statuses: [200, 409],
      mayDryRun: true,
      handle: async ({ actor, params, isDryRun }) =>
        answer(await accounts.update(actor, params.id, { emailVerified: true }, { isDryRun }), one),
    }),
    apiRoute({
      method: 'GET',
      path: '/accounts/:id/access',
      operationId: 'getAccountAccess',
      tag,
      summary: 'What an account may do',
      description: 'Its roles and groups with those that come by a group, and what they amount to.',
      permission: 'accounts:read',
      params,
      response: z
        .strictObject({
          roles: z.array(z.string()),
          groups: z.array(z.string()),
          permissions: z.array(z.string()),
          role_claims: z.record(z.string(), z.unknown()).describe('Released with the scope `roles`'),
          group_claims: z.record(z.string(), z.unknown()).describe('Released with the scope `groups`'),
          may_be_administered: z
            .boolean()
            .describe('Whether you may do all that it may, and so may change it'),
        })
        .meta({ id: 'AccountAccess' }),
      statuses: [200],
      handle: async ({ actor, params }) =>
        answer(await accounts.overview(actor, params.id), ({ effective, isOutranked }) => ({
          body: {
            roles: effective.roles,
            groups: effective.groups,
            permissions: [...effective.permissions],
            role_claims: effective.roleClaims,
            group_claims: effective.groupClaims,
            may_be_administered: isOutranked,
          },
        })),
    }),
    apiRoute({
      method: 'GET',
      path: '/accounts/:id/activity',
      operationId: 'listActivity',
      tag,
      summary: 'What happened to an account lately',
      permission: 'accounts:read',
      params,
      response: list(activitySchema),
      statuses: [200],
      handle: async ({ params }) =>
        answer(await accounts.activity(params.id), (entries) => ({
          body: { items: entries.map(activityToWire) },
        })),
    }),
  ];
}

function one(account: Parameters<typeof accountToWire>[0]) {
  return { body: accountToWire(account), version: account.version };
}
