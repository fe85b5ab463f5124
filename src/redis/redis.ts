/**
 * The door to Redis: typed reads, scripts and commits of one aggregate at a time, with every outage turned
 * into `Unavailable`. It owns the connection, the key names, the scripts and the waiting for durability. It
 * knows nothing of what the records mean.
 */
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { type Change, type Outcome, readOutcome } from './change.ts';
import { connectRedis, type RedisHandle, toUnavailable } from './connect.ts';
import { createDurability } from './durability.ts';
import { createKeys, type Keys } from './keys.ts';
import type { RedisTarget } from './redis-url.ts';
import { defineScripts } from './scripts.ts';

export type { Change, Outcome } from './change.ts';
export type { Keys } from './keys.ts';

export type Store = {
  readonly keys: Keys;
  readonly handle: RedisHandle;
  /** Whether one script may touch keys of several slots: everywhere but on a Cluster. */
  readonly mayCrossSlots: boolean;
  /** Whether durable writes wait for replicas or disks. */
  readonly waitsForCopies: boolean;
  /** All fields of a hash; undefined when there is none. */
  read(key: string): Promise<Record<string, string> | undefined>;
  readText(key: string): Promise<string | undefined>;
  /** Runs a script of redis/scripts by name; all keys in one slot. */
  run(script: string, keys: string[], args: (string | number)[]): Promise<unknown>;
  /** Carries a change out, and waits for its durability where it asks for that. */
  commit(change: Change): Promise<Outcome>;
  /** Waits until what was just written beside `key` is as durable as configured. @throws Unavailable */
  settle(key: string): Promise<void>;
  /** Any other command, by name. On a Cluster the first argument must be a key. */
  call(command: string, ...args: (string | number)[]): Promise<unknown>;
  /** The time of Redis, in milliseconds since the epoch; on a Cluster that of one of its nodes. */
  nowMs(): Promise<number>;
  /** Resolves once Redis answers. @throws Unavailable after this time */
  whenReady(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
};

const commandTimeoutMs = 1500;

/** The commands of `call` that change nothing. */
const reads = new Set(['HMGET', 'LRANGE', 'PTTL', 'XRANGE', 'ZCARD', 'ZLEXCOUNT', 'ZRANGE']);

export function openStore(config: Config, target: RedisTarget, log: Log): Store {
  const connect = (name: string, commandTimeoutMs: number) =>
    connectRedis(target, { log, name, commandTimeoutMs });
  const handle = connect(`holdfast-${config.pod}`, commandTimeoutMs);
  // A WAIT holds up whatever comes after it on its connection. Writes that may have to wait therefore have one
  // of their own: when the replicas are gone, reads go on.
  const mayWait = config.durability.replicas > 0 || config.durability.fsync;
  const writing = mayWait
    ? connect(`holdfast-${config.pod}-writes`, Math.max(commandTimeoutMs, config.durability.timeoutMs + 500))
    : handle;
  const keys = createKeys(config.redis.prefix);
  const scripts = defineScripts(writing.client);
  const settle = createDurability(writing, config.durability);

  async function guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw toUnavailable(error);
    }
  }

  return {
    keys,
    handle,
    waitsForCopies: mayWait,
    mayCrossSlots: handle.kind !== 'cluster',
    read: (key) =>
      guarded(async () => {
        const fields = await handle.client.hgetall(key);
        for (const _ in fields) return fields;
        return undefined;
      }),
    readText: (key) => guarded(async () => (await handle.client.get(key)) ?? undefined),
    run: (script, scriptKeys, args) => guarded(() => scripts.run(script, scriptKeys, args)),
    commit: (change) =>
      guarded(async () => {
        const outcome = readOutcome(change, await scripts.run('commit', change.keys, change.args));
        const [key] = change.keys;
        if (outcome.ok && change.isDurable && key) await settle(key);
        return outcome;
      }),
    settle: (key) => guarded(() => settle(key)),
    call: (command, ...args) =>
      guarded(() => (reads.has(command) ? handle : writing).client.call(command, args.map(String))),
    nowMs: () =>
      guarded(async () => {
        // ioredis sends a Cluster's commands by their key, and one without a key to any node.
        const [seconds, microseconds] = await handle.client.time();
        return Number(seconds) * 1000 + Number(microseconds) / 1000;
      }),
    async whenReady(timeoutMs) {
      await Promise.all([handle.whenReady(timeoutMs), writing.whenReady(timeoutMs)]);
    },
    async close() {
      await Promise.all([handle.close(), mayWait ? writing.close() : undefined]);
    },
  };
}
