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
  /** Reads it now; for the pod that has just changed it. @throws Unavailable */
  refresh(): Promise<T>;
  /** @param listener called after each change, not for the first reading */
  onChange(listener: (value: T) => void): void;
  close(): void;
};

const lookEveryMs = 500;

/**
 * @param parse of all fields of the hash, in no order; called only when they have changed
 * @throws Unavailable when it cannot be read at first
 */
export async function watch<T>(
  parts: { store: Store; log: Log },
  key: string,
  parse: (fields: Record<string, string>) => T,
): Promise<Watched<T>> {
  const { store, log } = parts;
  const listeners: ((value: T) => void)[] = [];
  let text: string | undefined;
  let value: T;

  async function refresh(): Promise<T> {
    const fields = (await store.read(key)) ?? {};
    const found = JSON.stringify(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
    if (found === text) return value;
    const isFirst = text === undefined;
    value = parse(fields);
    text = found;
    if (!isFirst) for (const listener of listeners) listener(value);
    return value;
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
    refresh,
    onChange: (listener) => listeners.push(listener),
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
