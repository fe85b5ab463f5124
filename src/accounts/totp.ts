/**
 * Authenticator apps (TOTP, RFC 6238): SHA-1, 6 digits, steps of 30 seconds, since that is what every app does.
 * A code counts for its step and the ones beside it, and each step once for an account's app (5.2).
 *
 * An enrolment writes nothing: what is pending is sealed into a value that the page keeps, for ten minutes and
 * for this account alone. It becomes a factor with the first code, once.
 */
import { timingSafeEqual } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';
import { renderSVG } from 'uqr';
import type { Log } from '../log.ts';
import { randomText } from '../random.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import { cleanFactorName } from './factor-name.ts';
import {
  type Factor,
  type FactorStore,
  ofKind,
  type StoredTotp,
  toFactor,
  totpPrefix,
  type WriteOutcome,
} from './factor-store.ts';

export type TotpEnrolment = {
  /** For the page to keep in its form and hand to `confirm`; useless to anybody else. */
  sealed: string;
  /** Base32, for typing it in: show it in groups of four. */
  secret: string;
  /** otpauth:// */
  uri: string;
  /** The address as a QR code: an svg element, black on white with a quiet zone, scaling to its box. */
  qrSvg: string;
  expiresAt: number;
};

export type Totp = {
  /** @param accountName what the app shows beside the provider's name: the e-mail address */
  begin(accountId: string, accountName: string): TotpEnrolment;
  /** The same enrolment once more, for a page that is shown again; undefined when it has expired. */
  resume(accountId: string, accountName: string, sealed: string): TotpEnrolment | undefined;
  /**
   * Makes the app a factor when the code is right. Asked again with the same enrolment it says the same.
   * @param options.name may be empty
   * @param options.endsSessions counts the account's epoch up as well
   */
  confirm(
    accountId: string,
    sealed: string,
    code: string,
    options?: { name?: string; endsSessions?: boolean },
  ): Promise<TotpConfirmation>;
  /**
   * `used-code`: the code is right, but it or a later one was used before. The next comes within 30 seconds.
   * How often an account may try is for the caller to limit.
   */
  verify(accountId: string, code: string): Promise<TotpCheck>;
};

export type TotpConfirmation =
  | {
      ok: true;
      factor: Factor;
      /** Of the account as it is now; undefined when it was confirmed before. */
      epoch: number | undefined;
    }
  | { ok: false; problem: 'expired' | 'wrong-code' | 'too-many-factors' | 'account-gone' };

export type TotpCheck = { ok: true; factorId: string } | { ok: false; problem: 'wrong-code' | 'used-code' };

const stepMs = 30_000;
const digits = 6;
/** RFC 4226 4, R6 recommends 160 bits. */
const secretBytes = 20;
const enrolmentMs = 10 * 60_000;
/** Of the seals. */
const pendingPurpose = 'totp-enrolment';
const secretPurpose = 'totp';

type Pending = { id: string; secret: string; expiresAt: number };

export function createTotp(parts: {
  factors: FactorStore;
  ring: KeyRing;
  log: Log;
  issuer: string;
  now: () => number;
}): Totp {
  const { factors, ring, log, now } = parts;
  const issuer = new URL(parts.issuer).host;

  function present(accountId: string, accountName: string, pending: Pending): TotpEnrolment {
    const totp = new TOTP({
      issuer: issuer.replaceAll(':', ' '),
      label: accountName.replaceAll(':', ' '),
      secret: Secret.fromBase32(pending.secret),
    });
    const uri = totp.toString();
    return {
      sealed: ring.seal(pendingPurpose, accountId, JSON.stringify(pending)),
      secret: pending.secret,
      uri,
      qrSvg: renderSVG(uri, { border: 4 }),
      expiresAt: pending.expiresAt,
    };
  }

  function openPending(accountId: string, sealed: string): Pending | undefined {
    try {
      const pending = JSON.parse(ring.open(pendingPurpose, accountId, sealed)) as Pending;
      return pending.expiresAt > now() ? pending : undefined;
    } catch {
      // It came by way of a browser: whatever else it is, it is no enrolment of this account.
      return undefined;
    }
  }

  const fieldSeal = (accountId: string, id: string) => `${accountId} ${id}`;

  return {
    begin(accountId, accountName) {
      return present(accountId, accountName, {
        id: `${totpPrefix}${randomText(16)}`,
        secret: new Secret({ size: secretBytes }).base32,
        expiresAt: now() + enrolmentMs,
      });
    },

    resume(accountId, accountName, sealed) {
      const pending = openPending(accountId, sealed);
      return pending && present(accountId, accountName, pending);
    },

    async confirm(accountId, sealed, code, { name = '', endsSessions = false } = {}) {
      const pending = openPending(accountId, sealed);
      if (!pending) return { ok: false, problem: 'expired' };
      const { id, secret } = pending;
      const [step] = matchingSteps(secret, code, now());
      if (step === undefined) return { ok: false, problem: 'wrong-code' };
      const record: StoredTotp = {
        kind: 'totp',
        name: cleanFactorName(name),
        createdAt: now(),
        secret: ring.seal(secretPurpose, fieldSeal(accountId, id), secret),
        lastStep: step,
      };
      const outcome = await factors.change<TotpConfirmation>(accountId, (entries) => {
        const existing = entries.find((entry) => entry.id === id);
        if (existing) return { answer: { ok: true, factor: toFactor(existing), epoch: undefined } };
        return {
          // So that it cannot bring back a factor that was removed meanwhile.
          write: {
            id,
            from: undefined,
            to: record,
            once: { hash: ring.hash(pendingPurpose, id), lifetimeMs: 2 * enrolmentMs },
            endsSessions,
          },
          answerTo: (written: WriteOutcome) => {
            if (written.result === 'done') {
              return { ok: true, factor: toFactor({ id, record }), epoch: written.epoch };
            }
            if (written.result === 'spent') return { ok: false, problem: 'expired' };
            if (written.result === 'full') return { ok: false, problem: 'too-many-factors' };
            return { ok: false, problem: 'account-gone' };
          },
        };
      });
      if (outcome.ok && outcome.epoch !== undefined) {
        log.info({ account: accountId, factor: id }, 'factor added');
      }
      return outcome;
    },

    async verify(accountId, code) {
      const at = now();
      return factors.change<TotpCheck>(accountId, (entries) => {
        let isUsed = false;
        for (const entry of ofKind(entries, 'totp')) {
          const secret = ring.open(secretPurpose, fieldSeal(accountId, entry.id), entry.record.secret);
          const steps = matchingSteps(secret, code, at);
          const step = steps.find((one) => one > entry.record.lastStep);
          isUsed ||= steps.length > 0;
          if (step === undefined) continue;
          return {
            write: { id: entry.id, from: entry, to: { ...entry.record, lastStep: step, lastUsedAt: at } },
            answerTo: ({ result }: WriteOutcome) =>
              result === 'done' ? { ok: true, factorId: entry.id } : { ok: false, problem: 'wrong-code' },
          };
        }
        return { answer: { ok: false, problem: isUsed ? 'used-code' : 'wrong-code' } };
      });
    },
  };
}

/** The steps, of the present one and those beside it, that have this code; the oldest first. */
function matchingSteps(secret: string, code: string, at: number): number[] {
  const given = Buffer.from(code.replace(/[\s-]/g, '').slice(0, 32));
  const present = Math.floor(at / stepMs);
  return [present - 1, present, present + 1].filter((step) => {
    const right = Buffer.from(
      TOTP.generate({ secret: Secret.fromBase32(secret), digits, timestamp: step * stepMs }),
    );
    return given.length === right.length && timingSafeEqual(given, right);
  });
}
