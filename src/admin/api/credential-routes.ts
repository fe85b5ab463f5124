import { z } from 'zod';
import type { ManageAccounts } from '../manage-accounts.ts';
import { accountSchema, accountToWire, factorSchema, factorToWire } from './account-wire.ts';
import { type ApiRoute, answer, apiRoute } from './api-route.ts';
import { id, list, text } from './wire.ts';

/** How people prove who they are. */

const params = z.strictObject({ id: id.describe('The id of the account') });
const tag = 'Passwords and factors';

export function credentialRoutes(accounts: ManageAccounts): ApiRoute[] {
  return [
    apiRoute({
      method: 'PUT',
      path: '/accounts/:id/password',
      operationId: 'setPassword',
      tag,
      summary: 'Set a password',
      description:
        'Ends everything that the account is signed in to. A mail with a link to choose one is safer.',
      permission: 'accounts:credentials',
      params,
      body: z.strictObject({
        password: text(1000).min(1),
        must_change: z.boolean().default(true).describe('The person chooses another one at the next sign-in'),
      }),
      response: accountSchema,
      statuses: [200, 409],
      mayDryRun: true,
      handle: async ({ actor, params, body, isDryRun }) =>
        answer(
          await accounts.setPassword(actor, params.id, body.password, {
            mustChange: body.must_change,
            isDryRun,
          }),
          one,
        ),
    }),
    apiRoute({
      method: 'POST',
      path: '/accounts/:id/password/expire',
      operationId: 'expirePassword',
      tag,
      summary: 'Expire a password',
      description: 'It is right once more, and the person chooses another one then. Ends what is signed in.',
      permission: 'accounts:credentials',
      params,
      response: accountSchema,
      statuses: [200, 409],
      mayDryRun: true,
      handle: async ({ actor, params, isDryRun }) =>
        answer(await accounts.expirePassword(actor, params.id, { isDryRun }), one),
    }),
    apiRoute({
      method: 'POST',
      path: '/accounts/:id/password/reset-mail',
      operationId: 'sendReset',
      tag,
      summary: 'Mail a link to choose a new password',
      permission: 'accounts:credentials',
      params,
      response: accountSchema,
      statuses: [202, 409],
      handle: async ({ actor, params }) => answer(await accounts.sendReset(actor, params.id), one),
    }),
    apiRoute({
      method: 'GET',
      path: '/accounts/:id/factors',
      operationId: 'listFactors',
      tag,
      summary: 'List factors',
      permission: 'accounts:read',
      params,
      response: list(factorSchema),
      statuses: [200],
      handle: async ({ params }) =>
        answer(await accounts.factors(params.id), (factors) => ({
          body: { items: factors.map(factorToWire) },
        })),
    }),
    apiRoute({
      method: 'DELETE',
      path: '/accounts/:id/factors/:factor_id',
      operationId: 'removeFactor',
      tag,
      summary: 'Remove a factor',
      description: 'Also the last one. Ends everything that the account is signed in to.',
      permission: 'accounts:credentials',
      params: z.strictObject({ ...params.shape, factor_id: id }),
      statuses: [204, 409],
      handle: async ({ actor, params }) =>
        answer(await accounts.removeFactor(actor, params.id, params.factor_id), () => ({})),
    }),
    apiRoute({
      method: 'DELETE',
      path: '/accounts/:id/factors',
      operationId: 'resetFactors',
      tag,
      summary: 'Remove all factors',
      description: 'Second factors, passkeys, recovery codes and trusted browsers. Ends what is signed in.',
      permission: 'accounts:credentials',
      params,
      statuses: [204, 409],
      handle: async ({ actor, params }) => answer(await accounts.resetFactors(actor, params.id), () => ({})),
    }),
  ];
}

function one(account: Parameters<typeof accountToWire>[0]) {
  return { body: accountToWire(account), version: account.version };
}
