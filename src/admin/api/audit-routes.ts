import { z } from 'zod';
import { type Actor, stillMay } from '../../access/actor.ts';
import { type EventKind, eventKinds } from '../../events/catalogue.ts';
import type { EventQuery } from '../../events/events.ts';
import type { Admin } from '../admin.ts';
import { eventLines } from '../event-lines.ts';
import { endedMeanwhile, notFound } from '../outcome.ts';
import { verifyAgainSeconds } from '../verify-events.ts';
import { type ApiRoute, answer, apiRoute, pageOf } from './api-route.ts';
import { eventSchema, eventToWire } from './event-wire.ts';
import { ApiProblem } from './problem.ts';
import { fromTime, given, id, page, pageQuery, text, time, toTimeOrNull, wholeNumber } from './wire.ts';

const tag = 'Audit';
const longestWaitSeconds = 25;

const kinds = z
  .preprocess((one) => [one].flat(), z.array(z.enum(eventKinds as [EventKind, ...EventKind[]])))
  .optional()
  .describe('Kinds of event; may be given more than once');
const trail = z.enum(['admin', 'people']).optional();

const filters = {
  trail,
  kind: kinds,
  account_id: id.optional().describe('As actor or target'),
  client_id: id.optional(),
  actor_id: id.optional(),
  request_id: text(100).optional(),
  outcome: z.enum(['success', 'failure', 'unknown']).optional(),
  from: time.optional(),
  to: time.optional(),
};

type Filters = z.output<z.ZodObject<typeof filters>>;

function queryFrom(query: Filters): Omit<EventQuery, 'cursor' | 'count'> {
  return given({
    trail: query.trail,
    kinds: query.kind,
    accountId: query.account_id,
    clientId: query.client_id,
    actorId: query.actor_id,
    requestId: query.request_id,
    outcome: query.outcome,
    from: fromTime(query.from),
    to: fromTime(query.to),
  });
}

export function auditRoutes({ events, verifyEvents }: Pick<Admin, 'events' | 'verifyEvents'>): ApiRoute[] {
  return [
    apiRoute({
      method: 'GET',
      path: '/audit',
      operationId: 'listEvents',
      tag,
      summary: 'List events',
      description: 'The latest first. `request_id` is the number that an error page shows.',
      permission: 'audit:read',
      query: z.strictObject({ ...filters, ...pageQuery(500) }),
      response: page(eventSchema),
      statuses: [200],
      async handle({ query }) {
        const { cursor, limit } = query;
        const found = await events.list({ ...queryFrom(query), ...given({ cursor }), count: limit });
        return pageOf({ items: found.events, cursor: found.cursor }, eventToWire);
      },
    }),
    apiRoute({
      method: 'GET',
      path: '/audit/export',
      operationId: 'exportEvents',
      tag,
      summary: 'Download events',
      description:
        'Every event that fits, the oldest first, one JSON object a line. That it was downloaded is an event.',
      permission: 'audit:export',
      query: z.strictObject(filters),
      contentType: 'application/x-ndjson',
      response: eventSchema,
      statuses: [200],
      async handle({ actor, query }) {
        const wanted = queryFrom(query);
        await events.act(
          {
            kind: 'audit.exported',
            target: { kind: 'audit', id: query.trail ?? 'all' },
            after: { ...query },
            ...from(actor),
          },
          async () => ({ ok: true }),
        );
        return { stream: eventLines(actor, events.export(wanted), eventToWire), filename: 'audit.ndjson' };
      },
    }),
    apiRoute({
      method: 'GET',
      path: '/audit/tail',
      operationId: 'tailEvents',
      tag,
      summary: 'Wait for new events',
      description:
        'Those after `after`, the oldest first; waits until there is one. Ask again with `last` of the answer, at once, for as long as you want to watch.',
      permission: 'audit:read',
      query: z.strictObject({
        after: text(200)
          .min(1)
          .optional()
          .describe('The `last` of the answer before; without it, from now on'),
        trail,
        kind: kinds,
        wait_seconds: wholeNumber(0, longestWaitSeconds).default(longestWaitSeconds),
      }),
      response: z.strictObject({ items: z.array(eventSchema), last: z.string() }),
      statuses: [200],
      async handle({ actor, query, signal }) {
        const wanted = given({ trail: query.trail, kinds: query.kind });
        const found = await events.after(query.after, wanted, query.wait_seconds * 1000, signal);
        if (!(await stillMay(actor, 'audit:read'))) return { refused: endedMeanwhile() };
        return { body: { items: found.events.map(eventToWire), last: found.last } };
      },
    }),
    apiRoute({
      method: 'POST',
      path: '/audit/verify',
      operationId: 'verifyEvents',
      tag,
      summary: 'Prove that nothing was changed or taken out',
      description:
        'One at a time on each pod: it reads everything. Give the heads of an earlier proof, kept elsewhere, to find a trail that was cut off at its end.',
      permission: 'audit:read',
      body: z.strictObject({ heads: z.array(text(500)).max(20).optional() }),
      isBodyOptional: true,
      response: z.strictObject({
        trails: z.array(
          z
            .strictObject({
              trail: z.enum(['admin', 'people']),
              is_intact: z.boolean(),
              begun_at: time.nullable().describe('When its first event was recorded'),
              events: z.number().int(),
              unchained: z.number().int().describe('Too young to be chained yet'),
              fault: z.string().nullable().describe('The first thing that is wrong'),
              head: z.string(),
            })
            .meta({ id: 'Verification' }),
        ),
      }),
      statuses: [200],
      async handle({ body }) {
        const found = await verifyEvents(body.heads);
        if (found === 'busy') {
          throw new ApiProblem('busy', 'A proof is being made already. Ask again when it is done.', {
            headers: { 'retry-after': String(verifyAgainSeconds) },
          });
        }
        return {
          body: {
            trails: found.map(({ trail, isIntact, begunAt, events, unchained, fault, head }) => ({
              trail,
              is_intact: isIntact,
              begun_at: toTimeOrNull(begunAt),
              events,
              unchained,
              fault: fault?.message ?? null,
              head,
            })),
          },
        };
      },
    }),
    apiRoute({
      method: 'GET',
      path: '/audit/:id',
      operationId: 'getEvent',
      tag,
      summary: 'Get an event',
      permission: 'audit:read',
      params: z.strictObject({ id }),
      response: eventSchema,
      statuses: [200],
      async handle({ params }) {
        const event = await events.find(params.id);
        return answer(event ? { ok: true, value: event } : notFound('event'), (found) => ({
          body: eventToWire(found),
        }));
      },
    }),
  ];
}

function from(actor: Actor) {
  const { kind, id, name, address, via, requestId } = actor;
  return { actor: { kind, id, name }, address, via, requestId };
}
