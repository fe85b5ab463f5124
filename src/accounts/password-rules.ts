/**
 * Which passwords may be chosen, besides their length (SP 800-63B-4 3.1.1.2): none that is on a list of those that
 * people choose or that were stolen, none made of what is known of the person or of this service, none that a
 * cracker's patterns find soon. No rules about kinds of characters. Asked where a password is chosen, never where
 * one is checked: a newer list locks nobody out.
 */
import type { Log } from '../log.ts';
import { type PasswordAbout, type PasswordRule, usualMinimumLength } from './new-password.ts';
import { createBreachList } from './password-breach.ts';
import { createPasswordStrength } from './password-strength.ts';

export type PasswordRules = {
  /** @throws Unavailable when too many passwords are being looked at */
  check: PasswordRule;
  /** How often the breach list was asked, and how often it did not answer. */
  counts(): { breachAsked: number; breachUnanswered: number };
  close(): Promise<void>;
};

/** Shorter words are found in too many passwords by chance. */
const shortestWord = 4;
/** What must be left of a password when the words that are known of the person are taken out. */
const leastRemainder = 8;

/**
 * @param parts.serviceNames what this service is called, its host names among them
 * @param parts.minimumLength as in `createNewPasswords`: where a second factor goes with every password, a shorter
 *   one does
 * @param parts.breachUrl of a range API as Have I Been Pwned has it; without it nobody is asked
 */
export function createPasswordRules(parts: {
  serviceNames: string[];
  minimumLength?: number;
  breachUrl?: string | undefined;
  log: Log;
}): PasswordRules {
  const { serviceNames, minimumLength = usualMinimumLength, breachUrl, log } = parts;
  // 10^10 guesses are months at the speed that the limits of the sign-in and the hashes leave to a guesser.
  const strength = createPasswordStrength({ leastGuesses: minimumLength >= usualMinimumLength ? 1e10 : 1e6 });
  const breaches = breachUrl === undefined ? undefined : createBreachList(breachUrl, log);

  return {
    async check(password, about) {
      const words = [...wordsAbout(about), ...serviceNames.flatMap(wordsIn)];
      if (isMadeOf(password, words)) return 'password-like-yours';
      const weakness = await strength.weaknessOf(password, words);
      if (weakness) return weakness;
      return (await breaches?.has(password)) ? 'password-breached' : undefined;
    },
    counts: () => breaches?.counts() ?? { breachAsked: 0, breachUnanswered: 0 },
    close: () => strength.close(),
  };
}

function wordsAbout({ email = '', names = [] }: PasswordAbout): string[] {
  return [email, ...names].flatMap(wordsIn);
}

/** The whole, and its parts. */
function wordsIn(text: string): string[] {
  const folded = fold(text);
  return [...new Set([folded, ...folded.split(/[^\p{L}\p{N}]+/u)])].filter(
    (word) => word.length >= shortestWord && word !== 'http' && word !== 'https',
  );
}

function isMadeOf(password: string, words: string[]): boolean {
  const folded = fold(password);
  let rest = folded;
  for (const word of words.toSorted((a, b) => b.length - a.length)) rest = rest.replaceAll(word, '');
  return rest !== folded && [...rest].filter((sign) => /[\p{L}\p{N}]/u.test(sign)).length < leastRemainder;
}

function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}
