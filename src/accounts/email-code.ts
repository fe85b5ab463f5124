/**
 * Codes by e-mail: eight digits, for one account and one context (an interaction), good for ten minutes, five
 * tries and one use. Sending the mail is the caller's.
 *
 * In Redis lies only a keyed hash: eight digits would be found at once behind any other, but not without the
 * key. The guesses that remain are those of the page: five for each code, ten codes an hour for each account,
 * whatever the context, so one in two million an hour.
 */
import { randomInt } from 'node:crypto';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';

export type EmailCodes = {
  /**
   * A new code; the one before in this context is void.
   * @param context what the code is for, such as the uid of an interaction; any text
   * @returns code eight digits, for the mail alone
   */
  begin(
    accountId: string,
    context: string,
  ): Promise<
    | { ok: true; code: string; expiresAt: number }
    | { ok: false; problem: 'too-many-codes'; retryAfterSeconds: number }
  >;
  /**
   * `expired`: there is no code in this context that can be tried, since none was sent, its time passed, it was
   * used, or tried too often. After `wrong-code` with no tries left, too, a new code is needed.
   */
  verify(
    accountId: string,
    context: string,
    code: string,
  ): Promise<
    { ok: true } | { ok: false; problem: 'wrong-code'; triesLeft: number } | { ok: false; problem: 'expired' }
  >;
};

const digits = 8;
const lifetimeMs = 10 * 60_000;
const mostTries = 5;
const mostCodes = 10;
const codesWindowMs = 60 * 60_000;
const purpose = 'email-code';

export function createEmailCodes(parts: { store: Store; ring: KeyRing; now: () => number }): EmailCodes {
  const { store, ring, now } = parts;
  const { keys } = store;

  const codeKey = (accountId: string, context: string) =>
    keys.accountOnce(accountId, ring.hash('email-code-context', context));
  const countKey = (accountId: string) => keys.accountOnce(accountId, 'email-codes');
  const hash = (accountId: string, context: string, code: string) =>
    ring.hash(purpose, JSON.stringify([accountId, context, code]));

  return {
    async begin(accountId, context) {
      const code = String(randomInt(10 ** digits)).padStart(digits, '0');
      const key = codeKey(accountId, context);
      const waitMs = (await store.run(
        'factor-email-send',
        [key, countKey(accountId)],
        [hash(accountId, context, code), lifetimeMs, mostCodes, codesWindowMs],
      )) as number;
      if (waitMs > 0) {
        return { ok: false, problem: 'too-many-codes', retryAfterSeconds: Math.ceil(waitMs / 1000) };
      }
      await store.settle(key);
      return { ok: true, code, expiresAt: now() + lifetimeMs };
    },

    async verify(accountId, context, code) {
      const key = codeKey(accountId, context);
      const typed = code.slice(0, 32).replace(/[\s-]/g, '');
      const [result, left] = (await store.run(
        'factor-email-try',
        [key],
        [hash(accountId, context, typed), mostTries],
      )) as ['right' | 'wrong' | 'gone', number?];
      if (result === 'gone') return { ok: false, problem: 'expired' };
      await store.settle(key);
      if (result === 'right') return { ok: true };
      return { ok: false, problem: 'wrong-code', triesLeft: left ?? 0 };
    },
  };
}
