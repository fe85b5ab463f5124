import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import type { Trail } from './catalogue.ts';
import type { Entry } from './chain.ts';
import { eventId, numberOf, unseal } from './event-record.ts';
import type { Verification } from './events.ts';

export type Fault = NonNullable<Verification['fault']>;

const batch = 500;
/** A pod whose clock is a good part of this off takes no requests (redis/clock-watch.ts). */
export const mostDriftMs = 5 * 60_000;
/** Characters of the random start of what is sealed; no two are the same. */
const nonceLength = 16;

/** Reads a trail from its beginning for a verification, and looks whether each entry is one of ours. */
export function createEntryReader(parts: { store: Store; ring: KeyRing; trail: Trail }) {
  const { store, ring, trail } = parts;
  /** Of the last minutes: what is copied to a later place does not fit its time. */
  let recent = new Set<string>();
  let earlier = new Set<string>();
  let turnedAt = 0;
  let count = 0;

  function judge([id, fields]: Entry): Fault | undefined {
    const number = numberOf(id);
    const at = Math.floor(number / 1000);
    const place = placeOf(trail, id);
    const [name, sealed = ''] = fields;
    const nonce = sealed.slice(0, nonceLength);
    if (at > turnedAt + 2 * mostDriftMs) {
      earlier = recent;
      recent = new Set();
      turnedAt = at;
    }
    if (recent.has(nonce) || earlier.has(nonce)) {
      return { message: `An event was put in a second time, at ${timeOf(id)}.`, ...place };
    }
    recent.add(nonce);
    try {
      if (name !== 'e' || fields.length !== 2) throw new Error('not as it is written');
      const { sealedAt } = unseal(ring, trail, sealed);
      if (Math.abs(sealedAt - at) <= mostDriftMs) return undefined;
      return { message: `The event at ${timeOf(id)} was moved there from another time.`, ...place };
    } catch {
      return {
        message: `The event at ${timeOf(id)} was changed, or was not written by Holdfast.`,
        ...place,
      };
    }
  }

  return {
    /** Events that were looked at so far. */
    count: () => count,
    /**
     * @param after,to stream ids
     * @param take gets each entry, and what is wrong with it by itself
     */
    async read(
      after: string | undefined,
      to: string,
      take: (entry: Entry, fault: Fault | undefined) => void,
    ): Promise<void> {
      let from = after === undefined ? '-' : `(${after}`;
      for (;;) {
        const key = store.keys.audit(trail);
        const entries = (await store.call('XRANGE', key, from, to, 'COUNT', batch)) as Entry[];
        for (const entry of entries) {
          count += 1;
          take(entry, judge(entry));
        }
        if (entries.length < batch) return;
        from = `(${entries.at(-1)?.[0]}`;
      }
    },
  };
}

export function placeOf(trail: Trail, entry: string): Required<Pick<Fault, 'eventId' | 'at'>> {
  const number = numberOf(entry);
  return { eventId: eventId(trail, number), at: Math.floor(number / 1000) };
}

/** @param entry its stream id; @returns ms of Redis time */
export function msOf(entry: string): number {
  return Number(entry.split('-')[0]);
}

/** For people. */
export function timeOf(entry: string): string {
  return new Date(msOf(entry)).toISOString();
}

/** Whether a stream id comes before another one. */
export function isBefore(one: string, other: string): boolean {
  const [ms = 0, count = 0] = one.split('-').map(Number);
  const [otherMs = 0, otherCount = 0] = other.split('-').map(Number);
  return ms < otherMs || (ms === otherMs && count < otherCount);
}
