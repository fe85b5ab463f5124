/**
 * What a sign-in still needs, decided from facts alone: a pure function, called anew after every step, so that
 * no step can be left out by going to a later page. It also says what was proven (`amr`, `acr`), which is never
 * more than the facts are.
 */

import { type Acr, acrValues, meetsAcr, oneFactor, twoFactors } from '../acr.ts';
import type { Factor } from './factor-store.ts';

/**
 * Whether a second factor is asked for:
 *   none             never
 *   optional         where the account has one, but not in a browser that it trusts
 *   required         always, but not in a browser that it trusts; who has none enrols one
 *   required-always  always
 * A passkey is two factors by itself and satisfies all of them. A requested `acr` is asked for on top of them,
 * also in a trusted browser.
 */
export type FactorSetting = 'none' | 'optional' | 'required' | 'required-always';

export type FactMethod = 'pwd' | 'passkey' | 'otp' | 'recovery' | 'email-code' | 'upstream';

/** Something that was proven for the account. @property at ms since the epoch */
export type Fact = { method: FactMethod; at: number };

export type PolicyInput = {
  /** Of the client and of the account (its roles, its own wish); the strictest counts. */
  settings: FactorSetting[];
  /** Of the account; see `enrolledFrom`. */
  enrolled: { passkey: boolean; totp: boolean; recoveryCodesLeft: number };
  /**
   * Whether a code can be mailed in place of a second factor, to who has no passkey or app: the address is
   * verified, mail works, and the operator wants it. It is a second step and no second factor, for who reads the
   * mail can reset the password as well: it satisfies a setting, and no `acr` above the first.
   */
  mayMailCode: boolean;
  isTrustedBrowser: boolean;
  /** `acr_values`, in the client's order. Unknown ones are passed over, as all are where none is known. */
  requestedAcr: string[];
  facts: Fact[];
  /** Facts before this do not count (`max_age`, `prompt=login`); ms since the epoch. */
  notBefore?: number;
};

export type PolicyDecision =
  | {
      complete: true;
      amr: string[];
      /** The strongest that was proven. */
      acr: Acr;
      /** The first of the requested values that it meets; undefined when none was asked for. */
      metAcr: Acr | undefined;
    }
  /** One of `next` is to be proven, the page may offer all; or, with none, one of `mustEnrol` to be enrolled. */
  | { complete: false; next: FactMethod[]; mustEnrol: ('passkey' | 'totp')[] };

const strictness: readonly FactorSetting[] = ['none', 'optional', 'required', 'required-always'];
const phishingResistant: Acr = 'phr';
const firstMethods: readonly FactMethod[] = ['passkey', 'pwd', 'upstream'];

export function strictest(settings: readonly FactorSetting[]): FactorSetting {
  return strictness.findLast((one) => settings.includes(one)) ?? 'none';
}

/** The factors of an account, as the policy looks at them. */
export function enrolledFrom(factors: readonly Factor[]): PolicyInput['enrolled'] {
  const codes = factors.find((one) => one.kind === 'recovery-codes');
  return {
    passkey: factors.some(({ kind }) => kind === 'passkey'),
    totp: factors.some(({ kind }) => kind === 'totp'),
    recoveryCodesLeft: codes?.kind === 'recovery-codes' ? codes.left : 0,
  };
}

export function decideFactors(input: PolicyInput): PolicyDecision {
  const { enrolled, mayMailCode, notBefore = 0 } = input;
  const facts = input.facts.filter(({ at }) => at >= notBefore);
  const proven = prove(facts);
  if (!proven.hasFirst) return { complete: false, next: [...firstMethods], mustEnrol: [] };

  const hasStrong = enrolled.passkey || enrolled.totp;
  const isMailed = mayMailCode && !hasStrong && proven.methods.has('email-code');
  const known = input.requestedAcr.filter((one): one is Acr => acrValues.some((acr) => acr === one));
  // Any of them will do, so no more than the least is asked for: nobody is held up for one that is only preferred.
  const wanted = acrValues.find((acr) => known.includes(acr));
  const isSettled = !asksForSecond(strictest(input.settings), input, hasStrong) || proven.hasTwo || isMailed;
  if (isSettled && (wanted === undefined || meetsAcr(proven.acr, wanted))) {
    return {
      complete: true,
      amr: proven.amr,
      acr: proven.acr,
      metAcr: known.find((acr) => meetsAcr(proven.acr, acr)),
    };
  }

  if (wanted === phishingResistant && enrolled.passkey) {
    return { complete: false, next: ['passkey'], mustEnrol: [] };
  }

  // What the account has comes before what it is yet to get, so that a stolen password enrols nothing.
  const next: FactMethod[] = [];
  if (!proven.hasTwo) {
    if (enrolled.passkey) next.push('passkey');
    if (enrolled.totp) next.push('otp');
    if (enrolled.recoveryCodesLeft > 0) next.push('recovery');
    if (mayMailCode && !hasStrong && !isMailed) next.push('email-code');
  }
  if (next.length > 0) return { complete: false, next, mustEnrol: [] };
  return {
    complete: false,
    next: [],
    mustEnrol: wanted === phishingResistant ? ['passkey'] : ['passkey', 'totp'],
  };
}

function asksForSecond(setting: FactorSetting, input: PolicyInput, hasStrong: boolean): boolean {
  // Trust was given for a factor; where there is none any more, it stands for nothing.
  const isTrusted = input.isTrustedBrowser && (hasStrong || input.mayMailCode);
  if (setting === 'none') return false;
  if (setting === 'optional') return hasStrong && !isTrusted;
  if (setting === 'required') return !isTrusted;
  return true;
}

function prove(facts: readonly Fact[]) {
  const methods = new Set(facts.map(({ method }) => method));
  const hasPasskey = methods.has('passkey');
  const hasCode = methods.has('otp') || methods.has('recovery');
  const hasSingle = methods.has('pwd') || methods.has('upstream');
  const hasTwo = hasPasskey || (hasSingle && hasCode);

  // RFC 8176. Not `hwk` or `swk`: without attestation nobody knows where the key of a passkey lies. A recovery
  // code is a one-time password too. What an upstream provider asked for is not known, so it has a name of ours.
  const amr: string[] = [];
  if (methods.has('pwd')) amr.push('pwd');
  if (methods.has('upstream')) amr.push('urn:holdfast:amr:upstream');
  if (hasPasskey) amr.push('pop', 'user');
  if (hasCode || methods.has('email-code')) amr.push('otp');
  if (methods.has('email-code') && methods.size > 1) amr.push('mca');
  if (hasTwo) amr.push('mfa');

  return {
    methods,
    hasFirst: hasPasskey || hasSingle,
    hasTwo,
    acr: hasPasskey ? phishingResistant : hasTwo ? twoFactors : oneFactor,
    amr,
  };
}
