/**
 * The door to factors: what an account can prove itself with beside its password, and the browsers that it
 * trusts.
 *
 * It owns passkeys, authenticator apps (TOTP), recovery codes, codes by e-mail, and that each is used once
 * where once is meant, on all pods together. It does not own passwords (accounts.ts), how often somebody may
 * try (sign-in-limits.ts), pages, or which factors a sign-in needs: that is decided by factor-policy.ts from
 * facts alone.
 *
 * Functions throw `Unavailable` when Redis cannot answer. What they answered as done is as durable as
 * configured. Unless said otherwise, times are ms since the epoch.
 */
import { nowMs } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { createEmailCodes, type EmailCodes } from './email-code.ts';
import { cleanFactorName } from './factor-name.ts';
import { createFactorStore, type Factor } from './factor-store.ts';
import { createPasskeys, type Passkeys } from './passkeys.ts';
import { createRecoveryCodes, type RecoveryCodes } from './recovery-codes.ts';
import { createTotp, type Totp } from './totp.ts';
import { createTrustedBrowsers, type TrustedBrowsers } from './trusted-browsers.ts';

export type { BrowserLabel } from './browser-label.ts';
export type { EmailCodes } from './email-code.ts';
export type { Factor, FactorKind } from './factor-store.ts';
export type { PasskeyCheck, PasskeyQuestion, PasskeyRegistration, Passkeys } from './passkeys.ts';
export type { NewRecoveryCodes, RecoveryCheck, RecoveryCodes } from './recovery-codes.ts';
export type { Totp, TotpCheck, TotpConfirmation, TotpEnrolment } from './totp.ts';
export type { TrustedBrowser, TrustedBrowsers } from './trusted-browsers.ts';

export type Factors = {
  /** The oldest first; none for an account that does not exist. */
  list(accountId: string): Promise<Factor[]>;
  /** @param name up to 60 characters are kept */
  rename(accountId: string, factorId: string, name: string): Promise<Renaming>;
  /**
   * Refused for the last passkey of an account that has no password and no other way in: nobody could sign in to
   * it any more.
   * @param options.endsSessions counts the account's epoch up as well
   * @param options.otherWaysIn ids of its links to other providers that it can sign in with now; they count if
   * they are still there
   * @returns epoch of the account as it is now
   */
  remove(
    accountId: string,
    factorId: string,
    options?: { endsSessions?: boolean; otherWaysIn?: readonly string[] },
  ): Promise<{ ok: true; epoch: number } | { ok: false; problem: 'not-found' | 'last-way-in' }>;
  totp: Totp;
  passkeys: Passkeys;
  recoveryCodes: RecoveryCodes;
  emailCodes: EmailCodes;
  browsers: TrustedBrowsers;
};

export type Renaming = { ok: true } | { ok: false; problem: 'not-found' | 'name-invalid' };

export type FactorsParts = {
  store: Store;
  ring: KeyRing;
  log: Log;
  config: Pick<Config, 'issuer'>;
  /** The pod's clock, for TOTP steps and lifetimes. */
  now?: () => number;
};

export function createFactors(parts: FactorsParts): Factors {
  const { store, ring, log, config, now = nowMs } = parts;
  const factors = createFactorStore(store);
  const inner = { factors, ring, log, issuer: config.issuer, now };

  return {
    list: async (accountId) => factors.list(accountId),

    async rename(accountId, factorId, name) {
      const cleaned = cleanFactorName(name);
      if (cleaned === '') return { ok: false, problem: 'name-invalid' };
      return factors.change<Renaming>(accountId, (entries) => {
        const entry = entries.find(({ id }) => id === factorId);
        if (!entry) return { answer: { ok: false, problem: 'not-found' } };
        return {
          write: { id: entry.id, from: entry, to: { ...entry.record, name: cleaned } },
          answerTo: ({ result }) => (result === 'done' ? { ok: true } : { ok: false, problem: 'not-found' }),
        };
      });
    },

    async remove(accountId, factorId, { endsSessions = false, otherWaysIn = [] } = {}) {
      const outcome = await factors.remove(accountId, factorId, { endsSessions, otherWaysIn });
      if (outcome.ok) log.info({ account: accountId, factor: factorId }, 'factor removed');
      return outcome;
    },

    totp: createTotp(inner),
    passkeys: createPasskeys(inner),
    recoveryCodes: createRecoveryCodes(inner),
    emailCodes: createEmailCodes({ store, ring, now }),
    browsers: createTrustedBrowsers({ store, ring, now }),
  };
}
