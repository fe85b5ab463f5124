import type { KeyObject } from 'node:crypto';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import type { Trail } from './catalogue.ts';
import type { Entry } from './chain.ts';

/** The entries of a trail as they are in Redis, still sealed, the oldest first. @param after a stream id */
export async function entriesAfter(
  store: Store,
  trail: Trail,
  after: string | undefined,
  count: number,
): Promise<Entry[]> {
  const from = after === undefined ? '-' : `(${after}`;
  return (await store.call('XRANGE', store.keys.audit(trail), from, '+', 'COUNT', count)) as Entry[];
}

export function chainKey(ring: KeyRing): KeyObject {
  return ring.key('audit-chain');
}
