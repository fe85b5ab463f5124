import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';

/**
 * Sealing of what must not be readable in Redis: AES-256-GCM under a key that lives outside Redis, one
 * derived key per purpose, the record's id as associated data, so that a sealed value moved to another
 * record does not open.
 */
export type Vault = {
  seal(purpose: string, recordId: string, plain: string): string;
  /** @throws when no key opens it, or it was sealed for another purpose or record */
  open(purpose: string, recordId: string, sealed: string): string;
  /** True when it was sealed under an older key than the current one. */
  isStale(sealed: string): boolean;
};

/** One entry of HOLDFAST_KEYS: `id:base64url(32 bytes)`. */
export type VaultKey = { id: string; secret: Buffer };

const ivBytes = 12;
const tagBytes = 16;

/** @param keys the first seals, all of them open */
export function createVault(keys: VaultKey[]): Vault {
  const [current] = keys;
  if (!current) throw new RangeError('a vault needs at least one key');
  const derived = new Map<string, KeyObject>();

  function keyFor(key: VaultKey, purpose: string): KeyObject {
    const name = `${key.id}/${purpose}`;
    let found = derived.get(name);
    if (!found) {
      found = deriveKey(key.secret, purpose);
      derived.set(name, found);
    }
    return found;
  }

  return {
    seal(purpose, recordId, plain) {
      return `${current.id}.${encrypt(keyFor(current, purpose), `${purpose}|${recordId}`, plain)}`;
    },
    open(purpose, recordId, sealed) {
      const dot = sealed.indexOf('.');
      const key = keys.find((candidate) => candidate.id === sealed.slice(0, dot));
      if (!key) {
        throw new Error(
          `sealed under a key that HOLDFAST_KEYS does not have: ${sealed.slice(0, Math.max(dot, 0))}`,
        );
      }
      return decrypt(keyFor(key, purpose), `${purpose}|${recordId}`, sealed.slice(dot + 1));
    },
    isStale(sealed) {
      return !sealed.startsWith(`${current.id}.`);
    },
  };
}

/**
 * A 32-byte key for one purpose out of a secret with at least 128 bits of entropy (HKDF, RFC 5869). A KeyObject,
 * since Node takes seven times as long to hash or seal with a plain buffer.
 */
export function deriveKey(secret: Buffer | string, purpose: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', `holdfast/${purpose}`, 32)));
}

/** AES-256-GCM; gives base64url of iv, ciphertext and tag. */
export function encrypt(key: KeyObject, associated: string, plain: string): string {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(Buffer.from(associated));
  return Buffer.concat([iv, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString(
    'base64url',
  );
}

/** @throws when the key, the associated data or the text is not the one that was sealed */
export function decrypt(key: KeyObject, associated: string, sealed: string): string {
  const bytes = Buffer.from(sealed, 'base64url');
  if (bytes.length < ivBytes + tagBytes) throw new Error('sealed text is too short');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, ivBytes));
  decipher.setAAD(Buffer.from(associated));
  decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
  return Buffer.concat([
    decipher.update(bytes.subarray(ivBytes, bytes.length - tagBytes)),
    decipher.final(),
  ]).toString('utf8');
}
