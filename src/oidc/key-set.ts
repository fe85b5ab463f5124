import type { JWK } from 'jose';
import { Unavailable } from '../errors.ts';
import type { Log } from '../log.ts';
import { sealSecret } from '../redis/key-ring.ts';
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
  /** Whether this pod has the keys that sign now; without one it must not sign, lest it does with a revoked one. */
  canSign(): boolean;
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
  let complainedOf = '';
  let shown: { of: KeySet; keys: JWK[] } | undefined;

  async function begin(fresh: string[]): Promise<void> {
    await store.run('key-begin', [ring], fresh);
    await store.settle(ring);
  }

  function parse(fields: Record<string, string>): KeySet {
    latest = readKeySet(vault, fields, latest);
    const { closed, canSign } = latest;
    // Another pod has a newer HOLDFAST_KEYS than this one.
    if (closed.length > 0 && complainedOf !== closed.join()) {
      log.error(
        { keys: closed, canSign },
        canSign
          ? 'there are new keys that HOLDFAST_KEYS of this pod does not open; they sign nothing until it does'
          : 'HOLDFAST_KEYS of this pod does not open a key that signs now; it refuses everything until it does',
      );
    }
    complainedOf = closed.join();
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
  let told = stateOf(watched.current());
  watched.onChange((keys) => {
    const state = stateOf(keys);
    if (state === told || !keys.canSign) return;
    told = state;
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
    canSign: () => watched.current().canSign,
    refresh: watched.refresh,
    begin: () => begin([]),
    onChange: (listener) => listeners.push(listener),
    close: watched.close,
  };
}

/** What others are told of: which keys there are, and which of them sign. */
function stateOf({ version, records }: KeySet): string {
  return JSON.stringify([version, records.map(({ name, state }) => [name, state])]);
}

/** @throws Unavailable when Redis does not tell whether the keys that this pod has still hold, or when it lacks one */
export async function demandFresh(keySet: LiveKeySet): Promise<void> {
  if (!keySet.isFresh()) {
    await keySet.refresh();
    if (!keySet.isFresh()) throw new Unavailable('the keys of this pod may be old', { retryAfterSeconds: 1 });
  }
  if (!keySet.canSign()) {
    throw new Unavailable('this pod cannot open a key that signs now', { retryAfterSeconds: 1 });
  }
}
