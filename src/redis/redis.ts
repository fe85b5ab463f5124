/**
 * The door to Redis: typed reads, scripts and commits of one aggregate at a time, with every outage turned
 * into `Unavailable`. It owns the connection, the key names, the scripts and the waiting for durability. It
 * knows nothing of what the records mean.
 */
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { type Observer, requestScope, unobserved } from '../observer.ts';
import { sendBytes } from './bytes.ts';
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
  run(script: string, keys: string[], args: (string | number | Buffer)[]): Promise<unknown>;
  /** Carries a change out, and waits for its durability where it asks for that. */
  commit(change: Change): Promise<Outcome>;
  /** Waits until what was just written beside `key` is as durable as configured. @throws Unavailable */
  settle(key: string): Promise<void>;
  /** Any other command, by name. On a Cluster the first argument must be a key. */
  call(command: string, ...args: (string | number)[]): Promise<unknown>;
  /** The same with what is no text: values come and go as bytes. */
  callBytes(command: string, ...args: (string | Buffer | number)[]): Promise<unknown>;
  /** The time of Redis, in milliseconds since the epoch; on a Cluster that of one of its nodes. */
  nowMs(): Promise<number>;
  /** Resolves once Redis answers. @throws Unavailable after this time */
  whenReady(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
};

const commandTimeoutMs = 1500;

/** The commands of `call` that change nothing. */
const reads = new Set(['EXISTS', 'HMGET', 'LRANGE', 'PTTL', 'XRANGE', 'ZCARD', 'ZLEXCOUNT', 'ZRANGE']);

export function openStore(
  config: Config,
  target: RedisTarget,
  log: Log,
  observer: Pick<Observer, 'redis' | 'waitShort'> = unobserved,
): Store {
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
  const settle = createDurability(writing, config.durability, observer.waitShort);

  async function guarded<T>(kind: string, work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const scope = requestScope();
    if (scope) {
      if (scope.redisOpen === 0) scope.redisWaits += 1;
      scope.redisOpen += 1;
    }
    let isFailed = true;
    try {
      const result = await work();
      isFailed = false;
      return result;
    } catch (error) {
      throw toUnavailable(error);
    } finally {
      if (scope) scope.redisOpen -= 1;
      observer.redis(kind, startedAt, isFailed);
    }
  }

  const settled = async (key: string) => {
    if (mayWait) await guarded('wait', () => settle(key));
  };

  return {
    keys,
    handle,
    waitsForCopies: mayWait,
    mayCrossSlots: handle.kind !== 'cluster',
    read: (key) =>
      guarded('read', async () => {
        const fields = await handle.client.hgetall(key);
        for (const _ in fields) return fields;
        return undefined;
      }),
    readText: (key) => guarded('read-text', async () => (await handle.client.get(key)) ?? undefined),
    run: (script, scriptKeys, args) => guarded(script, () => scripts.run(script, scriptKeys, args)),
    async commit(change) {
      const outcome = await guarded('commit', async () =>
        readOutcome(change, await scripts.run('commit', change.keys, change.args)),
      );
      const [key] = change.keys;
      if (outcome.ok && change.isDurable && key) await settled(key);
      return outcome;
    },
    settle: settled,
    call: (command, ...args) =>
      guarded(command.toLowerCase(), () =>
        (reads.has(command) ? handle : writing).client.call(command, args.map(String)),
      ),
    callBytes: (command, ...args) =>
      guarded(command.toLowerCase(), () =>
        sendBytes((reads.has(command) ? handle : writing).client, command, args),
      ),
    nowMs: () =>
      guarded('time', async () => {
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
