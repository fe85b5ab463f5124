import { nowMs } from '../clock.ts';
import type { Log } from '../log.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import type { Trail } from './catalogue.ts';
import {
  type Anchor,
  anchorMac,
  isSameMac,
  type Link,
  linkMac,
  type PruneReason,
  readAnchor,
  readLink,
  writeAnchor,
  writeLink,
} from './chain.ts';
import { createComplaint } from './complaint.ts';
import { chainKey } from './entries.ts';
import { type EventStore, type Room, usualRoom } from './event-store.ts';

/** Blocks that go in one script; each has a few hundred entries. */
const mostBlocks = 8;

type Found = { length: number; firstLink: string; anchor: string };

/**
 * Lets go of whole blocks that are older than their trail is kept, and of the oldest where there is no more room. What
 * remains of them is an anchor with a MAC: blocks that are gone without it were taken out by somebody else.
 */
export function createPruner(parts: {
  store: Store;
  ring: KeyRing;
  log: Log;
  events: EventStore;
  room?: Room;
}) {
  const { store, ring, log, events, room = usualRoom } = parts;
  const { keys } = store;
  const key = chainKey(ring);
  const complain = createComplaint(log);

  /** How many of the first blocks go, and why. */
  function due(trail: Trail, links: Link[], length: number): { count: number; reason: PruneReason } {
    const oldest = nowMs() - events.keepMs(trail);
    const young = links.findIndex(({ to }) => Number(to.split('-')[0]) >= oldest);
    const old = young === -1 ? links.length : young;
    if (old > 0) return { count: old, reason: 'age' };
    let tooMany = trail === 'people' ? length - room.people : 0;
    let count = 0;
    while (tooMany > 0 && count < links.length - 1) {
      tooMany -= links[count]?.count ?? 0;
      count += 1;
    }
    return { count, reason: 'room' };
  }

  function isDue(trail: Trail, { length, firstLink }: Found): boolean {
    const first = readLink(firstLink);
    if (!first) return false;
    return due(trail, [first], 0).count > 0 || (trail === 'people' && length > room.people);
  }

  return async function prune(trail: Trail, found: Found): Promise<void> {
    if (!isDue(trail, found)) return;
    let anchorText = found.anchor;
    let { length } = found;
    for (;;) {
      const texts = (await store.call('LRANGE', keys.auditChain(trail), 0, mostBlocks - 1)) as string[];
      const links = texts.map(readLink).filter((link) => link !== undefined);
      const anchor = anchorText === '' ? undefined : readAnchor(anchorText);
      // What does not hold is not let go of: an anchor of ours would hide it.
      if (links.length < texts.length || !isOurs(trail, anchorText, anchor, links)) {
        complain(trail);
        return;
      }
      const { count, reason } = due(trail, links, length);
      const last = links[count - 1];
      if (!last) return;
      const gone = links.slice(0, count).reduce((sum, link) => sum + link.count, 0);
      const next: Omit<Anchor, 'mac'> = {
        index: last.index + 1,
        previousMac: last.mac,
        to: last.to,
        gone: (anchor?.gone ?? 0) + gone,
        reason,
      };
      const text = writeAnchor({ ...next, mac: anchorMac(key, trail, next) });
      const done = await store.run(
        'audit-prune',
        [keys.audit(trail), keys.auditChain(trail), keys.auditAnchor(trail)],
        [anchorText, count, writeLink(last), following(last.to), text],
      );
      if (done !== 1) return;
      if (reason === 'room') log.warn({ trail, events: gone }, 'events were let go of before their time');
      anchorText = text;
      length -= gone;
      if (count < mostBlocks) return;
    }
  };

  function isOurs(trail: Trail, text: string, anchor: Anchor | undefined, links: Link[]): boolean {
    if (text !== '' && (!anchor || !isSameMac(anchor.mac, anchorMac(key, trail, anchor)))) return false;
    let index = anchor?.index ?? 0;
    let previousMac = anchor?.previousMac ?? '';
    for (const link of links) {
      if (link.index !== index || !isSameMac(link.mac, linkMac(key, trail, previousMac, link))) return false;
      index += 1;
      previousMac = link.mac;
    }
    return true;
  }
}

/** The next possible stream id. */
export function following(id: string): string {
  const [ms, count] = id.split('-');
  return `${ms}-${Number(count) + 1}`;
}
