import { nowMs } from '../clock.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import { catalogue, type Trail } from './catalogue.ts';
import type { NewEvent, RecordedEvent } from './events.ts';
import { withoutSecrets } from './secret-guard.ts';

/**
 * How an event is written: sealed, since it says who was where. Its number is ms of Redis time × 1000 and a count
 * within the millisecond, never given twice and always rising; it is the id of its stream entry, and of the event.
 */
export type Kept = Omit<RecordedEvent, 'id' | 'at' | 'trail'> & {
  /** When it was sealed, by the clock of the pod: what is put in again later does not fit its number. */
  sealedAt: number;
};

const purpose = 'audit';
const perMs = 1000;
const letters: Record<Trail, string> = { admin: 'a', people: 'p' };
const longest = { name: 320, reason: 100, browser: 100, address: 64, id: 512, requestId: 64 };

/** What is kept of an event: no more than is sensible, and no secret. */
export function keptOf(
  event: Omit<NewEvent, 'outcome'>,
  outcome: RecordedEvent['outcome'],
  pod: string,
): Kept {
  const { actor, target, clientId, before, after } = event;
  return {
    kind: event.kind,
    outcome,
    actor: named(actor),
    ...(target ? { target: named(target) } : {}),
    ...text('clientId', clientId, longest.id),
    ...text('reason', event.reason, longest.reason),
    ...(before ? { before: withoutSecrets(before) } : {}),
    ...(after ? { after: withoutSecrets(after) } : {}),
    ...text('address', event.address, longest.address),
    ...text('browser', event.browser, longest.browser),
    ...text('via', event.via, longest.reason),
    ...text('requestId', event.requestId, longest.requestId),
    pod,
    sealedAt: nowMs(),
  };
}

export function seal(ring: KeyRing, kept: Kept): string {
  return ring.seal(purpose, catalogue[kept.kind], JSON.stringify(kept));
}

/** @throws when it was not sealed by Holdfast for this trail */
export function unseal(ring: KeyRing, trail: Trail, sealed: string): Kept {
  return JSON.parse(ring.open(purpose, trail, sealed)) as Kept;
}

export function recorded(trail: Trail, number: number, { sealedAt: _, ...kept }: Kept): RecordedEvent {
  return { id: eventId(trail, number), at: Math.floor(number / perMs), trail, ...kept };
}

export function eventId(trail: Trail, number: number): string {
  return `${letters[trail]}${number.toString(36)}`;
}

/** @returns undefined for what is no event's id */
export function readEventId(id: string): { trail: Trail; number: number } | undefined {
  const number = readNumber(id.slice(1));
  const trail = (Object.keys(letters) as Trail[]).find((one) => letters[one] === id[0]);
  return trail && number !== undefined ? { trail, number } : undefined;
}

/** Of the text that `toString(36)` made of it. */
export function readNumber(text: string): number | undefined {
  if (!/^[0-9a-z]{1,11}$/.test(text)) return undefined;
  const number = Number.parseInt(text, 36);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** The first number of a millisecond. */
export function firstNumber(ms: number): number {
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(0, Math.floor(ms)) * perMs, Number.MAX_SAFE_INTEGER);
}

/** As the stream has it. */
export function entryId(number: number): string {
  return `${Math.floor(number / perMs)}-${number % perMs}`;
}

export function numberOf(entry: string): number {
  const [ms, count] = entry.split('-');
  return Number(ms) * perMs + Number(count);
}

function named<T extends { id?: string; name?: string }>(one: T): T {
  return { ...one, ...text('id', one.id, longest.id), ...text('name', one.name, longest.name) };
}

function text<N extends string, V extends string>(name: N, value: V | undefined, most: number) {
  return (value ? { [name]: value.slice(0, most) } : {}) as { [K in N]?: V };
}
