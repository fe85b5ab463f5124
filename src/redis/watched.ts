import { Unavailable } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Store } from './redis.ts';

/**
 * A hash that all pods go by and that rarely changes (roles, settings, keys): each pod keeps what it made of it, and
 * looks again every half second, so that a change holds on every pod within one.
 */
export type Watched<T> = {
  /** What was read last. */
  current(): T;
  /** How long ago that was; much more than half a second when Redis is away, or the pod was held up. */
  ageMs(): number;
  /** Reads it now; for the pod that has just changed it. @throws Unavailable */
  refresh(): Promise<T>;
  /** @param listener called after each change, not for the first reading */
  onChange(listener: (value: T) => void): void;
  close(): void;
};

const lookEveryMs = 500;

/**
 * @param parse of all fields of the hash, in no order; called only when they have changed, and again when it failed.
 * It may read what the hash stands for.
 * @throws Unavailable when it cannot be read at first
 */
export async function watch<T>(
  parts: { store: Store; log: Log },
  key: string,
  parse: (fields: Record<string, string>) => T | Promise<T>,
): Promise<Watched<T>> {
  const { store, log } = parts;
  const listeners: ((value: T) => void)[] = [];
  let text: string | undefined;
  let value: T;
  let lookedAt = 0;

  async function look(): Promise<T> {
    const askedAt = performance.now();
    const fields = (await store.read(key)) ?? {};
    const found = JSON.stringify(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
    if (found === text) {
      lookedAt = askedAt;
      return value;
    }
    const isFirst = text === undefined;
    value = await parse(fields);
    text = found;
    lookedAt = askedAt;
    if (!isFirst) for (const listener of listeners) listener(value);
    return value;
  }

  let looking: Promise<unknown> = Promise.resolve();
  /** One after the other, so that what was read earlier never takes the place of what was read later. */
  function refresh(): Promise<T> {
    const next = looking.then(look, look);
    looking = next.catch(() => {});
    return next;
  }

  value = await refresh();
  let isClosed = false;
  let timer: NodeJS.Timeout;
  async function lookAgain(): Promise<void> {
    try {
      await refresh();
    } catch (error) {
      // Redis is away: what was read last counts until it is back.
      if (!(error instanceof Unavailable)) log.error({ err: error, key }, 'a change was not taken over');
    }
    if (!isClosed) timer = setTimeout(lookAgain, lookEveryMs).unref();
  }
  timer = setTimeout(lookAgain, lookEveryMs).unref();

  return {
    current: () => value,
    ageMs: () => performance.now() - lookedAt,
    refresh,
    onChange: (listener) => listeners.push(listener),
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
