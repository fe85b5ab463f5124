import type { Store } from '../redis/redis.ts';
import type { KeyRecord } from './record.ts';

/**
 * Compares what is in Redis with the backup that was put in: that every key is there, and one in so many that it has
 * the very same content.
 */
const sampleEvery = 25;
/** What goes on by itself once it is restored. */
const changing = /^\{sessions\}:era$|^\{audit\}|^\{k\}$/;

export function isSample(index: number, { type, offset, items, name }: KeyRecord): boolean {
  const isWhole = offset === 0 && items.length < 1000;
  return (
    index % sampleEvery === 0 && isWhole && (type === 'hash' || type === 'string') && !changing.test(name)
  );
}

/**
 * @param index of the first of the records in the backup
 * @returns names of keys that are not there, and of samples that differ. One that differs may be followed by a later
 *   record of the same key, which then counts. @throws Unavailable
 */
export async function missingOf(
  store: Store,
  prefix: string,
  records: KeyRecord[],
  index: number,
): Promise<{ missing: string[]; differing: string[]; compared: string[] }> {
  const now = await store.nowMs();
  // One that has just run out may have gone, and one that is about to may go.
  const living = records.filter(({ expiresAt }) => expiresAt === 0 || expiresAt > now + 60_000);
  const samples = living.filter((record, i) => isSample(index + i, record));
  const [there, same] = await Promise.all([
    Promise.all(living.map(({ name }) => store.call('EXISTS', `${prefix}${name}`))),
    Promise.all(samples.map((record) => isAsWritten(store, prefix, record))),
  ]);
  return {
    missing: living.flatMap(({ name }, i) => (there[i] === 1 ? [] : [name])),
    differing: samples.flatMap(({ name }, i) => (same[i] ? [] : [name])),
    compared: samples.flatMap(({ name }, i) => (same[i] ? [name] : [])),
  };
}

async function isAsWritten(store: Store, prefix: string, { name, type, items }: KeyRecord): Promise<boolean> {
  const key = `${prefix}${name}`;
  if (type === 'string') return (items[0] as Buffer).equals((await store.callBytes('GET', key)) as Buffer);
  const found = pairsOf((await store.callBytes('HGETALL', key)) as Buffer[]);
  const wanted = pairsOf(items);
  return found.length === wanted.length && found.every((pair, i) => pair === wanted[i]);
}

function pairsOf(items: Buffer[]): string[] {
  const pairs = items.flatMap((item, i) =>
    i % 2 === 0 ? [`${item.toString('base64')}=${items[i + 1]?.toString('base64')}`] : [],
  );
  return pairs.sort();
}
