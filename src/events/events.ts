/**
 * The door to events: the audit trail of everything that administrators did and of every sign-in, and the counts
 * that charts are drawn from. Append-only and chained, so that what was changed or taken out shows.
 *
 * It owns what is recorded, how long it is kept, how it is found and proven. It does not own what leads to an event.
 */
import type { Actor } from '../access/actor.ts';
import type { EventKind, Trail } from './catalogue.ts';

export { type EventKind, eventKinds, type Trail, trails } from './catalogue.ts';
export { createEvents } from './create-events.ts';
export { roomFor } from './event-store.ts';
export { type HeadNow, headsNow } from './heads-now.ts';
export { accountTarget, createPeopleEvents, type PeopleEvents, person } from './people.ts';
export { trimTrails } from './trim-trails.ts';

export type EventActor = {
  kind: Actor['kind'] | 'anonymous' | 'system';
  id?: string;
  name?: string;
};

export type EventTarget = {
  kind:
    | 'account'
    | 'client'
    | 'resource'
    | 'role'
    | 'group'
    | 'session'
    | 'grant'
    | 'key'
    | 'settings'
    | 'factor'
    | 'audit'
    | 'backup';
  id: string;
  name?: string;
};

export type NewEvent = {
  kind: EventKind;
  outcome: 'success' | 'failure';
  actor: EventActor;
  target?: EventTarget;
  clientId?: string;
  /** Of a failure, as a word: wrong-password, no-account, disabled, locked… */
  reason?: string;
  /** What changed; never a secret. */
  before?: Record<string, unknown>;
  after?: Record<string, unknown>;
  /** IP address. */
  address?: string;
  /** Such as "Firefox, Linux". */
  browser?: string;
  via?: Actor['via'] | 'sign-in' | 'account';
  requestId?: string;
};

/** `at`: ms of Redis time. `outcome` unknown: a pod died before it could say how the act ended. */
export type RecordedEvent = Omit<NewEvent, 'outcome'> & {
  id: string;
  at: number;
  trail: Trail;
  pod: string;
  outcome: 'success' | 'failure' | 'unknown';
};

export type EventQuery = {
  trail?: Trail;
  kinds?: EventKind[];
  /** As actor or target. */
  accountId?: string;
  clientId?: string;
  actorId?: string;
  requestId?: string;
  /** What was typed by somebody who then could not sign in, also where there is no such account. */
  email?: string;
  outcome?: RecordedEvent['outcome'];
  /** ms since the epoch, inclusive. */
  from?: number;
  to?: number;
  /** Of an earlier page; what is none leads to an empty page. */
  cursor?: string;
  /** 1 to 500, default 50. A page may hold fewer, also when others follow. */
  count?: number;
};

export type HourCount = { hour: number; succeeded: number; failed: number };

export type Verification = {
  trail: Trail;
  isIntact: boolean;
  /** Events that were looked at, and those too young to be chained yet. */
  events: number;
  unchained: number;
  /** When its first event was recorded, also when that was let go of; ms since the epoch. */
  begunAt?: number;
  /** The first thing that is wrong, for people. */
  fault?: { message: string; eventId?: string; at?: number };
  /** To be kept elsewhere: a later verification that is given it finds a trail that was cut off at its end. */
  head: string;
};

export type Events = {
  /** Appends one event. @throws Unavailable when it could not be kept */
  record(event: NewEvent): Promise<void>;
  /** The same, when it must not matter if it is lost: never throws for an outage. */
  note(event: NewEvent): Promise<void>;
  /**
   * An act of an administrator. The intention is kept before the act, the outcome after it, so that an act is in the
   * trail also when its pod is killed meanwhile.
   * @throws Unavailable before anything was done, when the intention could not be kept
   */
  act<T extends { ok: boolean }>(
    event: Omit<NewEvent, 'outcome' | 'reason'>,
    work: () => Promise<T>,
    /** What the result adds: before and after, the id of what was made, the reason of a refusal. */
    describe?: (result: T) => Partial<Pick<NewEvent, 'before' | 'after' | 'reason' | 'target'>>,
  ): Promise<T>;
  /** The latest first. @throws Unavailable */
  list(query: EventQuery): Promise<{ events: RecordedEvent[]; cursor: string | undefined }>;
  find(id: string): Promise<RecordedEvent | undefined>;
  /**
   * Those after an event, the oldest first; waits for up to `waitMs` until there is one.
   * @param after an event's id; undefined for those from now on
   */
  after(
    after: string | undefined,
    query: Pick<EventQuery, 'trail' | 'kinds'>,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<{ events: RecordedEvent[]; last: string }>;
  /** Every event that fits, the oldest first, in blocks. */
  export(query: Omit<EventQuery, 'cursor' | 'count'>): AsyncIterable<RecordedEvent[]>;
  /** @param heads that were kept elsewhere */
  verify(heads?: string[]): Promise<Verification[]>;
  /** How long the oldest event has waited to be chained, in ms; 0 where all are. @throws Unavailable */
  chainLagMs(): Promise<number>;
  /** Sign-ins by the hour, the oldest first, an entry for each hour. */
  signInsByHour(hours: number): Promise<HourCount[]>;
  /** The clients with the most sign-ins of the last days, at most ten. */
  topClients(days: number): Promise<{ clientId: string; signIns: number }[]>;
  /** Chains what is new, ends acts that killed pods left, lets go of what is too old. Often, on every pod. */
  sweep(): Promise<void>;
};
