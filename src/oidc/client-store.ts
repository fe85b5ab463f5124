import { createHash, timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { nowMs } from '../clock.ts';
import { randomText } from '../random.ts';
import { Change } from '../redis/change.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import type { Payload } from './adapter.ts';
import { unitOfWork } from './unit-of-work.ts';

/**
 * Clients, by client_id: their metadata as the engine wants it (RFC 7591 names), and keyed hashes of up to
 * two secrets, so that a secret can be replaced with no refused request in between.
 *
 *   p    metadata, JSON
 *   s1   hash of the secret
 *   s2   hash of the one that it replaces
 */

export type ClientMetadata = Record<string, unknown> & { client_id: string };

/** Clients are few and change rarely: a pod keeps them for a moment, and this many. */
const mostCached = 5000;

/** @param options.builtIn clients that are part of the product; nobody can make or change one with such an id */
export function createClientStore(
  store: Store,
  ring: KeyRing,
  options: { cacheMs: number; builtIn?: ClientMetadata[] },
) {
  const builtIn = new Map(options.builtIn?.map((metadata) => [metadata.client_id, metadata]));
  const cache = new LRUCache<string, { payload: Promise<Payload | undefined> }>({
    max: mostCached,
    ttl: Math.max(options.cacheMs, 1),
  });

  // What was read last, as text and as the object made of it: while the text is the same, so is the object.
  const known = new LRUCache<string, { text: string; payload: Payload }>({ max: mostCached });

  async function load(id: string): Promise<Payload | undefined> {
    const fields = await store.read(store.keys.client(id));
    if (!fields?.p) return undefined;
    const text = JSON.stringify([fields.p, fields.s1, fields.s2]);
    const earlier = known.get(id);
    if (earlier?.text === text) return earlier.payload;
    const payload = parse({ ...fields, p: fields.p });
    known.set(id, { text, payload });
    return payload;
  }

  function parse(fields: { p: string; s1?: string; s2?: string }): Payload {
    const metadata = JSON.parse(fields.p) as Payload;
    // The engine compares client_secret by way of engine.ts, which knows that these are hashes.
    const hashes = [fields.s1, fields.s2].filter(Boolean).join(',');
    return hashes ? { ...metadata, client_secret: hashes } : metadata;
  }

  const hashSecret = (secret: string) => ring.hash('client-secret', secret);

  return {
    async findForEngine(id: string): Promise<Payload | undefined> {
      if (!isClientId(id)) return undefined;
      const ours = builtIn.get(id);
      if (ours) return ours;
      const cached = cache.get(id);
      if (cached) return unitOfWork().guard(cached.payload);
      const entry = { payload: load(id) };
      cache.set(id, entry);
      try {
        const payload = await unitOfWork().guard(entry.payload);
        // An id that nobody registered must not push out one that is in use.
        if (payload === undefined || options.cacheMs === 0) cache.delete(id);
        return payload;
      } catch (error) {
        cache.delete(id);
        throw error;
      }
    },

    /** Whether `secret` is one of the hashes that `findForEngine` gave as client_secret. */
    isSecret(hashes: string, secret: string): boolean {
      const given = digest(hashSecret(secret));
      let isOne = false;
      for (const hash of hashes.split(',')) isOne = timingSafeEqual(digest(hash), given) || isOne;
      return isOne;
    },

    /**
     * @param secret undefined for a client that needs none
     * @returns false when the client_id is taken
     */
    async create(metadata: ClientMetadata, secret: string | undefined): Promise<boolean> {
      if (builtIn.has(metadata.client_id)) return false;
      const key = store.keys.client(metadata.client_id);
      // Listed first: a list tolerates an id with no client, but a client must not go unlisted.
      await store.call('ZADD', store.keys.clientList(), 'NX', nowMs(), metadata.client_id);
      const fields: Record<string, string> = { p: JSON.stringify(metadata) };
      if (secret !== undefined) fields.s1 = hashSecret(secret);
      const outcome = await store.commit(new Change().durable().requireAbsent(key).set(key, 0, fields));
      return outcome.ok;
    },

    /** Replaces metadata and secret; for a client that configuration owns, such as the local demo's. */
    async put(metadata: ClientMetadata, secret: string): Promise<void> {
      if (builtIn.has(metadata.client_id)) throw new RangeError(`${metadata.client_id} is built in`);
      const key = store.keys.client(metadata.client_id);
      await store.call('ZADD', store.keys.clientList(), 'NX', nowMs(), metadata.client_id);
      await store.commit(
        new Change().durable().set(key, 0, { p: JSON.stringify(metadata), s1: hashSecret(secret) }),
      );
      cache.delete(metadata.client_id);
    },

    async find(id: string): Promise<ClientMetadata | undefined> {
      if (!isClientId(id)) return undefined;
      const ours = builtIn.get(id);
      if (ours) return ours;
      const fields = await store.read(store.keys.client(id));
      return fields?.p ? (JSON.parse(fields.p) as ClientMetadata) : undefined;
    },

    /** In the order of their creation. @param offset of the first; @param count of how many at the most */
    async list(offset: number, count: number): Promise<ClientMetadata[]> {
      const ids = (await store.call(
        'ZRANGE',
        store.keys.clientList(),
        offset,
        offset + count - 1,
      )) as string[];
      const found = await Promise.all(ids.map((id) => this.find(id)));
      return found.filter((client) => client !== undefined);
    },
  };
}

export type ClientStore = ReturnType<typeof createClientStore>;

/** A client secret: 256 random bits, base64url. */
export function mintClientSecret(): string {
  return randomText(32);
}

/** client_id is made of visible characters (RFC 6749 A.1); braces would change the slot of its key. */
export function isClientId(id: string): boolean {
  return /^[\x21-\x7e]{1,128}$/.test(id) && !/[{}]/.test(id);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
