import { createHash, createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { Trail } from './catalogue.ts';

/**
 * What proves that a trail is as it was written. Its entries are cut into blocks; a link for each block holds a digest
 * of the entries and a MAC over that and the link before, under a key that Redis does not have. The last block is
 * open: its link reaches further as entries come, so that the digest runs from one entry to the next.
 *
 * Pods would chain anew, with true MACs, what somebody has changed after taking away or setting back what proved it. So
 * a link says how late any of its entries came under its MAC: entries come under it within a second or two, and who
 * makes pods chain anew what is older makes them say so. And a trail has a record of its beginning, with a MAC, which
 * is made with the first entry and never again while there is anything of the trail: where nothing was let go of, the
 * first entry is as old as it. It says as well whether there was a chain; then no other is begun over what is left.
 *
 * Who can write to Redis, and put back what was there before, but does not have the key, can still without a trace
 *
 *   - take away what was appended in the last minutes (`mostLateMs`), and set the end of the chain back that far;
 *   - set a trail back to what it was at an earlier time: all that came after is gone, and all that remains is true;
 *   - take away all of a trail with its beginning: it begins anew, and says since when there is one;
 *   - set the settings, or the clock of Redis, so that events are let go of early. That they were let go of shows.
 *
 * Against all of them, heads are kept elsewhere: a head is a place in the chain and its MAC. Each pod's log has one
 * every few minutes, and `verify` takes those that were kept.
 */
export type Link = {
  /** Counts the blocks, from 0. */
  index: number;
  /** Stream ids of the first entry and the last. */
  from: string;
  to: string;
  count: number;
  /** The longest that one of its entries waited until it was chained, in ms, as far as pods could have done it. */
  lateMs: number;
  /** base64url, as the next. */
  digest: string;
  mac: string;
};

/** What remains of blocks that were let go: the place at which the chain goes on. */
export type Anchor = {
  /** Of the first block that is still there. */
  index: number;
  /** MAC of the last block that is gone. */
  previousMac: string;
  /** Its last entry. */
  to: string;
  /** How many events have gone in all. */
  gone: number;
  reason: PruneReason;
  mac: string;
};
export type PruneReason = 'age' | 'room';

/** A stream entry as Redis gives it: its id, and its fields and values in turn. */
export type Entry = [id: string, fields: string[]];

/** The entries of an open block take this many, or this long. */
export const blockEntries = 512;
export const blockMs = 3_600_000;
/**
 * Entries that were chained later than this were not protected for so long. Longer than pods need to start again when
 * all of them went at once.
 */
export const mostLateMs = 5 * 60_000;

export function digestFrom(trail: Trail, index: number): string {
  return createHash('sha256').update(`holdfast audit block\n${trail}\n${index}`).digest('base64url');
}

export function digestNext(digest: string, entry: Entry): string {
  return createHash('sha256').update(digest).update(JSON.stringify(entry)).digest('base64url');
}

export function linkMac(
  key: KeyObject,
  trail: Trail,
  previousMac: string,
  { index, from, to, count, lateMs, digest }: Omit<Link, 'mac'>,
): string {
  return mac(key, ['link', trail, index, previousMac, from, to, count, lateMs, digest]);
}

/**
 * The record of a trail's beginning. `at`: ms since the epoch. `isChained`: its chain was begun, a second after; from
 * then on none is begun anew.
 */
export type Beginning = { at: number; isChained: boolean };

export function writeBeginning(key: KeyObject, trail: Trail, { at, isChained }: Beginning): string {
  const state = isChained ? 'chained' : 'begun';
  return `${at} ${state} ${mac(key, ['beginning', trail, at, state])}`;
}

/** @returns undefined when this is no true record of it */
export function readBeginning(key: KeyObject, trail: Trail, text: string): Beginning | undefined {
  const [, at, state] = /^(\d{1,15}) (begun|chained) /.exec(text) ?? [];
  const beginning = { at: Number(at), isChained: state === 'chained' };
  return state && isSameMac(text, writeBeginning(key, trail, beginning)) ? beginning : undefined;
}

export function anchorMac(
  key: KeyObject,
  trail: Trail,
  { index, previousMac, to, gone, reason }: Omit<Anchor, 'mac'>,
): string {
  return mac(key, ['anchor', trail, index, previousMac, to, gone, reason]);
}

export function isSameMac(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

export function writeLink({ index, from, to, count, lateMs, digest, mac }: Link): string {
  return [index, from, to, count, lateMs, digest, mac].join(' ');
}

/** @returns undefined for what is no link; whether it is a true one, its MAC says */
export function readLink(text: string): Link | undefined {
  const found = /^(\d{1,15}) (\d+-\d+) (\d+-\d+) (\d{1,15}) (\d{1,15}) ([\w-]{43}) ([\w-]{43})$/.exec(text);
  if (!found) return undefined;
  const [, index, from = '', to = '', count, lateMs, digest = '', mac = ''] = found;
  return { index: Number(index), from, to, count: Number(count), lateMs: Number(lateMs), digest, mac };
}

export function writeAnchor({ index, previousMac, to, gone, reason, mac }: Anchor): string {
  return [index, previousMac, to, gone, reason, mac].join(' ');
}

export function readAnchor(text: string): Anchor | undefined {
  const found = /^(\d{1,15}) ([\w-]{43}) (\d+-\d+) (\d{1,15}) (age|room) ([\w-]{43})$/.exec(text);
  if (!found) return undefined;
  const [, index, previousMac = '', to = '', gone, reason, mac = ''] = found;
  return {
    index: Number(index),
    previousMac,
    to,
    gone: Number(gone),
    reason: reason as PruneReason,
    mac,
  };
}

/** A place in a chain, for people to keep: trail, block, entries of it and how late they were chained, MAC. */
export type Head = { trail: Trail; index: number; count: number; lateMs: number; mac: string };

export function writeHead({ trail, index, count, lateMs, mac }: Head): string {
  return `${trail}:${index}:${count}:${lateMs}:${mac}`;
}

/** @returns undefined for what is no head */
export function readHead(text: string): Head | undefined {
  const found = /^(admin|people):(\d{1,15}):(\d{1,15}):(\d{1,15}):([\w-]{43}|-)$/.exec(text.trim());
  if (!found) return undefined;
  const [, trail, index, count, lateMs, mac = ''] = found;
  return { trail: trail as Trail, index: Number(index), count: Number(count), lateMs: Number(lateMs), mac };
}

/** Of a chain that has not begun. */
export function emptyHead(trail: Trail): string {
  return writeHead({ trail, index: 0, count: 0, lateMs: 0, mac: '-' });
}

function mac(key: KeyObject, parts: (string | number)[]): string {
  return createHmac('sha256', key)
    .update(JSON.stringify(['holdfast audit', ...parts]))
    .digest('base64url');
}
