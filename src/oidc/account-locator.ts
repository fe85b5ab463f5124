import { createHmac } from 'node:crypto';
import type { KeyRing } from '../redis/key-ring.ts';

/**
 * The account as an access token's id names it, so that userinfo and introspection read the account beside the
 * token and not after it. Masked with a keystream that follows from the grant's tag: two relying parties that put
 * their tokens side by side see nothing in common (the promise of pairwise identifiers, Core 8.1).
 *
 * It only says what to read ahead. What counts is the account in the stored token, and an id that was tampered
 * with leads to no token.
 */
const bytes = 16;

/** @returns 16 bytes; undefined for an account id that was not minted here */
export function sealLocator(ring: KeyRing, tag: string, accountId: string): Buffer | undefined {
  const plain = Buffer.from(accountId, 'base64url');
  if (plain.length !== bytes || plain.toString('base64url') !== accountId) return undefined;
  return mask(ring, tag, plain);
}

/** @returns an account id, of nobody when the locator was not made for this tag */
export function openLocator(ring: KeyRing, tag: string, locator: Buffer): string {
  return mask(ring, tag, locator).toString('base64url');
}

function mask(ring: KeyRing, tag: string, text: Buffer): Buffer {
  const stream = createHmac('sha256', ring.key('account-locator')).update(tag).digest();
  return Buffer.from(text.map((byte, index) => byte ^ (stream[index] ?? 0)));
}
