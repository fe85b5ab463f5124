import { z } from 'zod';
import { permissionTexts } from '../../access/permission-texts.ts';
import { permissions } from '../../access/permissions.ts';
import type { Pod } from '../../redis/pods.ts';
import type { ReadOverview } from '../overview.ts';
import { type ApiRoute, apiRoute } from './api-route.ts';
import { keySchema, keyToWire } from './key-routes.ts';
import { list, time, toTime } from './wire.ts';

const podSchema = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    version: z.string(),
    started_at: time,
    seen_at: time,
    key_set_version: z.number().int(),
    is_ready: z.boolean(),
  })
  .meta({ id: 'Pod', description: 'A pod that is alive' });

function podToWire(pod: Pod): z.input<typeof podSchema> {
  return {
    id: pod.id,
    name: pod.name,
    version: pod.version,
    started_at: toTime(pod.startedAt),
    seen_at: toTime(pod.seenAt),
    key_set_version: pod.keySetVersion,
    is_ready: pod.isReady,
  };
}

export function overviewRoutes(overview: ReadOverview): ApiRoute[] {
  return [
    apiRoute({
      method: 'GET',
      path: '/me',
      operationId: 'getMe',
      tag: 'Overview',
      summary: 'Who am I, and what may I do',
      permission: null,
      response: z
        .strictObject({
          kind: z.enum(['account', 'client']),
          id: z.string(),
          name: z.string(),
          permissions: z.array(z.string()),
        })
        .meta({ id: 'Me' }),
      statuses: [200],
      handle: async ({ actor }) => ({
        body: {
          kind: actor.kind === 'account' ? ('account' as const) : ('client' as const),
          id: actor.id,
          name: actor.name,
          permissions: [...actor.permissions].sort(),
        },
      }),
    }),
    apiRoute({
      method: 'GET',
      path: '/permissions',
      operationId: 'listPermissions',
      tag: 'Roles',
      summary: 'List the permissions that there are',
      description: 'They are the scopes of this API as well.',
      permission: null,
      response: list(
        z.strictObject({ name: z.string(), description: z.string() }).meta({ id: 'Permission' }),
      ),
      statuses: [200],
      handle: async () => ({
        body: { items: permissions.map((name) => ({ name, description: permissionTexts[name] })) },
      }),
    }),
    apiRoute({
      method: 'GET',
      path: '/overview',
      operationId: 'getOverview',
      tag: 'Overview',
      summary: 'How things are',
      permission: 'overview:read',
      response: z
        .strictObject({
          accounts: z.number().int(),
          clients: z.number().int(),
          active_sessions: z.number().int(),
          sign_ins: z
            .array(
              z
                .strictObject({ hour: time, succeeded: z.number().int(), failed: z.number().int() })
                .meta({ id: 'HourOfSignIns' }),
            )
            .describe('Of the last 48 hours, the oldest first'),
          top_clients: z
            .array(
              z
                .strictObject({ client_id: z.string(), name: z.string(), sign_ins: z.number().int() })
                .meta({ id: 'BusyClient' }),
            )
            .describe('Of the last 7 days'),
          pods: z.array(podSchema),
          keys: z.array(keySchema),
        })
        .meta({ id: 'Overview' }),
      statuses: [200],
      async handle() {
        const found = await overview.read();
        return {
          body: {
            accounts: found.accounts,
            clients: found.clients,
            active_sessions: found.activeSessions,
            sign_ins: found.signIns.map(({ hour, succeeded, failed }) => ({
              hour: toTime(hour),
              succeeded,
              failed,
            })),
            top_clients: found.topClients.map(({ clientId, name, signIns }) => ({
              client_id: clientId,
              name,
              sign_ins: signIns,
            })),
            pods: found.pods.map(podToWire),
            keys: found.keys.map(keyToWire),
          },
        };
      },
    }),
    apiRoute({
      method: 'GET',
      path: '/pods',
      operationId: 'listPods',
      tag: 'Overview',
      summary: 'List the pods that are alive',
      permission: 'overview:read',
      response: list(podSchema),
      statuses: [200],
      handle: async () => ({ body: { items: (await overview.read()).pods.map(podToWire) } }),
    }),
  ];
}
