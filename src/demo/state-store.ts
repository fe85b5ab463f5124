/**
 * Owns where state between two requests is kept: in the browser's cookie itself, or in Redis under a random id
 * that is in the cookie. Does not own cookies. Nothing is kept in the process, so instances with the same
 * secrets (and the same Redis) stand in for each other at any moment.
 */
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { JWTPayload } from 'jose';
import { Outage } from './outage.ts';
import { randomId } from './records.ts';
import type { Purpose, Sealer } from './seal.ts';

/** A handle is what the cookie holds. */
export type StateStore = {
  /** Whether a handle is only an id, whose record others may change meanwhile. */
  readonly shared: boolean;
  /** Keeps a new record and returns its handle. */
  create(purpose: Purpose, record: JWTPayload, lifetimeSeconds: number): Promise<string>;
  /** Replaces a record and returns its handle; undefined when the record was ended meanwhile. */
  replace(purpose: Purpose, handle: string, record: JWTPayload, seconds: number): Promise<string | undefined>;
  load(purpose: Purpose, handle: string): Promise<JWTPayload | undefined>;
  /** Ends a record, at once or after some seconds. */
  end(purpose: Purpose, handle: string, afterSeconds?: number): Promise<void>;
  /** Runs work for one record at a time. An aid, not a guarantee: whoever waited too long runs as well. */
  exclusively<T>(handle: string, work: () => Promise<T>): Promise<T>;
};

/** State in the cookie itself. Ending is forgetting the cookie; order between tabs is left to the generation. */
export function createCookieStore(sealer: Sealer): StateStore {
  return {
    shared: false,
    create: (purpose, record, seconds) => sealer.seal(purpose, 'cookie', record, seconds),
    replace: (purpose, _handle, record, seconds) => sealer.seal(purpose, 'cookie', record, seconds),
    load: (purpose, handle) => sealer.open(purpose, 'cookie', handle),
    end: async () => {},
    exclusively: (_handle, work) => work(),
  };
}

const answerMs = 2_000;
const lockMs = 5_000;
const lockPauseMs = 50;

const releaseLock = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

/** State in Redis: the key is a hash of the id, the value is sealed and bound to its key. Throws `Outage`. */
export function createRedisStore(sealer: Sealer, redis: Redis, keyPrefix: string): StateStore {
  const keyOf = (purpose: Purpose | 'lock', handle: string) =>
    `${keyPrefix}${purpose}:${createHash('sha256').update(handle).digest('base64url')}`;

  return {
    shared: true,

    async create(purpose, record, seconds) {
      const handle = randomId();
      const key = keyOf(purpose, handle);
      await reach(redis.set(key, await sealer.seal(purpose, key, record, seconds), 'EX', seconds));
      return handle;
    },

    async replace(purpose, handle, record, seconds) {
      const key = keyOf(purpose, handle);
      const sealed = await sealer.seal(purpose, key, record, seconds);
      const written = await reach(redis.set(key, sealed, 'EX', seconds, 'XX'));
      return written === null ? undefined : handle;
    },

    async load(purpose, handle) {
      const key = keyOf(purpose, handle);
      const sealed = await reach(redis.get(key));
      return sealed === null ? undefined : sealer.open(purpose, key, sealed);
    },

    async end(purpose, handle, afterSeconds = 0) {
      const key = keyOf(purpose, handle);
      await reach(afterSeconds > 0 ? redis.expire(key, afterSeconds) : redis.del(key));
    },

    async exclusively(handle, work) {
      const key = keyOf('lock', handle);
      const holder = randomId();
      const until = Date.now() + lockMs;
      while ((await reach(redis.set(key, holder, 'PX', lockMs, 'NX'))) === null && Date.now() < until) {
        await pause(lockPauseMs);
      }
      try {
        return await work();
      } finally {
        // A lock that cannot be released ends by itself; the work counts.
        await reach(redis.eval(releaseLock, 1, key, holder)).catch(() => {});
      }
    },
  };
}

/** The reply, or an outage when there is none in time. */
async function reach<T>(reply: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no reply in time')), answerMs);
  });
  try {
    return await Promise.race([reply, tooLate]);
  } catch (cause) {
    throw new Outage('store', cause);
  } finally {
    clearTimeout(timer);
  }
}
