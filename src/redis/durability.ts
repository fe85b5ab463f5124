import calculateSlot from 'cluster-key-slot';
import { Cluster, type Redis } from 'ioredis';
import { Unavailable } from '../errors.ts';
import type { RedisHandle } from './connect.ts';

export type DurabilityRule = {
  /** Replicas that must hold a write before it counts. */
  replicas: number;
  /** Whether the primary, and that many replicas, must have synced it to disk. */
  fsync: boolean;
  timeoutMs: number;
};

/**
 * Gives a function that waits until every write made so far on the connection that serves `key` is as
 * durable as the rule asks. WAIT and WAITAOF answer with counts, also when the time ran out, and a short
 * count does not undo the write: the outcome is unknown, so the caller must answer 503 and issue nothing.
 *
 * Callers of one moment share one WAIT, since it covers everything that the connection wrote before.
 * @param fellShort is told of each count that was too low
 */
export function createDurability(
  handle: RedisHandle,
  rule: DurabilityRule,
  fellShort: () => void = () => {},
): (key: string) => Promise<void> {
  if (rule.replicas === 0 && !rule.fsync) return async () => {};
  const gathering = new WeakMap<Redis, Promise<void>>();

  async function wait(connection: Redis): Promise<void> {
    if (rule.fsync) {
      const [local, replicas] = (await connection.call(
        'WAITAOF',
        '1',
        String(rule.replicas),
        String(rule.timeoutMs),
      )) as [number, number];
      if (local >= 1 && replicas >= rule.replicas) return;
      fellShort();
      throw new Unavailable(`synced to disk by ${local} primary and ${replicas} replicas in time`);
    }
    const held = (await connection.call('WAIT', String(rule.replicas), String(rule.timeoutMs))) as number;
    if (held < rule.replicas) {
      fellShort();
      throw new Unavailable(`held by ${held} of ${rule.replicas} required replicas in time`);
    }
  }

  return (key) => {
    const connection = connectionFor(handle, key);
    let shared = gathering.get(connection);
    if (!shared) {
      // Gathers the callers of this turn of the event loop, then sends one WAIT for all of them.
      shared = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        gathering.delete(connection);
        return wait(connection);
      });
      gathering.set(connection, shared);
    }
    return shared;
  };
}

/** The very connection that writes of this key go through; on a Cluster that is its slot's primary. */
function connectionFor(handle: RedisHandle, key: string): Redis {
  const { client } = handle;
  if (!(client instanceof Cluster)) return client;
  const address = client.slots[calculateSlot(key)]?.[0];
  const node = client.nodes('master').find(({ options }) => `${options.host}:${options.port}` === address);
  if (!node) throw new Unavailable('the slot has no known primary');
  return node;
}
