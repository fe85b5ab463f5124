import type { JWK } from 'jose';
import { Unavailable } from '../errors.ts';
import type { Log } from '../log.ts';
import { CannotOpen, sealSecret } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import type { Vault } from '../redis/vault.ts';
import { watch } from '../redis/watched.ts';
import { type KeySet, readKeySet } from './key-record.ts';
import { keyKinds, makeKey, publicPart } from './signing-keys.ts';

/** The keys that sign tokens and cookies, as this pod has them: less than a second old. */
export type LiveKeySet = {
  current(): KeySet;
  /** The public keys that tokens of ours verify with; the same object while they are the same. */
  publicKeySet(): { keys: JWK[] };
  /** Whether it was looked at lately. A pod that was held up, or cut off from Redis, may have an older one. */
  isFresh(): boolean;
  /** Reads it now. @throws Unavailable */
  refresh(): Promise<KeySet>;
  /** Gives a life to keys that have none; see scripts/key-begin.lua. @throws Unavailable */
  begin(): Promise<void>;
  /** After each change of what is in the set, or of which key signs. */
  onChange(listener: (keys: KeySet) => void): void;
  close(): void;
};

/** Half of the time after which a silent pod is taken for dead, and is waited for no longer. */
const freshMs = 5000;

/**
 * @throws Unavailable
 * @throws CannotOpen when the keys were sealed under others than HOLDFAST_KEYS has
 */
export async function openKeySet(parts: { store: Store; vault: Vault; log: Log }): Promise<LiveKeySet> {
  const { store, vault, log } = parts;
  const ring = store.keys.keyRing();
  const listeners: ((keys: KeySet) => void)[] = [];
  let latest: KeySet | undefined;
  let hasComplained = false;
  let shown: { of: KeySet; keys: JWK[] } | undefined;

  async function begin(fresh: string[]): Promise<void> {
    await store.run('key-begin', [ring], fresh);
    await store.settle(ring);
  }

  function parse(fields: Record<string, string>): KeySet {
    try {
      latest = readKeySet(vault, fields);
      hasComplained = false;
    } catch (error) {
      if (!(error instanceof CannotOpen) || latest === undefined) throw error;
      // Another pod has a newer HOLDFAST_KEYS than this one. It goes on with what it has, and says so: a key that it
      // does not serve becomes active nowhere.
      if (!hasComplained) log.error({ err: error }, 'the set of keys has changed, and cannot be opened');
      hasComplained = true;
    }
    return latest;
  }

  const found = readKeySet(vault, (await store.read(ring)) ?? {});
  const kinds = [...keyKinds.signing, ...keyKinds.cookie];
  const missing = kinds.filter((kind) => !found.records.some((record) => record.kind === kind));
  if (missing.length > 0 || found.hasLifeless) {
    const fresh: string[] = [];
    for (const kind of missing) {
      const name = `${kind}:1`;
      fresh.push(name, sealSecret(vault, name, await makeKey(kind)));
    }
    await begin(fresh);
  }

  const watched = await watch({ store, log }, ring, parse);
  let version = watched.current().version;
  watched.onChange((keys) => {
    if (keys.version === version) return;
    version = keys.version;
    for (const listener of listeners) listener(keys);
  });

  return {
    current: watched.current,
    publicKeySet() {
      const of = watched.current();
      if (shown?.of !== of) shown = { of, keys: of.signing.map(publicPart) };
      return shown;
    },
    isFresh: () => watched.ageMs() < freshMs,
    refresh: watched.refresh,
    begin: () => begin([]),
    onChange: (listener) => listeners.push(listener),
    close: watched.close,
  };
}

/** @throws Unavailable when Redis does not tell whether the keys that this pod has still hold */
export async function demandFresh(keySet: LiveKeySet): Promise<void> {
  if (keySet.isFresh()) return;
  await keySet.refresh();
  if (!keySet.isFresh()) throw new Unavailable('the keys of this pod may be old', { retryAfterSeconds: 1 });
}
