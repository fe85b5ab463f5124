import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { type Trail, trails } from './catalogue.ts';
import {
  type Anchor,
  anchorMac,
  type Beginning,
  digestFrom,
  digestNext,
  type Entry,
  emptyHead,
  isSameMac,
  type Link,
  linkMac,
  mostLateMs,
  readAnchor,
  readBeginning,
  readLink,
  writeHead,
} from './chain.ts';
import { chainKey } from './entries.ts';
import {
  createEntryReader,
  type Fault,
  isBefore,
  mostDriftMs,
  msOf,
  placeOf,
  timeOf,
} from './entry-reader.ts';
import type { Events, Verification } from './events.ts';
import { createKeptHeads } from './kept-heads.ts';

type Chain = {
  anchor: Anchor | undefined;
  links: Link[];
  newest: string;
  beginning: Beginning | undefined;
  fault?: Fault;
};

/** Blocks may be let go of while they are looked at. */
const mostTries = 4;

/** Computes the whole chain of each trail anew, and says the first thing that does not fit. */
export function createVerifier(parts: { store: Store; ring: KeyRing }): Pick<Events, 'verify'> {
  const { store, ring } = parts;
  const { keys } = store;
  const key = chainKey(ring);

  async function readChain(trail: Trail): Promise<Chain> {
    const [anchorText = '', newest = '0-0', beginningText = '', ...texts] = (await store.run(
      'audit-links',
      [keys.auditChain(trail), keys.auditAnchor(trail), keys.audit(trail), keys.auditBegun(trail)],
      [],
    )) as string[];
    const anchor = readAnchor(anchorText);
    const links = texts.map(readLink).filter((link) => link !== undefined);
    const beginning = readBeginning(key, trail, beginningText);
    const isThere = newest !== '0-0' || texts.length > 0 || anchorText !== '';
    const message =
      faultOf(trail, anchorText, anchor, links, texts.length) ??
      (beginningText !== '' && !beginning
        ? 'The record of the beginning of the trail is forged.'
        : isThere && !beginning
          ? 'The record of the beginning of the trail was taken out.'
          : !isThere && beginning
            ? `All events were taken out: the trail began at ${new Date(beginning.at).toISOString()}.`
            : beginning?.isChained && texts.length === 0 && anchorText === ''
              ? 'All that proved the events was taken out.'
              : undefined);
    return { anchor, links, newest, beginning, ...(message ? { fault: { message } } : {}) };
  }

  function faultOf(
    trail: Trail,
    anchorText: string,
    anchor: Anchor | undefined,
    links: Link[],
    written: number,
  ): string | undefined {
    if (anchorText !== '' && (!anchor || !isSameMac(anchor.mac, anchorMac(key, trail, anchor)))) {
      return 'The note that the oldest events were let go of is forged.';
    }
    if (links.length < written) return 'A link of the chain cannot be read: it was changed.';
    const [first] = links;
    if (first && first.index !== (anchor?.index ?? 0)) {
      return `The beginning of the trail was taken out: it starts at ${timeOf(first.from)}, and Holdfast did not let go of what was before.`;
    }
    return undefined;
  }

  async function verifyOnce(trail: Trail, kept: string[]): Promise<Verification> {
    const { anchor, links, newest, beginning, fault: chainFault } = await readChain(trail);
    const begunAt = beginning?.at;
    const heads = createKeptHeads(kept, trail, anchor);
    const reader = createEntryReader({ store, ring, trail });
    let previous = { mac: anchor?.previousMac ?? '', to: anchor?.to, index: (anchor?.index ?? 0) - 1 };
    let fault = chainFault;
    /** Told when nothing worse is found. */
    let late: Fault | undefined;
    let isFirst = anchor === undefined;
    for (const link of links) {
      fault ??= await verifyBlock(link);
      if (fault) break;
      if (link.lateMs > mostLateMs) late ??= lateFault(link);
      previous = link;
    }
    const chained = reader.count();
    if (!fault) {
      await reader.read(previous.to, newest, (entry, found) => {
        fault ??= found ?? beginningFault(entry);
      });
    }
    fault ??= heads.fault() ?? late;
    return {
      trail,
      isIntact: fault === undefined,
      events: reader.count(),
      unchained: reader.count() - chained,
      ...(begunAt === undefined ? {} : { begunAt }),
      ...(fault ? { fault } : {}),
      head: headOf(trail, links.at(-1), anchor),
    };

    /** Where nothing was let go of, the record of the beginning was made with the first entry. */
    function beginningFault([id]: Entry): Fault | undefined {
      if (!isFirst) return undefined;
      isFirst = false;
      if (begunAt === undefined || Math.abs(msOf(id) - begunAt) <= mostDriftMs) return undefined;
      const began = new Date(begunAt).toISOString();
      return {
        message: `The beginning of the trail was taken out, or put before it: it began at ${began}, and starts at ${timeOf(id)}.`,
        ...placeOf(trail, id),
      };
    }

    function lateFault({ from, to, lateMs }: Link): Fault {
      const minutes = Math.round(lateMs / 60_000);
      return {
        message: `Of the events from ${timeOf(from)} to ${timeOf(to)}, some were chained ${minutes} minutes late. If no pod ran for so long, that is why; otherwise somebody took the chain away and had it made anew, and may have changed what it proved.`,
        ...placeOf(trail, from),
      };
    }

    async function verifyBlock(link: Link): Promise<Fault | undefined> {
      const { index, from, to } = link;
      const span = `from ${timeOf(from)} to ${timeOf(to)}`;
      const place = placeOf(trail, from);
      if (index !== previous.index + 1) {
        return { message: `A block of events before ${timeOf(from)} was taken out.`, ...place };
      }
      if (!isSameMac(link.mac, linkMac(key, trail, previous.mac, link))) {
        return { message: `What proves the events ${span} was changed, or moved.`, ...place };
      }
      let digest = digestFrom(trail, index);
      let count = 0;
      let found: Fault | undefined;
      await reader.read(previous.to, to, (entry, entryFault) => {
        const [id] = entry;
        digest = digestNext(digest, entry);
        count += 1;
        found ??= entryFault ?? beginningFault(entry);
        if (isBefore(id, from))
          found ??= { message: `An event was put in at ${timeOf(id)}.`, ...placeOf(trail, id) };
        found ??= heads.check(index, count, (lateMs) =>
          linkMac(key, trail, previous.mac, { index, from, to: id, count, lateMs, digest }),
        );
      });
      if (count < link.count) {
        return { message: `Of the events ${span}, ${link.count - count} were taken out.`, ...place };
      }
      if (found) return found;
      if (count > link.count) {
        return { message: `Among the events ${span}, ${count - link.count} were put in.`, ...place };
      }
      if (digest === link.digest) return undefined;
      return { message: `The events ${span} were changed, or put in another order.`, ...place };
    }
  }

  return {
    async verify(heads = []) {
      return Promise.all(
        trails.map(async (trail) => {
          for (let tries = 1; ; tries += 1) {
            const before = await store.readText(keys.auditAnchor(trail));
            const verified = await verifyOnce(trail, heads);
            const after = await store.readText(keys.auditAnchor(trail));
            if (verified.isIntact || before === after || tries === mostTries) return verified;
          }
        }),
      );
    },
  };
}

function headOf(trail: Trail, last: Link | undefined, anchor: Anchor | undefined): string {
  if (last) return writeHead({ trail, ...last });
  if (!anchor) return emptyHead(trail);
  return writeHead({ trail, index: anchor.index - 1, count: 0, lateMs: 0, mac: anchor.previousMac });
}
