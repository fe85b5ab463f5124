import {
  type DigestName,
  digestNames,
  formatPbkdf2,
  formatSaltedDigest,
  formatScrypt,
} from './foreign-hashes/foreign-hashes.ts';
import { objectOf, textOf } from './import-row.ts';

/**
 * A hash whose parts are told one by one, in the form of Auth0's `custom_password_hash`:
 * `{ algorithm, hash: { value, encoding }, salt: { value, encoding, position } }`, for scrypt also
 * `keylen, cost, blockSize, parallelization`, for PBKDF2 also `iterations` and `digest`. Encodings are `hex`,
 * `base64` and `utf8`; a digest without salt is taken because it is named here.
 * @returns the text that `adoptHash` takes; undefined when this makes no hash
 */
export function readDeclaredHash(declared: Record<string, unknown>): string | undefined {
  const hashPart = objectOf(declared.hash);
  const value = textOf(hashPart?.value);
  const algorithm = textOf(declared.algorithm);
  if (value === undefined || algorithm === undefined) return undefined;
  // These say everything in one text.
  if (algorithm === 'bcrypt' || algorithm === 'argon2' || value.startsWith('$')) return value;

  const hash = decode(value, hashPart?.encoding ?? 'hex');
  const saltPart = objectOf(declared.salt);
  const salt = saltPart ? decode(textOf(saltPart.value) ?? '', saltPart.encoding ?? 'utf8') : Buffer.alloc(0);
  if (!hash || !salt) return undefined;
  if (algorithm === 'scrypt') {
    const { cost = 16384, blockSize = 8, parallelization = 1 } = declared;
    const parameters = {
      ...{ cost: Number(cost), blockSize: Number(blockSize), parallelism: Number(parallelization) },
    };
    return formatScrypt(parameters, salt, hash);
  }
  if (algorithm === 'pbkdf2') {
    const digest = textOf(declared.digest) ?? 'sha256';
    const iterations = Number(declared.iterations);
    if (!isPbkdf2Digest(digest) || !Number.isInteger(iterations)) return undefined;
    return formatPbkdf2(digest, iterations, salt, hash);
  }
  if (!isDigest(algorithm)) return undefined;
  const place = saltPart?.position === 'suffix' ? 'salt-last' : 'salt-first';
  return formatSaltedDigest(algorithm, place, salt, hash);
}

function isDigest(name: string): name is DigestName {
  return digestNames.some((known) => known === name);
}

function isPbkdf2Digest(name: string): name is 'sha1' | 'sha256' | 'sha512' {
  return isDigest(name) && name !== 'md5';
}

function decode(value: string, encoding: unknown): Buffer | undefined {
  if (encoding === 'utf8') return Buffer.from(value);
  if (encoding === 'hex') return /^([0-9a-f]{2})*$/i.test(value) ? Buffer.from(value, 'hex') : undefined;
  if (encoding !== 'base64') return undefined;
  return /^[A-Za-z0-9+/_-]*={0,2}$/.test(value) ? Buffer.from(value, 'base64') : undefined;
}
