import { listPrimaries } from '../redis/primaries.ts';
import type { Store } from '../redis/redis.ts';

const atOnce = 500;
/** The marks of a restore itself, and of pods that have just been stopped. */
const aside = new Set(['{schema}', '{pods}']);

/**
 * @param enough stops counting there
 * @returns how many keys there are under the prefix, at least. @throws Unavailable
 */
export async function countKeys(store: Store, prefix: string, enough = Number.POSITIVE_INFINITY) {
  let found = 0;
  for await (const keys of pagesOf(store, prefix)) {
    found += keys.length;
    if (found >= enough) break;
  }
  return found;
}

/** Takes away all keys under the prefix but the mark of the restore. @throws Unavailable */
export async function clearPrefix(store: Store, prefix: string): Promise<void> {
  for await (const keys of pagesOf(store, prefix)) {
    await Promise.all(keys.map((key) => store.callBytes('UNLINK', key)));
  }
}

async function* pagesOf(store: Store, prefix: string): AsyncGenerator<Buffer[]> {
  for (const primary of (await listPrimaries(store)).primaries) {
    let cursor = '0';
    do {
      const [next, keys] = (await primary.read('SCAN', cursor, 'MATCH', `${prefix}*`, 'COUNT', atOnce)) as [
        Buffer,
        Buffer[],
      ];
      cursor = next.toString();
      yield keys.filter((key) => !aside.has(key.toString().slice(prefix.length)));
    } while (cursor !== '0');
  }
}
