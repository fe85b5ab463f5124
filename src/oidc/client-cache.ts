import { LRUCache } from 'lru-cache';
import type { Store } from '../redis/redis.ts';
import type { Payload } from './adapter.ts';
import { enginePayload, readClient } from './client-record.ts';

/**
 * What a pod keeps of clients, for less than a second, so that a request need not read them and a change holds on
 * every pod within one.
 */

/** Clients are few and change rarely: a pod keeps this many. */
const mostCached = 5000;

/**
 * What each use of a client looks at. @property payload undefined for one that is disabled
 * @property era see client-record.ts
 */
export type KnownClient = { payload: Payload | undefined; era: number };

export function createClientCache(store: Store, cacheMs: number) {
  const cache = new LRUCache<string, { known: Promise<KnownClient | undefined> }>({
    max: mostCached,
    ttl: Math.max(cacheMs, 1),
  });
  // What was read last, as text and as the object made of it: while the text is the same, so is the object.
  const last = new LRUCache<string, { text: string; payload: Payload }>({ max: mostCached });

  async function load(id: string): Promise<KnownClient | undefined> {
    const client = readClient(await store.read(store.keys.client(id)));
    if (!client) return undefined;
    if (!client.isEnabled) return { payload: undefined, era: client.era };
    const payload = enginePayload(client);
    const text = JSON.stringify(payload);
    const earlier = last.get(id);
    if (earlier?.text === text) return { payload: earlier.payload, era: client.era };
    last.set(id, { text, payload });
    return { payload, era: client.era };
  }

  async function loadAnew(id: string): Promise<KnownClient | undefined> {
    const entry = { known: load(id) };
    cache.set(id, entry);
    const forget = () => {
      if (cache.peek(id) === entry) cache.delete(id);
    };
    try {
      const found = await entry.known;
      // An id that nobody registered must not push out one that is in use, and one that is enabled works at once.
      if (found?.payload === undefined || cacheMs === 0) forget();
      return found;
    } catch (error) {
      forget();
      throw error;
    }
  }

  return {
    /** As it was less than a second ago; undefined when there is none. @throws Unavailable */
    get: (id: string): Promise<KnownClient | undefined> => cache.get(id)?.known ?? loadAnew(id),
    loadAnew,
    forget: (id: string): void => {
      cache.delete(id);
    },
  };
}
