import { nowSeconds } from '../clock.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';

/**
 * The ids of DPoP proofs (RFC 9449 11.1) and client assertions (RFC 7523 3) that were seen, one SET NX each.
 */

/** A DPoP proof may be dated this much ahead; its record must not expire before it does. */
const aheadSeconds = 300;
const leastSeconds = 60;
const mostSeconds = 20 * 60;

/** @param expiresAt in seconds; @returns false when the id was seen before */
export async function isUniqueProof(
  store: Store,
  ring: KeyRing,
  issuer: string,
  id: string,
  expiresAt: number,
): Promise<boolean> {
  const key = store.keys.proof(ring.hash('proof', JSON.stringify([issuer, id])));
  const wanted = expiresAt - nowSeconds() + aheadSeconds;
  const seconds = Math.min(Math.max(wanted, leastSeconds), mostSeconds);
  return (await store.call('SET', key, '1', 'EX', Math.ceil(seconds), 'NX')) === 'OK';
}
