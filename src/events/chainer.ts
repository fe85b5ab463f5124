import { Unavailable } from '../errors.ts';
import type { Log } from '../log.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { cutIntoBlocks } from './blocks.ts';
import { type Trail, trails } from './catalogue.ts';
import {
  blockEntries,
  digestFrom,
  digestNext,
  type Entry,
  isSameMac,
  type Link,
  linkMac,
  readAnchor,
  readBeginning,
  readLink,
  writeBeginning,
  writeHead,
  writeLink,
} from './chain.ts';
import { createComplaint } from './complaint.ts';
import { chainKey, entriesAfter } from './entries.ts';
import { msOf } from './entry-reader.ts';
import { type EventStore, hourMs, type Room } from './event-store.ts';
import { createPruner } from './pruner.ts';

/**
 * What every pod does again and again: chains what is new, ends acts that killed pods left, tells of refusals that
 * were only counted, and lets go of what is too old. One look says whether there is anything to do. Of pods that do
 * the same at the same moment, one succeeds: each script asks whether all is still as it was when it was made.
 */
export type Look = {
  newest: string;
  length: number;
  lastLink: string;
  firstLink: string;
  anchor: string;
  beginning: string;
  /** ms of Redis time. */
  now: number;
};

/** The head is told to the log once in this time, by one of the pods. */
const tellEveryMs = 10 * 60_000;
/** Links of one trail in one sweep; a pod that comes back after an outage does not hold up what else is to be done. */
const mostLinks = 64;
/** A pod says every few seconds that an act is under way (acts.ts). */
const abandonedAfterMs = 60_000;
const mostAtOnce = 50;
/** Redis may have taken events for so long after the last look of a pod before it was away. */
const justAfterMs = 10_000;

export function createChainer(parts: {
  store: Store;
  ring: KeyRing;
  log: Log;
  events: EventStore;
  room?: Room;
}) {
  const { store, ring, log, events } = parts;
  const { keys } = store;
  const key = chainKey(ring);
  const prune = createPruner(parts);
  const complain = createComplaint(log);
  /** When this pod had its last look but one, by Redis time. */
  let lookedAt: number | undefined;

  /**
   * How long an entry waited to be chained. While Redis is away nothing can be chained; what came just before that is
   * not late for it. What came in a time without a look is late all the same: Redis was there to take it.
   */
  function latenessOf([id]: Entry, now: number): number {
    const at = msOf(id);
    const isExcused = lookedAt !== undefined && at <= lookedAt + justAfterMs;
    return (isExcused ? (lookedAt ?? 0) : now) - at;
  }

  async function look() {
    const [admin, people, acts, counts, now] = (await store.run(
      'audit-look',
      [
        ...trails.flatMap((trail) => [
          keys.audit(trail),
          keys.auditChain(trail),
          keys.auditAnchor(trail),
          keys.auditBegun(trail),
        ]),
        keys.auditActs(),
        keys.auditIntended(),
        keys.auditNotKept(),
      ],
      [abandonedAfterMs, mostAtOnce],
    )) as [RawLook, RawLook, string[], string[], string];
    return {
      now: Number(now),
      trails: { admin: readLook(admin, Number(now)), people: readLook(people, Number(now)) },
      acts: pairs(acts),
      counts: triples(counts),
    };
  }

  async function chain(trail: Trail, found: Look): Promise<void> {
    let last = readLink(found.lastLink);
    const anchor = readAnchor(found.anchor);
    if ((found.lastLink !== '' && !last) || (found.anchor !== '' && !anchor)) return complain(trail);
    let previousText = found.lastLink;
    // A chain is begun where its trail began. One that was taken away is not made anew over what was left.
    const beginning = readBeginning(key, trail, found.beginning);
    if (!last && !anchor && (!beginning || beginning.isChained)) return complain(trail);
    // The MAC that an open block's own MAC follows.
    let before = last ? await macBefore(trail, last, anchor?.previousMac) : (anchor?.previousMac ?? '');
    if (before === undefined) return;
    // To go on with the digest of somebody else would make it ours. It is left as it is, for `verify` to find.
    let mayExtend = last !== undefined && isSameMac(last.mac, linkMac(key, trail, before, last));
    if (last && !mayExtend) complain(trail);
    for (let made = 0; made < mostLinks; ) {
      const entries = await entriesAfter(store, trail, last?.to ?? anchor?.to, blockEntries);
      if (entries.length === 0) return;
      for (const block of cutIntoBlocks(mayExtend ? last : undefined, entries)) {
        const isOpen = block.extends && last !== undefined;
        if (!isOpen && last) before = last.mac;
        const index = isOpen ? (last?.index ?? 0) : last ? last.index + 1 : (anchor?.index ?? 0);
        let digest = isOpen ? (last?.digest ?? '') : digestFrom(trail, index);
        for (const entry of block.entries) digest = digestNext(digest, entry);
        const waits = block.entries.map((entry) => latenessOf(entry, found.now));
        const link = {
          index,
          from: isOpen ? (last?.from ?? '') : (block.entries[0]?.[0] ?? ''),
          to: block.entries.at(-1)?.[0] ?? '',
          count: block.entries.length + (isOpen ? (last?.count ?? 0) : 0),
          lateMs: Math.max(0, ...waits, isOpen ? (last?.lateMs ?? 0) : 0),
          digest,
        };
        const next: Link = { ...link, mac: linkMac(key, trail, before, link) };
        const isFirst = !last && !anchor && beginning;
        const done = await store.run(
          'audit-chain',
          [
            keys.auditChain(trail),
            keys.auditAnchor(trail),
            keys.auditHeadTold(trail),
            keys.auditBegun(trail),
          ],
          [
            previousText,
            found.anchor,
            isOpen ? 'extend' : 'push',
            writeLink(next),
            tellEveryMs,
            ...(isFirst
              ? [found.beginning, writeBeginning(key, trail, { ...beginning, isChained: true })]
              : []),
          ],
        );
        if (done === 0) return;
        if (done === 2) {
          const head = writeHead({ trail, ...next });
          log.info({ trail, head }, 'the audit trail has come this far; keep this to prove it later');
        }
        last = next;
        mayExtend = true;
        previousText = writeLink(next);
        made += 1;
      }
      if (entries.length < blockEntries) return;
    }
  }

  /** @returns undefined when the chain has gone on meanwhile */
  async function macBefore(trail: Trail, { index }: Link, anchored: string | undefined) {
    const [text] = (await store.call('LRANGE', keys.auditChain(trail), -2, -2)) as string[];
    if (text === undefined) return anchored ?? '';
    const link = readLink(text);
    return link?.index === index - 1 ? link.mac : undefined;
  }

  async function tellOfCounts(counts: Count[]): Promise<void> {
    for (const [field, count, whose] of counts) {
      const from = Number(field.split(':').at(-1)) * hourMs;
      await events.append(
        {
          kind: field.startsWith('admin:') ? 'access.refusals-not-kept' : 'sign-in.failures-not-kept',
          actor: events.actorOfCount(field, whose),
          after: {
            count: Number(count),
            from: new Date(from).toISOString(),
            to: new Date(from + hourMs).toISOString(),
          },
        },
        'success',
        { is: 'not-kept', field, count },
      );
    }
  }

  /** Ids of events are times of Redis. */
  async function lagMs(): Promise<number> {
    const [found, now] = await Promise.all([look(), store.nowMs()]);
    const lags = trails.map(async (trail) => {
      const { newest, lastLink, anchor } = found.trails[trail];
      const to = readLink(lastLink)?.to ?? readAnchor(anchor)?.to;
      if (newest === '' || newest === to) return 0;
      const [oldest] = await entriesAfter(store, trail, to, 1);
      return oldest ? Math.max(0, now - Number(oldest[0].split('-')[0])) : 0;
    });
    return Math.max(...(await Promise.all(lags)));
  }

  return {
    look,
    chain,
    lagMs,
    /** @param endActs ends what killed pods left: id and what it was, sealed */
    async sweep(endActs: (acts: [id: string, sealed: string][]) => Promise<void>): Promise<void> {
      let found: Awaited<ReturnType<typeof look>> | undefined;
      try {
        found = await look();
        await endActs(found.acts);
        await tellOfCounts(found.counts);
        for (const trail of trails) {
          const one = found.trails[trail];
          const isChained = one.newest === '' || readLink(one.lastLink)?.to === one.newest;
          if (!isChained) await chain(trail, one);
          await prune(trail, one);
        }
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
      } finally {
        lookedAt = found?.now ?? lookedAt;
      }
    },
  };
}

type Count = [field: string, count: string, whose: string];
type RawLook = [string, number, string, string, string, string];

function readLook([newest, length, lastLink, firstLink, anchor, beginning]: RawLook, now: number): Look {
  return { newest, length, lastLink, firstLink, anchor, beginning, now };
}

function triples(flat: string[]): Count[] {
  return Array.from({ length: flat.length / 3 }, (_, i) => {
    const [field = '', count = '', whose = ''] = flat.slice(i * 3, i * 3 + 3);
    return [field, count, whose];
  });
}

function pairs(flat: string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[i * 2] ?? '', flat[i * 2 + 1] ?? '']);
}
