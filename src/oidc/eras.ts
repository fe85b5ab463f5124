import type { Log } from '../log.ts';
import type { Store } from '../redis/redis.ts';
import { watch } from '../redis/watched.ts';

/**
 * Every session and grant belongs to the era in which its person signed in. When an administrator ends everything,
 * the next era begins, and what belongs to an earlier one is worth nothing, however much of it there is.
 *
 * Each pod knows the era within half a second and compares it wherever it reads a session or grant, so no request
 * makes a round trip for it. What a pod that does not know yet is about to write carries the era that it knows, and
 * is worth nothing as soon as it is written.
 */
export type Eras = {
  /** 0 is the first. */
  current(): number;
  /** As it is in Redis now. @throws Unavailable */
  now(): Promise<number>;
  /** Ends everything. @returns when, in ms of Redis time. @throws Unavailable */
  beginNext(): Promise<{ era: number; before: number }>;
  close(): void;
};

/** What compares; nothing has ended where nobody ends anything. */
export type Era = Pick<Eras, 'current'>;
export const onlyEra: Era = { current: () => 0 };

/** @throws Unavailable */
export async function watchEras(parts: { store: Store; log: Log }): Promise<Eras> {
  const { store } = parts;
  const key = store.keys.era();
  const watched = await watch(parts, key, ({ n }) => Number(n ?? 0));
  return {
    current: watched.current,
    now: watched.refresh,
    async beginNext() {
      const [era, before] = (await store.run('era-begin', [key], [])) as [number, number];
      await store.settle(key);
      await watched.refresh();
      return { era, before };
    },
    close: watched.close,
  };
}
