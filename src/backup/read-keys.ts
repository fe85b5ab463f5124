import type { Primary } from '../redis/primaries.ts';
import { type KeyRecord, type Type, types } from './record.ts';
import { keptAs, partsOfAccount, shortLimitMs } from './what-is-kept.ts';

/** Fields, members or entries that are read at a time. One hash of ours is one read, and so as it was at one moment. */
const atOnce = 1000;
/** Those of an account are few. */
const allFields = 1_000_000;

/**
 * Reads those of some keys that a backup keeps.
 *
 * An account is read together with its factors and links, at one moment. What lies in other slots is of other moments,
 * while pods go on: a restore makes lists and indexes anew, and leads each address to the account that has it.
 * @param keys with the prefix; @param nowMs of Redis
 */
export async function* readKeys(
  primary: Primary,
  prefix: string,
  keys: string[],
  nowMs: number,
): AsyncGenerator<KeyRecord> {
  const wanted = keys.flatMap((key) => {
    const name = key.slice(prefix.length);
    const kept = keptAs(name);
    return kept === undefined || kept === 'of-account' || kept === 'ring' ? [] : [{ key, name, kept }];
  });
  const accounts = wanted.filter(({ kept }) => kept === 'account');
  const others = wanted.filter(({ kept }) => kept !== 'account' && kept !== 'trail');

  const groups = accounts.map(({ key }) => [key, ...partsOfAccount.map((part) => `${key}:${part}`)]);
  for (const [i, found] of (await primary.readGroups(groups, allFields)).entries()) {
    // Ended since it was met: then nothing of it is kept.
    if (!found[0]?.items) continue;
    for (const [at, { items, expiresAt }] of found.entries()) {
      if (!items) continue;
      const name = groups[i]?.[at]?.slice(prefix.length) ?? '';
      yield { name, type: 'hash', expiresAt, offset: 0, items };
    }
  }

  const reading = await primary.readGroups(
    others.map(({ key }) => [key]),
    atOnce,
  );
  for (const [i, { key, name, kept }] of others.entries()) {
    const found = reading[i]?.[0];
    if (!found || !isType(found.type)) continue;
    const { type, expiresAt, items } = found;
    if (kept === 'spent' && type !== 'string') continue;
    if (kept === 'limit' && expiresAt - nowMs < shortLimitMs) continue;
    if (items) yield { name, type, expiresAt, offset: 0, items };
    else yield* allParts(primary, key, { name, type, expiresAt });
  }
}

/** One key as a whole, whatever is left out elsewhere. */
export async function* readKey(primary: Primary, prefix: string, name: string): AsyncGenerator<KeyRecord> {
  const key = `${prefix}${name}`;
  const [type, expiry] = await Promise.all([primary.read('TYPE', key), primary.read('PEXPIRETIME', key)]);
  if (!isType(String(type))) return;
  const about = { name, type: String(type) as Type, expiresAt: Math.max(Number(expiry), 0) };
  yield* allParts(primary, key, about);
}

/** `next` undefined: that was all. */
type Part = { items: Buffer[]; next: string | undefined };

async function* allParts(
  primary: Primary,
  key: string,
  about: Pick<KeyRecord, 'name' | 'type' | 'expiresAt'>,
): AsyncGenerator<KeyRecord> {
  let offset = 0;
  for (let from: string | undefined; ; ) {
    const part = await readPart(primary, key, about.type, from);
    if (part.items.length > 0) yield { ...about, offset, items: part.items };
    offset += part.items.length;
    if (part.next === undefined) return;
    from = part.next;
  }
}

async function readPart(primary: Primary, key: string, type: Type, from: string | undefined): Promise<Part> {
  if (type === 'string') {
    const value = (await primary.read('GET', key)) as Buffer | null;
    return { items: value === null ? [] : [value], next: undefined };
  }
  if (type === 'list') {
    const at = Number(from ?? 0);
    const items = (await primary.read('LRANGE', key, at, at + atOnce - 1)) as Buffer[];
    return { items, next: items.length < atOnce ? undefined : String(at + atOnce) };
  }
  if (type === 'stream') {
    const start = from === undefined ? '-' : `(${from}`;
    const entries = (await primary.read('XRANGE', key, start, '+', 'COUNT', atOnce)) as [Buffer, Buffer[]][];
    const items = entries.flatMap(([id, fields]) => [id, Buffer.from(String(fields.length)), ...fields]);
    return { items, next: entries.length < atOnce ? undefined : entries.at(-1)?.[0].toString() };
  }
  const command = { hash: 'HSCAN', set: 'SSCAN', zset: 'ZSCAN' }[type];
  const [cursor, items] = (await primary.read(command, key, from ?? '0', 'COUNT', atOnce)) as [
    Buffer,
    Buffer[],
  ];
  const next = cursor.toString();
  return { items, next: next === '0' ? undefined : next };
}

function isType(type: string): type is Type {
  return (types as readonly string[]).includes(type);
}
