import { z } from 'zod';
import { type Actor, stillMay } from '../../access/actor.ts';
import type { Permission } from '../../access/permissions.ts';
import type { ManageAccounts } from '../manage-accounts.ts';
import { endedMeanwhile, type Outcome } from '../outcome.ts';
import { draftFrom, newAccount } from './account-routes.ts';
import { groupIds, roleIds } from './account-wire.ts';
import { type ApiRoute, apiRoute, type Once } from './api-route.ts';
import { problemKinds, toProblem } from './problem.ts';
import { given, id, rowProblem } from './wire.ts';

const mostRows = 100;
/** Rows that are worked on at once: creating hashes passwords, of which a pod does few at a time. */
const atOnce = 4;

const row = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('create'), account: newAccount }),
  z.strictObject({ action: z.literal('disable'), id }),
  z.strictObject({ action: z.literal('enable'), id }),
  z.strictObject({ action: z.literal('delete'), id }),
  z.strictObject({ action: z.literal('assign'), id, roles: roleIds.optional(), groups: groupIds.optional() }),
]);
type Row = z.output<typeof row>;

const needed: Record<Row['action'], Permission> = {
  create: 'accounts:create',
  disable: 'accounts:disable',
  enable: 'accounts:disable',
  delete: 'accounts:delete',
  assign: 'accounts:assign-roles',
};

export const rowResult = z
  .strictObject({
    status: z.number().int().describe('As this row alone would have been answered'),
    id: z.string().nullable().describe('Of the account'),
    problem: rowProblem.nullable(),
  })
  .meta({ id: 'RowResult' });

export function bulkRoutes(accounts: ManageAccounts): ApiRoute[] {
  return [
    apiRoute({
      method: 'POST',
      path: '/accounts/bulk',
      operationId: 'bulkAccounts',
      tag: 'Accounts',
      summary: 'Change many accounts',
      description:
        'Each row stands for itself, and needs the permission of its action: one may be refused while others are done. The results are in the order of the rows.',
      permission: 'accounts:read',
      alsoNeeds: Object.entries(needed).map(([action, permission]) => ({
        permission,
        when: `for rows that ${action}`,
      })),
      body: z.strictObject({ rows: z.array(row).min(1).max(mostRows) }),
      response: z.strictObject({ results: z.array(rowResult) }),
      statuses: [200],
      isIdempotent: true,
      mayDryRun: true,
      examples: {
        body: {
          rows: [
            { action: 'create', account: { email: 'ada@example.com', name: 'Ada Lovelace' } },
            { action: 'disable', id: 'g3Yc0x9mTzSv6f1m2b8QPA' },
          ],
        },
      },
      async handle({ actor, body, isDryRun, once }) {
        const results: z.input<typeof rowResult>[] = [];
        for (let from = 0; from < body.rows.length; from += atOnce) {
          const some = body.rows.slice(from, from + atOnce);
          const now = await stillMay(actor, 'accounts:read');
          const done = some.map((one, offset) =>
            now ? carryOut(now, one, from + offset, isDryRun, once) : leftUndone(one),
          );
          results.push(...(await Promise.all(done)));
        }
        return { body: { results } };
      },
    }),
  ];

  function leftUndone(one: Row): z.input<typeof rowResult> {
    const { kind, message } = toProblem(endedMeanwhile(), false);
    return {
      status: problemKinds[kind].status,
      id: 'id' in one ? one.id : null,
      problem: { type: kind, detail: message },
    };
  }

  async function carryOut(
    actor: Actor,
    one: Row,
    index: number,
    isDryRun: boolean,
    once: Once | undefined,
  ): Promise<z.input<typeof rowResult>> {
    const accountId = 'id' in one ? one.id : null;
    const hands = one.action === 'create' && (one.account.roles?.length || one.account.groups?.length);
    const wanted: Permission[] = [needed[one.action], ...(hands ? [needed.assign] : [])];
    const lacking = wanted.find((permission) => !actor.permissions.has(permission));
    if (lacking) {
      const detail = `This needs the permission ${lacking}.`;
      return { status: 403, id: accountId, problem: { type: 'insufficient-scope', detail } };
    }
    const outcome = await act(actor, one, isDryRun, once?.id(`row ${index}`));
    // A try before this one may have deleted it already, and was killed before it could say so.
    const isGone = !outcome.ok && outcome.problem === 'not-found' && one.action === 'delete' && once?.isRetry;
    if (outcome.ok)
      return { status: one.action === 'create' ? 201 : 200, id: outcome.value.id, problem: null };
    if (isGone) return { status: 200, id: accountId, problem: null };
    const { kind, message, faults } = toProblem(outcome, false);
    return {
      status: problemKinds[kind].status,
      id: accountId,
      problem: { type: kind, detail: message, ...(faults.length > 0 ? { errors: faults } : {}) },
    };
  }

  function act(
    actor: Actor,
    one: Row,
    isDryRun: boolean,
    newId: string | undefined,
  ): Promise<Outcome<{ id: string }>> {
    switch (one.action) {
      case 'create':
        return accounts.create(actor, draftFrom(one.account), { isDryRun, ...given({ id: newId }) });
      case 'disable':
        return accounts.disable(actor, one.id, { isDryRun });
      case 'enable':
        return accounts.enable(actor, one.id, { isDryRun });
      case 'delete':
        return accounts.remove(actor, one.id, { isDryRun });
      case 'assign':
        return accounts.update(actor, one.id, given({ roles: one.roles, groups: one.groups }), { isDryRun });
    }
  }
}
