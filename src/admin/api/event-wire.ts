import { z } from 'zod';
import type { RecordedEvent } from '../../events/events.ts';
import { given, time, toTime } from './wire.ts';

const party = z.strictObject({ kind: z.string(), id: z.string().optional(), name: z.string().optional() });

export const eventSchema = z
  .strictObject({
    id: z.string(),
    at: time,
    kind: z.string(),
    trail: z.enum(['admin', 'people']),
    outcome: z.enum(['success', 'failure', 'unknown']).describe('unknown: a pod died before it could say'),
    actor: party,
    target: party.nullable(),
    client_id: z.string().nullable(),
    reason: z.string().nullable(),
    before: z.record(z.string(), z.unknown()).nullable(),
    after: z.record(z.string(), z.unknown()).nullable(),
    address: z.string().nullable(),
    browser: z.string().nullable(),
    via: z.string().nullable(),
    request_id: z.string().nullable(),
    pod: z.string(),
  })
  .meta({ id: 'Event', description: 'Something that somebody did; never with a secret' });

export function eventToWire(event: RecordedEvent): z.input<typeof eventSchema> {
  const { kind, id, name } = event.actor;
  return {
    id: event.id,
    at: toTime(event.at),
    kind: event.kind,
    trail: event.trail,
    outcome: event.outcome,
    actor: { kind, ...given({ id, name }) },
    target: event.target
      ? { kind: event.target.kind, id: event.target.id, ...given({ name: event.target.name }) }
      : null,
    client_id: event.clientId ?? null,
    reason: event.reason ?? null,
    before: event.before ?? null,
    after: event.after ?? null,
    address: event.address ?? null,
    browser: event.browser ?? null,
    via: event.via ?? null,
    request_id: event.requestId ?? null,
    pod: event.pod,
  };
}
