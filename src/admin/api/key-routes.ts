import { z } from 'zod';
import type { KeySummary } from '../../oidc/key-lifecycle.ts';
import type { ManageKeys } from '../manage-keys.ts';
import { type ApiRoute, answer, apiRoute } from './api-route.ts';
import { id, list, time, toTime, toTimeOrNull } from './wire.ts';

const tag = 'Keys';

export const keySchema = z
  .strictObject({
    id: z.string().describe('The kid of a signing key'),
    use: z.enum(['signing', 'cookie']),
    alg: z.string(),
    state: z.enum(['published', 'active', 'retired']),
    created_at: time,
    activated_at: time.nullable(),
    retired_at: time.nullable(),
    removed_at: time.nullable().describe('When a retired key is taken out of the set'),
    active_from: time.nullable().describe('The earliest time at which a published key becomes active'),
    served_by: z.number().int().describe('Pods that serve a set with this key'),
    live_pods: z.number().int(),
  })
  .meta({ id: 'Key', description: 'A key that signs tokens or cookies; never the key itself' });

export function keyToWire(key: KeySummary): z.input<typeof keySchema> {
  return {
    id: key.id,
    use: key.use,
    alg: key.alg,
    state: key.state,
    created_at: toTime(key.createdAt),
    activated_at: toTimeOrNull(key.activatedAt),
    retired_at: toTimeOrNull(key.retiredAt),
    removed_at: toTimeOrNull(key.removedAt),
    active_from: toTimeOrNull(key.activeFrom),
    served_by: key.servedBy,
    live_pods: key.livePods,
  };
}

export function keyRoutes(keys: ManageKeys): ApiRoute[] {
  return [
    apiRoute({
      method: 'GET',
      path: '/keys',
      operationId: 'listKeys',
      tag,
      summary: 'List signing and cookie keys',
      permission: 'keys:read',
      response: list(keySchema),
      statuses: [200],
      handle: async () => ({ body: { items: (await keys.list()).map(keyToWire) } }),
    }),
    apiRoute({
      method: 'POST',
      path: '/keys/rotate',
      operationId: 'rotateKeys',
      tag,
      summary: 'Rotate keys',
      description:
        'New keys are published at once, and sign once every pod has served them for as long as relying parties may keep the set. No request fails by it. A rotation that is under way is not begun again (409).',
      permission: 'keys:rotate',
      body: z.strictObject({ use: z.enum(['signing', 'cookie']) }),
      response: list(keySchema),
      statuses: [202, 409],
      handle: async ({ actor, body }) =>
        answer(await keys.rotate(actor, body.use), (made) => ({ body: { items: made.map(keyToWire) } })),
    }),
    apiRoute({
      method: 'POST',
      path: '/keys/:id/revoke',
      operationId: 'revokeKey',
      tag,
      summary: 'Withdraw a stolen key',
      description:
        'In an emergency: the key is out of the set, and another in its place, at once. What it signed is worth nothing on any pod within a second, so people may have to sign in again.',
      permission: 'keys:revoke',
      params: z.strictObject({ id }),
      body: z.strictObject({ confirm: z.literal('the key is stolen') }),
      response: z.strictObject({ replaced_by: keySchema }),
      statuses: [200, 409],
      handle: async ({ actor, params }) =>
        answer(await keys.revoke(actor, params.id), ({ replacedBy }) => ({
          body: { replaced_by: keyToWire(replacedBy) },
        })),
    }),
  ];
}
