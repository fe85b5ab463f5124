import { setTimeout as pause } from 'node:timers/promises';
import { nowMs } from '../clock.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { catalogue, type Trail, trails } from './catalogue.ts';
import { fits, indexesFor } from './event-index.ts';
import { entryId, eventId, firstNumber, readEventId, readNumber, recorded, unseal } from './event-record.ts';
import type { EventQuery, Events, RecordedEvent } from './events.ts';

const usualCount = 50;
const mostCount = 500;
/** Events that one page may look at; where few fit, it ends before it is full, and says where to go on. */
const scanBudget = 5000;
const perRead = 500;
/** Of an index: each event is fetched by itself. */
const perIndexRead = 150;
const lookEveryMs = 250;

type Direction = 'up' | 'down';
type Source = { trail: Trail; key: string; what: 'trail' | 'stream' | 'set' };
type Filter = Omit<EventQuery, 'cursor' | 'count'>;
type Page = {
  events: RecordedEvent[];
  looked: number;
  /** The number of the last that was looked at; undefined when there is no more. */
  last: number | undefined;
};

export function createSearch(parts: {
  store: Store;
  ring: KeyRing;
}): Pick<Events, 'list' | 'find' | 'after' | 'export'> {
  const { store, ring } = parts;
  const { keys } = store;

  function sourcesOf(query: Filter): Source[] {
    const ofKinds = query.kinds && new Set(query.kinds.map((kind) => catalogue[kind]));
    const wanted = trails.filter(
      (trail) => (!query.trail || query.trail === trail) && (!ofKinds || ofKinds.has(trail)),
    );
    const indexes = indexesFor(query);
    return wanted.flatMap((trail): Source[] => {
      if (!indexes) return [{ trail, key: keys.audit(trail), what: 'trail' }];
      return indexes.map(({ name, isShort }) => ({
        trail,
        key: keys.auditIndex(trail, ring.hash('audit', name)),
        what: isShort ? 'set' : 'stream',
      }));
    });
  }

  /** One look, of one moment in both trails: a later event never comes before an earlier one. */
  async function read(
    sources: Source[],
    query: Filter,
    direction: Direction,
    lowest: number,
    highest: number,
    most: number,
  ): Promise<Page> {
    if (sources.length === 0 || lowest > highest) return { events: [], looked: 0, last: undefined };
    const [last, ...flat] = (await store.run(
      'audit-page',
      [...trails.map((trail) => keys.audit(trail)), ...sources.map(({ key }) => key)],
      [
        direction,
        lowest,
        highest,
        most,
        ...sources.flatMap(({ trail, what }) => [trails.indexOf(trail) + 1, what]),
      ],
    )) as [string | null, ...(string | number)[]];
    const events: RecordedEvent[] = [];
    for (let at = 0; at + 2 < flat.length; at += 3) {
      const trail = trails[Number(flat[at]) - 1] as Trail;
      const event = openEvent(trail, Number(flat[at + 1]), String(flat[at + 2]));
      if (event && fits(event, query)) events.push(event);
    }
    return { events, looked: flat.length / 3, last: last === null ? undefined : Number(last) };
  }

  /** What does not open was not written by us; `verify` says so. */
  function openEvent(trail: Trail, number: number, sealed: string): RecordedEvent | undefined {
    try {
      return recorded(trail, number, unseal(ring, trail, sealed));
    } catch {
      return undefined;
    }
  }

  const lowestOf = ({ from }: Filter) => (from === undefined ? 0 : firstNumber(from));
  const highestOf = ({ to }: Filter) =>
    to === undefined ? Number.MAX_SAFE_INTEGER : firstNumber(to + 1) - 1;

  return {
    async list({ cursor, count, ...query }) {
      const wanted = Math.min(Math.max(1, Math.floor(count ?? usualCount)), mostCount);
      const sources = sourcesOf(query);
      const perCall = Math.min(
        sources[0]?.what === 'trail' ? perRead : perIndexRead,
        Math.max(wanted * 2, 50),
      );
      const lowest = lowestOf(query);
      let highest = highestOf(query);
      if (cursor !== undefined) {
        const before = readNumber(cursor);
        if (before === undefined) return { events: [], cursor: undefined };
        highest = Math.min(highest, before - 1);
      }
      const events: RecordedEvent[] = [];
      for (let looked = 0; ; ) {
        const page = await read(sources, query, 'down', lowest, highest, perCall);
        looked += Math.max(page.looked, 1);
        events.push(...page.events);
        if (events.length > wanted || (events.length === wanted && page.last !== undefined)) {
          events.length = wanted;
          const last = events.at(-1);
          const number = last && readEventId(last.id)?.number;
          return { events, cursor: number?.toString(36) };
        }
        if (page.last === undefined) return { events, cursor: undefined };
        if (looked >= scanBudget) return { events, cursor: page.last.toString(36) };
        highest = page.last - 1;
      }
    },

    async find(id) {
      const place = readEventId(id);
      if (!place) return undefined;
      const entry = entryId(place.number);
      const [found] = (await store.call('XRANGE', keys.audit(place.trail), entry, entry)) as [
        string,
        string[],
      ][];
      return found && openEvent(place.trail, place.number, found[1][1] ?? '');
    },

    async after(after, query, waitMs, signal) {
      const sources = sourcesOf(query);
      const latest = async () => Number((await store.readText(keys.auditLast())) ?? 0);
      const begun = after === undefined ? await latest() : (readEventId(after)?.number ?? 0);
      const endsAt = nowMs() + waitMs;
      let position = begun;
      const nameOf = (number: number) => (number === begun && after ? after : eventId('admin', number));
      for (;;) {
        const newest = await latest();
        if (newest > position) {
          const page = await read(sources, query, 'up', position + 1, Number.MAX_SAFE_INTEGER, perRead);
          const seen = page.events.at(-1);
          if (seen)
            return { events: page.events, last: page.last === undefined ? seen.id : nameOf(page.last) };
          position = page.last ?? newest;
          if (page.last !== undefined) continue;
        }
        const left = endsAt - nowMs();
        if (left <= 0 || signal?.aborted) return { events: [], last: nameOf(position) };
        await pause(Math.min(left, lookEveryMs), undefined, signal ? { signal } : {}).catch(() => {});
      }
    },

    async *export(query) {
      const sources = sourcesOf(query);
      const perCall = sources[0]?.what === 'trail' ? perRead : perIndexRead;
      // Up to now: an export that never ends would be none.
      const newest = Number((await store.readText(keys.auditLast())) ?? 0);
      const highest = Math.min(highestOf(query), newest);
      for (let lowest = lowestOf(query); ; ) {
        const page = await read(sources, query, 'up', lowest, highest, perCall);
        if (page.events.length > 0) yield page.events;
        if (page.last === undefined) return;
        lowest = page.last + 1;
      }
    },
  };
}
