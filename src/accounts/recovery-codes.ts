/**
 * Recovery codes: ten for the day when the phone is lost, shown once, each good for one sign-in.
 *
 * They are kept as keyed hashes (HMAC under a secret that a copy of Redis does not hold), not as slow hashes:
 * a slow hash only makes guesses dearer, and at 75 random bits there is nothing to guess, with or without the
 * key (SP 800-63B-4 asks for 64 bits of a saved recovery code). Ten slow hashes for each try would let anyone
 * keep a pod busy.
 */
import { randomInt } from 'node:crypto';
import type { Log } from '../log.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import {
  type FactorStore,
  ofKind,
  recoveryCodesId,
  type StoredRecoveryCodes,
  type WriteOutcome,
} from './factor-store.ts';

export type RecoveryCodes = {
  /**
   * Ten new codes; the ones before are void. This is the only time that they can be shown.
   * @returns codes in groups, such as K7QMD-2XW9R-BT4HC
   */
  replace(accountId: string, options?: { endsSessions?: boolean }): Promise<NewRecoveryCodes>;
  /**
   * Case, spaces and dashes do not matter, nor letters that look like a digit. How often an account may try is
   * for the caller to limit.
   * @returns left how many codes can still be used
   */
  spend(accountId: string, code: string): Promise<RecoveryCheck>;
  /** Whether these are codes of the set that is valid now, used or not: another page may have made a newer one. */
  areCurrent(accountId: string, codes: readonly string[]): Promise<boolean>;
};

export type NewRecoveryCodes =
  | { ok: true; codes: string[]; epoch: number }
  | { ok: false; problem: 'account-gone' | 'too-many-factors' };

export type RecoveryCheck =
  | { ok: true; factorId: string; left: number }
  | { ok: false; problem: 'wrong-code' };

const count = 10;
/** Crockford's base 32: no I, L, O or U. Five bits each. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const groups = 3;
const groupLength = 5;
const purpose = 'recovery-code';

export function createRecoveryCodes(parts: {
  factors: FactorStore;
  ring: KeyRing;
  log: Log;
  now: () => number;
}): RecoveryCodes {
  const { factors, ring, log, now } = parts;
  const hash = (accountId: string, code: string) => ring.hash(purpose, `${accountId} ${normalise(code)}`);

  return {
    async replace(accountId, { endsSessions = false } = {}) {
      const codes = Array.from({ length: count }, mintCode);
      const record: StoredRecoveryCodes = {
        kind: 'recovery-codes',
        name: '',
        createdAt: now(),
        hashes: codes.map((code) => hash(accountId, code)),
      };
      const outcome = await factors.change<NewRecoveryCodes>(accountId, (entries) => ({
        write: {
          id: recoveryCodesId,
          from: entries.find(({ id }) => id === recoveryCodesId),
          to: record,
          endsSessions,
        },
        answerTo: (written: WriteOutcome) => {
          if (written.result === 'done') return { ok: true, codes, epoch: written.epoch };
          if (written.result === 'full') return { ok: false, problem: 'too-many-factors' };
          return { ok: false, problem: 'account-gone' };
        },
      }));
      if (outcome.ok) log.info({ account: accountId }, 'recovery codes replaced');
      return outcome;
    },

    async areCurrent(accountId, codes) {
      const [entry] = ofKind(await factors.read(accountId), 'recovery-codes');
      const given = new Set(codes.map((code) => hash(accountId, code)));
      return entry?.record.hashes.every((left) => given.has(left)) ?? false;
    },

    async spend(accountId, code) {
      const given = hash(accountId, code.slice(0, 100));
      const wrong: RecoveryCheck = { ok: false, problem: 'wrong-code' };
      const outcome = await factors.change<RecoveryCheck>(accountId, (entries) => {
        const [entry] = ofKind(entries, 'recovery-codes');
        if (!entry?.record.hashes.includes(given)) return { answer: wrong };
        const hashes = entry.record.hashes.filter((one) => one !== given);
        return {
          write: { id: entry.id, from: entry, to: { ...entry.record, hashes, lastUsedAt: now() } },
          answerTo: ({ result }: WriteOutcome) =>
            result === 'done' ? { ok: true, factorId: entry.id, left: hashes.length } : wrong,
        };
      });
      if (outcome.ok) log.info({ account: accountId, left: outcome.left }, 'recovery code used');
      return outcome;
    },
  };
}

function mintCode(): string {
  const group = () =>
    Array.from({ length: groupLength }, () => alphabet[randomInt(alphabet.length)]).join('');
  return Array.from({ length: groups }, group).join('-');
}

function normalise(code: string): string {
  return code
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, '')
    .replace(/O/g, '0')
    .replace(/[IL]/g, '1');
}
