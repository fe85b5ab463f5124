import { Unavailable } from '../errors.ts';
import type { Store } from '../redis/redis.ts';

/**
 * The factors of an account in Redis: one hash, one field with JSON for each, so that one read gives them all.
 *
 *   t:<id>    an authenticator app; its secret sealed for the account and this field
 *   w:<hash>  a passkey, by the hash of its credential id
 *   r         recovery codes: the keyed hashes of those that are left
 *
 * Every change is decided here from what was read, and written by a script only if the field still is what it
 * was (factor-write.lua); otherwise it is read and decided again. What may be used once therefore is.
 */

export type FactorKind = 'totp' | 'passkey' | 'recovery-codes';

type Common = {
  /** Names the factor within its account; safe in a form or an address. */
  id: string;
  /** As the person named it; empty where they did not. */
  name: string;
  createdAt: number;
  lastUsedAt: number | undefined;
};

/** A factor as its owner may see it. */
export type Factor =
  | (Common & { kind: 'totp' })
  | (Common & {
      kind: 'passkey';
      /** Kept in a password manager and on more than one device, rather than on this one alone. */
      isSynced: boolean;
    })
  | (Common & { kind: 'recovery-codes' /** 0 when all are used. */; left: number });

type StoredCommon = { name: string; createdAt: number; lastUsedAt?: number };

export type StoredTotp = StoredCommon & {
  kind: 'totp';
  /** Sealed. */
  secret: string;
  /** The last step (RFC 6238 4.2) whose code was used. */
  lastStep: number;
};

export type StoredPasskey = StoredCommon & {
  kind: 'passkey';
  credentialId: string;
  /** COSE, base64url. */
  publicKey: string;
  /** Of signatures; 0 where the authenticator does not count. */
  counter: number;
  transports: string[];
  /** WebAuthn 6.1.3: whether it may be copied to other devices, which never changes, and whether it is. */
  isBackupEligible: boolean;
  isBackedUp: boolean;
  /** The model of the authenticator, as far as it tells. */
  aaguid: string;
};

export type StoredRecoveryCodes = StoredCommon & { kind: 'recovery-codes'; hashes: string[] };

export type StoredFactor = StoredTotp | StoredPasskey | StoredRecoveryCodes;

/** A factor as it was read. */
export type FactorEntry<R extends StoredFactor = StoredFactor> = { id: string; record: R; text: string };

export type FactorWrite = {
  id: string;
  /** What it was when this was decided; undefined for a factor that is not there yet. */
  from: FactorEntry | undefined;
  to: StoredFactor;
  /** Marks something, by a keyed hash, as used with the same script. */
  once?: { hash: string; lifetimeMs: number };
  endsSessions?: boolean;
};

export type WriteOutcome =
  | { result: 'done'; epoch: number }
  /** What may be used once was used before; there are too many factors; the account is gone or disabled. */
  | { result: 'spent' | 'full' | 'gone' };

export type FactorDecision<T> =
  | { answer: T }
  | { write: FactorWrite; answerTo: (outcome: WriteOutcome) => T };

export type FactorStore = ReturnType<typeof createFactorStore>;

export const recoveryCodesId = 'r';
/** upstream/ knows it too: a passkey is a way in. */
export const passkeyPrefix = 'w:';
export const totpPrefix = 't:';

/** More than a person has; each is read with every sign-in. */
const mostFactors = 25;
/** Others may change the same factor at the same moment; each time one of them gets through. */
const mostTries = 50;

export function createFactorStore(store: Store) {
  const { keys } = store;

  async function read(accountId: string): Promise<FactorEntry[]> {
    const fields = (await store.read(keys.accountFactors(accountId))) ?? {};
    return Object.entries(fields)
      .map(([id, text]) => ({ id, text, record: JSON.parse(text) as StoredFactor }))
      .sort((a, b) => a.record.createdAt - b.record.createdAt || (a.id < b.id ? -1 : 1));
  }

  async function write(
    accountId: string,
    change: FactorWrite,
  ): Promise<WriteOutcome | { result: 'changed' }> {
    const { id, from, to, once, endsSessions } = change;
    const factorsKey = keys.accountFactors(accountId);
    const reply = (await store.run(
      'factor-write',
      [keys.account(accountId), factorsKey, ...(once ? [keys.accountOnce(accountId, once.hash)] : [])],
      [
        id,
        from?.text ?? '',
        JSON.stringify(to),
        mostFactors,
        endsSessions ? 1 : 0,
        Math.ceil(once?.lifetimeMs ?? 0),
      ],
    )) as [WriteOutcome['result'] | 'changed', string?];
    const [result, epoch] = reply;
    if (result !== 'done') return { result };
    await store.settle(factorsKey);
    return { result, epoch: Number(epoch) };
  }

  return {
    async list(accountId: string): Promise<Factor[]> {
      return (await read(accountId)).map(toFactor);
    },

    read,

    /**
     * Decides by what the factors are, and writes only if the one in question is still so; else once more.
     * @param decide may be called several times
     */
    async change<T>(
      accountId: string,
      decide: (entries: FactorEntry[]) => FactorDecision<T> | Promise<FactorDecision<T>>,
    ): Promise<T> {
      for (let tries = 0; tries < mostTries; tries += 1) {
        const decision = await decide(await read(accountId));
        if ('answer' in decision) return decision.answer;
        const outcome = await write(accountId, decision.write);
        if (outcome.result !== 'changed') return decision.answerTo(outcome);
      }
      throw new Unavailable('a factor was changed by others all the while');
    },

    /** Whether what may be used once was. */
    async isSpent(accountId: string, hash: string): Promise<boolean> {
      return (await store.readText(keys.accountOnce(accountId, hash))) !== undefined;
    },

    async remove(
      accountId: string,
      id: string,
      options: { endsSessions: boolean; otherWaysIn: readonly string[] },
    ): Promise<{ ok: true; epoch: number } | { ok: false; problem: 'not-found' | 'last-way-in' }> {
      const factorsKey = keys.accountFactors(accountId);
      const [result, epoch] = (await store.run(
        'factor-remove',
        [keys.account(accountId), factorsKey, keys.accountUpstreams(accountId)],
        [id, passkeyPrefix, options.endsSessions ? 1 : 0, ...options.otherWaysIn],
      )) as ['done' | 'not-found' | 'last-way-in', string?];
      if (result !== 'done') return { ok: false, problem: result };
      await store.settle(factorsKey);
      return { ok: true, epoch: Number(epoch) };
    },
  };
}

export function toFactor({ id, record }: Pick<FactorEntry, 'id' | 'record'>): Factor {
  const { name, createdAt, lastUsedAt } = record;
  const common = { id, name, createdAt, lastUsedAt };
  if (record.kind === 'passkey') return { ...common, kind: 'passkey', isSynced: record.isBackedUp };
  if (record.kind === 'recovery-codes') {
    return { ...common, kind: 'recovery-codes', left: record.hashes.length };
  }
  return { ...common, kind: 'totp' };
}

/** The entries of one kind. */
export function ofKind<K extends FactorKind>(
  entries: FactorEntry[],
  kind: K,
): FactorEntry<Extract<StoredFactor, { kind: K }>>[] {
  return entries.filter(
    (entry): entry is FactorEntry<Extract<StoredFactor, { kind: K }>> => entry.record.kind === kind,
  );
}
