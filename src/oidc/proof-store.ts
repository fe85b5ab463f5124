import { createHash } from 'node:crypto';
import { type KoaContextWithOIDC, Provider } from 'oidc-provider';
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
  const seconds = Math.ceil(Math.min(Math.max(wanted, leastSeconds), mostSeconds));
  const request = requestThatMayComeAgain(Provider.ctx);
  const seen = await store.call('SET', key, request ?? '', 'EX', seconds, 'NX', 'GET');
  return seen === null || (request !== undefined && seen === request);
}

/** Each of these spends something that counts once, so the proof need not be what makes the request unique. */
const spendingGrants = new Set([
  'authorization_code',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code',
]);

/**
 * A digest of a token request that spends a code or token. When its answer is lost, a client may send the very
 * same bytes again, proof and assertion included, and gets the same answer (see answer-again.ts).
 */
function requestThatMayComeAgain(ctx: KoaContextWithOIDC | undefined): string | undefined {
  const params = ctx?.oidc.route === 'token' ? ctx.oidc.params : undefined;
  if (!ctx || !params || !spendingGrants.has(String(params.grant_type))) return undefined;
  const whole = JSON.stringify([ctx.get('authorization'), ctx.get('dpop'), Object.entries(params).sort()]);
  return createHash('sha256').update(whole).digest('base64url');
}
