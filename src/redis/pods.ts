/**
 * Which pods are alive: each says so every second, and what it runs and serves. One that was silent for ten seconds
 * is taken for dead.
 */
import { Unavailable } from '../errors.ts';
import type { Log } from '../log.ts';
import { randomText } from '../random.ts';
import type { Store } from './redis.ts';

export type Pod = {
  /** The name of the pod, with a part that is new at each start. */
  id: string;
  name: string;
  version: string;
  /** ms of Redis time. */
  startedAt: number;
  seenAt: number;
  /** Of the key set that it serves; 0 while it serves none yet. See oidc/key-lifecycle.ts. */
  keySetVersion: number;
  isReady: boolean;
  /** Of its HOLDFAST_KEYS, in their order. Missing in what an earlier version says. */
  keyIds?: string[];
};

export type Pods = {
  /** Those that are alive, by name. @throws Unavailable */
  list(): Promise<Pod[]>;
  /** Says now what has changed, rather than within a second. @throws Unavailable */
  tell(): Promise<void>;
  /** What this pod heard of all when it last said that it is alive. */
  heard(): Heard;
  /** Takes the pod off the list. */
  close(): Promise<void>;
};

/** newestKeySet: the highest version of the key set that a pod serves which is alive. */
export type Heard = { alive: number; newestKeySet: number };

const tellEveryMs = 1000;

/** A pod that was silent for so long is taken for dead. */
export const silentMs = 10_000;

/** For who only looks; such as the command line, which is no pod. @throws Unavailable */
export async function listPods(store: Store): Promise<Pod[]> {
  const flat = (await store.run('pod-list', [store.keys.pods()], [silentMs])) as string[];
  const found: Pod[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    found.push({ ...(JSON.parse(flat[i + 1] ?? '{}') as Omit<Pod, 'id'>), id: flat[i] ?? '' });
  }
  return found.sort((a, b) => a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1));
}

/**
 * Begins to say that this pod is alive.
 * @param describe what changes while it runs, asked each time
 * @throws Unavailable when it cannot be said at first: whoever waits for all pods must know of one before it serves
 */
export async function createPods(parts: {
  store: Store;
  name: string;
  version: string;
  keyIds?: string[];
  describe(): Pick<Pod, 'keySetVersion' | 'isReady'>;
  log: Log;
}): Promise<Pods> {
  const { store, name, version, keyIds, describe, log } = parts;
  const id = `${name}-${randomText(6)}`;
  const key = store.keys.pods();
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  let telling: Promise<unknown> = Promise.resolve();
  let heard: Heard = { alive: 0, newestKeySet: 0 };

  async function sayNow(): Promise<void> {
    if (isClosed) return;
    const said = JSON.stringify({ name, version, keyIds, ...describe() });
    const [alive, newestKeySet] = (await store.run('pod-tell', [key], [silentMs, id, said])) as [
      number,
      number,
    ];
    heard = { alive, newestKeySet };
  }

  /** One after the other, so that what is older never takes the place of what is newer. */
  function tell(): Promise<void> {
    const next = telling.then(sayNow, sayNow);
    telling = next.catch(() => {});
    return next;
  }

  async function goOn(): Promise<void> {
    try {
      await tell();
    } catch (error) {
      // Redis is away: the others learn that this pod is alive when it is back.
      if (!(error instanceof Unavailable))
        log.error({ err: error }, 'the pod could not say that it is alive');
    }
    if (!isClosed) timer = setTimeout(goOn, tellEveryMs).unref();
  }

  await tell();
  timer = setTimeout(goOn, tellEveryMs).unref();

  return {
    list: () => listPods(store),
    tell,
    heard: () => heard,
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await telling;
      try {
        await store.call('HDEL', key, id);
      } catch (error) {
        // It falls silent instead.
        if (!(error instanceof Unavailable)) throw error;
      }
    },
  };
}
