import type { JWK } from 'jose';
import { CannotOpen, openSecret } from '../redis/key-ring.ts';
import type { Vault } from '../redis/vault.ts';
import type { KeyState, KeyUse } from './key-lifecycle.ts';
import { keyKinds, readSigningKey } from './signing-keys.ts';

/**
 * Keys as the ring's hash keeps them:
 *
 *   <kind>:<generation>        the key, sealed; such as signing:ES256:2 or cookie:1
 *   life:<kind>:<generation>   state and times, JSON
 *   set                        the version of the set, one more with each change of it
 *   generation:<use>           the latest generation of a use; 1 when there is none
 */
export type KeyRecord = {
  /** As in the ring. */
  name: string;
  kind: string;
  use: KeyUse;
  generation: number;
  alg: string;
  id: string;
  state: KeyState;
  /** Of the set that had it first. */
  version: number;
  createdAt: number;
  /** Since when all live pods serve it. */
  servedSince: number | undefined;
  activatedAt: number | undefined;
  retiredAt: number | undefined;
  /** The private key, or the secret. */
  secret: string;
};

export type KeySet = {
  version: number;
  records: KeyRecord[];
  /** Private; of each algorithm the active one first, which is the one that signs. */
  signing: JWK[];
  /** The active one first. */
  cookies: Buffer[];
  generation(use: KeyUse): number;
  /** Whether there is a key that was made by a version which knew no lives, and has to be given one. */
  hasLifeless: boolean;
  /** Whether each key that signs is among them. Where this pod cannot open one, nothing may be signed by another. */
  canSign: boolean;
  /** Names of keys that were sealed under others than this pod has. */
  closed: string[];
};

type Life = Partial<Omit<KeyRecord, 'name' | 'secret'>>;

const states: KeyState[] = ['active', 'published', 'retired'];
const kinds: string[] = [...keyKinds.signing, ...keyKinds.cookie];

/** The same on every pod, so that their documents are the same. */
function inOrder(a: KeyRecord, b: KeyRecord): number {
  const byState = states.indexOf(a.state) - states.indexOf(b.state);
  return byState || kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || b.generation - a.generation;
}

/**
 * @param known the set that this pod has had, which it goes on with where it cannot open a new key: without those that
 * are gone, and under the version that it has had, so that no key becomes active that this pod does not serve
 * @throws CannotOpen for the first set
 */
export function readKeySet(vault: Vault, fields: Record<string, string>, known?: KeySet): KeySet {
  const records: KeyRecord[] = [];
  const closed: string[] = [];
  let hasLifeless = false;

  function open(name: string, sealed: string): string | undefined {
    try {
      return openSecret(vault, name, sealed);
    } catch (error) {
      if (!(error instanceof CannotOpen) || !known) throw error;
      return known.records.find((record) => record.name === name)?.secret;
    }
  }

  for (const [name, sealed] of Object.entries(fields)) {
    const [, kind, use] = /^((signing|cookie)(?::\w+)?):\d+$/.exec(name) ?? [];
    if (!kind || !use) continue;
    const text = fields[`life:${name}`];
    if (text === undefined) {
      hasLifeless = true;
      continue;
    }
    const secret = open(name, sealed);
    if (secret === undefined) closed.push(name);
    else records.push(readRecord(name, kind, use as KeyUse, secret, JSON.parse(text)));
  }
  records.sort(inOrder);
  const ofUse = (use: KeyUse) => records.filter((record) => record.use === use);
  return {
    version: closed.length > 0 && known ? known.version : Number(fields.set ?? 0),
    records,
    signing: ofUse('signing').map(({ secret }) => readSigningKey(secret)),
    cookies: ofUse('cookie').map(({ secret }) => Buffer.from(secret, 'base64url')),
    generation: (use) => Number(fields[`generation:${use}`] ?? 1),
    hasLifeless,
    canSign:
      closed.length === 0 ||
      kinds.every((kind) => records.some((record) => record.kind === kind && record.state === 'active')),
    closed,
  };
}

function readRecord(name: string, kind: string, use: KeyUse, secret: string, life: Life): KeyRecord {
  const generation = Number(name.split(':').at(-1));
  return {
    name,
    kind,
    use,
    generation,
    alg: kind.split(':')[1] ?? 'HS256',
    id: use === 'signing' ? readSigningKey(secret).kid : String(generation),
    state: life.state ?? 'retired',
    version: life.version ?? 0,
    createdAt: life.createdAt ?? 0,
    servedSince: life.servedSince,
    activatedAt: life.activatedAt,
    retiredAt: life.retiredAt,
    secret,
  };
}
