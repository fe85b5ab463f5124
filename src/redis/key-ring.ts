import { createHmac, type KeyObject, randomBytes } from 'node:crypto';
import type { Store } from './redis.ts';
import { decrypt, deriveKey, encrypt, type Vault } from './vault.ts';

/**
 * The secrets that all pods share: made once by the first pod, sealed, and kept in Redis. HOLDFAST_KEYS,
 * which seals them, can be rotated without a change to any of them.
 */
export type KeyRing = {
  /** The secret of this name. @throws when it was not asked for at `openKeyRing` */
  secret(name: string): string;
  /**
   * A keyed hash of a bearer value (a token, a cookie id, an e-mail address), for use in key names: from a
   * stolen copy of Redis the value can neither be read nor tested. 128 bits, base64url, 22 characters.
   */
  hash(purpose: string, value: string): string;
  /** Seals a short-lived value under the ring itself, for one purpose and record. */
  seal(purpose: string, recordId: string, plain: string): string;
  /** @throws when it was not sealed for this purpose and record */
  open(purpose: string, recordId: string, sealed: string): string;
  /** A 32-byte key for one purpose, the same on every pod. */
  key(purpose: string): KeyObject;
};

/** The ring in Redis was sealed under other keys than this pod has. */
export class CannotOpen extends Error {
  constructor(cause: unknown) {
    super(
      'HOLDFAST_KEYS does not open the secrets in this Redis: they were sealed under other keys. Add the key that was in use when they were made; the current one comes first',
      { cause },
    );
  }
}

const purpose = 'key-ring';
const root = 'root';

/** For what is kept in the ring and changes while pods run; see oidc/key-lifecycle.ts. */
export function sealSecret(vault: Vault, name: string, secret: string): string {
  return vault.seal(purpose, name, secret);
}

/** @throws CannotOpen */
export function openSecret(vault: Vault, name: string, sealed: string): string {
  try {
    return vault.open(purpose, name, sealed);
  } catch (cause) {
    throw new CannotOpen(cause);
  }
}

/**
 * @param wanted a maker for each secret that must be there; called only where it is missing
 * @throws CannotOpen when the ring was sealed under keys that HOLDFAST_KEYS does not have
 */
export async function openKeyRing(
  store: Store,
  vault: Vault,
  wanted: Record<string, () => string | Promise<string>>,
): Promise<KeyRing> {
  const makers = { [root]: () => randomBytes(32).toString('base64url'), ...wanted };
  const ringKey = store.keys.keyRing();
  let sealed = (await store.read(ringKey)) ?? {};

  const missing = Object.entries(makers).filter(([name]) => sealed[name] === undefined);
  if (missing.length > 0) {
    const fresh: string[] = [];
    for (const [name, make] of missing) fresh.push(name, sealSecret(vault, name, await make()));
    sealed = pairs((await store.run('keep-first', [ringKey], fresh)) as string[]);
    await store.settle(ringKey);
  }

  const secrets = new Map<string, string>();
  for (const name of Object.keys(makers)) secrets.set(name, openSecret(vault, name, sealed[name] ?? ''));
  const rootSecret = Buffer.from(secrets.get(root) ?? '', 'base64url');
  const derived = new Map<string, KeyObject>();

  function key(keyPurpose: string): KeyObject {
    let found = derived.get(keyPurpose);
    if (!found) {
      found = deriveKey(rootSecret, keyPurpose);
      derived.set(keyPurpose, found);
    }
    return found;
  }

  return {
    secret(name) {
      const found = secrets.get(name);
      if (found === undefined) throw new Error(`the key ring was not asked for ${name}`);
      return found;
    },
    hash: (hashPurpose, value) =>
      createHmac('sha256', key(`hash/${hashPurpose}`))
        .update(value)
        .digest()
        .toString('base64url', 0, 16),
    seal: (sealPurpose, recordId, plain) => encrypt(key(`seal/${sealPurpose}`), recordId, plain),
    open: (sealPurpose, recordId, sealed) => decrypt(key(`seal/${sealPurpose}`), recordId, sealed),
    key,
  };
}

function pairs(flat: string[]): Record<string, string> {
  const record: Record<string, string> = Object.create(null);
  for (let i = 0; i + 1 < flat.length; i += 2) record[flat[i] as string] = flat[i + 1] as string;
  return record;
}
