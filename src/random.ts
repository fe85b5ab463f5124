import { randomFillSync } from 'node:crypto';

/**
 * Random text for ids and secrets, from the operating system's generator, fetched in blocks: a call for a few
 * bytes costs as much as one for thousands.
 */
const block = Buffer.allocUnsafeSlow(8192);
let used = block.length;

/** @returns so many random bytes in base64url; 16 bytes are 22 characters, 32 are 43 */
export function randomText(bytes: number): string {
  if (used + bytes > block.length) {
    randomFillSync(block);
    used = 0;
  }
  used += bytes;
  return block.toString('base64url', used - bytes, used);
}
