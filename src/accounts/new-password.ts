import type { KeyRing } from '../redis/key-ring.ts';
import { fitPassword, longestPassword, type PasswordHasher } from './password.ts';
import type { Profile } from './profile.ts';

/** In code points, of a password that is all that a sign-in asks for (SP 800-63B-4 3.1.1.2). */
export const usualMinimumLength = 15;

/** What the rules have against a password, as a code that pages have a text for. */
export type PasswordReason =
  | 'password-too-common'
  | 'password-like-yours'
  | 'password-repeats'
  | 'password-pattern'
  | 'password-breached';

export type PasswordProblem =
  | { ok: false; problem: 'password-too-short'; minimumLength: number }
  | { ok: false; problem: 'password-too-long'; maximumLength: number }
  | { ok: false; problem: 'password-weak'; reason: PasswordReason };

/** What a password must not be made of: the person's address and names. */
export type PasswordAbout = { email?: string; names?: string[] };

/**
 * What the rules for a chosen password have against it; undefined when nothing.
 * @param about what it must not be made of
 */
export type PasswordRule = (
  password: string,
  about: PasswordAbout,
) => Promise<PasswordReason | undefined> | PasswordReason | undefined;

/** Of the key that seals password hashes. */
const purpose = 'password';
const leastMinimumLength = 8;

/** A password that is chosen, at whatever door: whether it may be, and its hash as it is kept. */
export type NewPasswords = {
  problem(password: string, about: PasswordAbout): Promise<PasswordProblem | undefined>;
  /** The hash, sealed for this account alone, so that a copy of Redis holds no hashes to try passwords on. */
  seal(id: string, password: string): Promise<string>;
  unseal(id: string, sealed: string): string;
};

/**
 * @param parts.minimumLength in code points: 15 (the default) where it is all that a sign-in asks for, down to 8
 *   where a second factor always goes with it (SP 800-63B-4 3.1.1.2)
 */
export function createNewPasswords(parts: {
  ring: KeyRing;
  hasher: PasswordHasher;
  minimumLength?: number | undefined;
  check?: PasswordRule | undefined;
}): NewPasswords {
  const { ring, hasher, minimumLength = usualMinimumLength, check } = parts;
  if (minimumLength < leastMinimumLength) {
    throw new RangeError(
      `passwords of less than ${leastMinimumLength} characters are not safe with any factor`,
    );
  }
  return {
    async problem(password, about) {
      const fitted = fitPassword(password);
      if (!fitted) return { ok: false, problem: 'password-too-long', maximumLength: longestPassword };
      if (fitted.length < minimumLength) return { ok: false, problem: 'password-too-short', minimumLength };
      const reason = await check?.(password, about);
      return reason === undefined ? undefined : { ok: false, problem: 'password-weak', reason };
    },
    seal: async (id, password) => sealPasswordHash(ring, id, await hasher.hash(password)),
    unseal: (id, sealed) => openPasswordHash(ring, id, sealed),
  };
}

/** As `NewPasswords.seal` gives it, of a hash that is there already. */
export function sealPasswordHash(ring: KeyRing, id: string, hash: string): string {
  return ring.seal(purpose, id, hash);
}

export function openPasswordHash(ring: KeyRing, id: string, sealed: string): string {
  return ring.open(purpose, id, sealed);
}

/** What else a password must not be made of. */
export function namesOf({ name, given_name, family_name, nickname, preferred_username }: Profile): string[] {
  return [name, given_name, family_name, nickname, preferred_username].filter((one) => one !== undefined);
}
