/**
 * The door to password hashes that other systems made, as accounts bring them along: which there are, whether one
 * may be taken over, and whether a password matches it. It makes none: a password that matches is hashed anew by
 * password.ts, which also bounds how many are checked at once, and which alone knows argon2.
 */
import { bcrypt } from './bcrypt.ts';
import { django } from './django.ts';
import { firebaseScrypt } from './firebase-scrypt.ts';
import type { ForeignHash, ForeignScheme } from './foreign-hash.ts';
import { pbkdf2 } from './pbkdf2.ts';
import { saltedDigest } from './salted-digest.ts';
import { scrypt } from './scrypt.ts';
import { shaCrypt } from './sha-crypt.ts';

export { formatFirebaseScrypt } from './firebase-scrypt.ts';
export type { ForeignHash } from './foreign-hash.ts';
export { formatPbkdf2 } from './pbkdf2.ts';
export { type DigestName, digestNames, formatSaltedDigest, type SaltPlace } from './salted-digest.ts';
export { formatScrypt } from './scrypt.ts';

const schemes: ForeignScheme[] = [bcrypt, scrypt, firebaseScrypt, pbkdf2, shaCrypt, django, saltedDigest];
const longestHash = 2048;

/** @returns undefined for what none of the schemes can read */
export function readForeignHash(stored: string): ForeignHash | undefined {
  if (stored.length > longestHash) return undefined;
  for (const scheme of schemes) {
    const found = scheme.read(stored);
    if (found) return found;
  }
  return undefined;
}

/** Hashes that are known and yet not taken, since they are broken faster than anyone can change a password. */
export function isRefusedHash(stored: string): boolean {
  const isCrypt = /^\$(1|apr1|md5)\$|^\{?(MD5|SMD5|CRYPT|SHA|SSHA)\}/i.test(stored);
  const isDjango = /^(md5|sha1|unsalted_md5|unsalted_sha1|crypt)\$/.test(stored);
  return isCrypt || isDjango || /^[0-9a-f]{32}$|^[0-9a-f]{40}$|^\$NT\$/i.test(stored);
}
