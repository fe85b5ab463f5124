/**
 * Brings everything that is sealed under a key of HOLDFAST_KEYS under the first of them, so that the others can go. Only
 * the key ring is sealed so: all else is sealed, hashed or signed under secrets that lie in it, and stays as it is.
 */
import { openSecret, sealSecret } from './key-ring.ts';
import { listPods } from './pods.ts';
import type { Store } from './redis.ts';
import type { Vault } from './vault.ts';

/** What a vault made: the id of its key, a dot, and iv, text and tag in base64url. Nothing else in the ring has a dot so. */
const sealedForm = /^([a-z0-9-]{1,32})\.[\w-]{38,}$/i;

/** How many secrets lie under which key. */
export type SealedUnder = { keyId: string; secrets: number }[];

/** @throws Unavailable */
export async function sealedUnder(store: Store): Promise<SealedUnder> {
  const counts = new Map<string, number>();
  for (const { keyId } of await readSealed(store)) counts.set(keyId, (counts.get(keyId) ?? 0) + 1);
  return [...counts].map(([keyId, secrets]) => ({ keyId, secrets }));
}

/**
 * Names of pods that are alive and do not have this key in the first place: one that does not have it could not start
 * again or follow a rotation, and one that has it further back would go on sealing under another.
 * @throws Unavailable
 */
export async function podsBehind(store: Store, keyId: string): Promise<string[]> {
  return (await listPods(store)).flatMap(({ name, keyIds }) => (keyIds?.[0] === keyId ? [] : [name]));
}

/**
 * Seals anew what is sealed under an older key. May be interrupted, and run again, also beside others: each secret
 * is replaced only where it is as it was read, and the secrets stay the same.
 * @returns how many were sealed anew
 * @throws Unavailable; CannotOpen when one is sealed under a key that HOLDFAST_KEYS does not have
 */
export async function reseal(store: Store, vault: Vault): Promise<number> {
  const key = store.keys.keyRing();
  for (let done = 0; ; ) {
    const stale = (await readSealed(store)).filter(({ sealed }) => vault.isStale(sealed));
    if (stale.length === 0) return done;
    const args = stale.flatMap(({ name, sealed }) => [
      name,
      sealed,
      sealSecret(vault, name, openSecret(vault, name, sealed)),
    ]);
    done += (await store.run('ring-reseal', [key], args)) as number;
    await store.settle(key);
  }
}

async function readSealed(store: Store) {
  const fields = (await store.read(store.keys.keyRing())) ?? {};
  return Object.entries(fields).flatMap(([name, sealed]) => {
    const keyId = sealedForm.exec(sealed)?.[1];
    return keyId === undefined ? [] : [{ name, sealed, keyId }];
  });
}
