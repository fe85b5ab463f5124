import { nowMs } from '../clock.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { catalogue, type EventKind, type Trail } from './catalogue.ts';
import { writeBeginning } from './chain.ts';
import { chainKey } from './entries.ts';
import { indexesOf } from './event-index.ts';
import { keptOf, seal } from './event-record.ts';
import type { EventActor, NewEvent, RecordedEvent } from './events.ts';

/** Days for which each trail is kept. */
export type KeepDays = () => Record<Trail, number>;

/**
 * How much is kept, so that strangers who fail to sign in cannot fill Redis. Refusals that come faster are counted by
 * the hour, and the count is told in the trail; nothing else is ever left out.
 */
export type Room = {
  /** Most events of the people trail; beyond it the oldest go before their time. */
  people: number;
  /** Refusals of each trail: so many at once, and so many in all the time that the trail is kept. */
  refusalsAtOnce: number;
  refusals: number;
  /** Acts of one administrator that were refused: so many at once; then one more every ten minutes. */
  failedActsAtOnce?: number;
};

const usualFailedActsAtOnce = 100;
const msForOneFailedAct = 10 * 60_000;
/** Of acts that changed nothing, and that whoever sends requests can have as many of as they like. */
const idleReasons: ReadonlySet<string> = new Set([
  'not-found',
  'invalid',
  'conflict',
  'changed',
  'outranked',
]);

/** @param people most events of people; a few are refusals, so that who signed in is kept also during an attack */
export function roomFor(people: number): Room {
  return { people, refusalsAtOnce: Math.ceil(people / 20), refusals: Math.ceil(people * 0.4) };
}

export const usualRoom: Room = roomFor(500_000);

/** The kinds that somebody can cause without having signed in, or without being allowed to. */
const refusals: ReadonlySet<EventKind> = new Set<EventKind>([
  'access.refused',
  'sign-in.failed',
  'sign-in.factor-failed',
  'sign-in.locked',
  'sign-in.refused',
]);

/** Of an act: it ends with this event. Of a count: it is told with it. */
export type Condition =
  | { is: 'ends' | 'only-if-under-way'; act: string }
  | { is: 'not-kept'; field: string; count: string };

export type EventStore = {
  keepMs(trail: Trail): number;
  /** @returns whether it was kept; false where its condition does not hold, or it was counted only */
  append(
    event: Omit<NewEvent, 'outcome'>,
    outcome: RecordedEvent['outcome'],
    condition?: Condition,
    /** The pod that it happened on; this one when left out. */
    from?: string,
  ): Promise<boolean>;
  /** Whose refusals were counted in a field of those not kept. @param whose sealed; empty for nobody in particular */
  actorOfCount(field: string, whose: string): EventActor;
  /** Waits until what was appended is as durable as configured. @throws Unavailable */
  settle(): Promise<void>;
};

const whosePurpose = 'audit-whose';

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;
/** Counts are kept for this long. */
export const countDays = 92;

export function createEventStore(parts: {
  store: Store;
  ring: KeyRing;
  pod: string;
  keepDays: KeepDays;
  room: Room;
}): EventStore {
  const { store, ring, pod, keepDays, room } = parts;
  const { keys } = store;
  const keepMs = (trail: Trail) => Math.max(1, Math.floor(keepDays()[trail] * dayMs));

  return {
    keepMs,

    async append(event, outcome, condition, from = pod) {
      const { kind, clientId = '' } = event;
      const trail: Trail = catalogue[kind];
      const now = nowMs();
      const day = Math.floor(now / dayMs);
      const hour = Math.floor(now / hourMs);
      const isRefusal = refusals.has(kind);
      const isIdle = trail === 'admin' && outcome === 'failure' && idleReasons.has(event.reason ?? '');
      const actor = isIdle ? ring.hash('audit', `acts:${event.actor.kind}:${event.actor.id ?? ''}`) : '';
      const field = isIdle ? `${trail}:${actor}:${hour}` : `${trail}:${hour}`;
      const counted = kind === 'sign-in.succeeded' ? 's' : isRefusal && trail === 'people' ? 'f' : undefined;
      const indexes = indexesOf(event).map(({ isShort, name }) => ({
        isShort,
        key: keys.auditIndex(trail, ring.hash('audit', name)),
      }));
      const short = indexes.filter(({ isShort }) => isShort);
      const long = indexes.filter(({ isShort }) => !isShort);
      const number = await store.run(
        'audit-append',
        [
          keys.audit(trail),
          keys.auditLast(),
          keys.auditActs(),
          keys.auditIntended(),
          keys.auditNotKept(),
          isIdle ? keys.auditActorRoom(actor) : keys.auditRoom(trail),
          keys.auditHours(day),
          keys.auditClients(day),
          keys.auditChain(trail),
          keys.auditAnchor(trail),
          keys.auditBegun(trail),
          ...[...short, ...long].map(({ key }) => key),
        ],
        [
          condition?.is ?? 'always',
          condition ? (condition.is === 'not-kept' ? condition.field : condition.act) : '',
          seal(ring, keptOf(event, outcome, from)),
          keepMs(trail),
          isIdle ? (room.failedActsAtOnce ?? usualFailedActsAtOnce) : isRefusal ? room.refusalsAtOnce : 0,
          isIdle ? msForOneFailedAct : Math.max(1, Math.floor(keepMs(trail) / room.refusals)),
          field,
          counted ? `${counted}:${hour}` : '',
          kind === 'sign-in.succeeded' ? clientId : '',
          countDays * dayMs,
          short.length,
          condition?.is === 'not-kept' ? condition.count : '',
          isIdle ? ring.seal(whosePurpose, field, JSON.stringify(event.actor)) : '',
          writeBeginning(chainKey(ring), trail, { at: now, isChained: false }),
        ],
      );
      return number !== null;
    },

    actorOfCount(field, whose) {
      if (whose === '') return { kind: 'system' };
      try {
        return JSON.parse(ring.open(whosePurpose, field, whose)) as EventActor;
      } catch {
        // Not ours: somebody has put it there.
        return { kind: 'system' };
      }
    },

    settle: () => store.settle(keys.auditLast()),
  };
}
