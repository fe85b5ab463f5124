import { domainToUnicode } from 'node:url';
import unhomoglyph from 'unhomoglyph';

/**
 * Whether an e-mail address could be taken for another one that it is not: letters of several scripts in one word,
 * or a word that reads as plain Latin letters and is none (UTS 39, sections 4 and 5). Addresses of plain ASCII
 * never do: theirs is a mailbox that is confirmed by a link, and "1" for "l" is a matter of fonts.
 *
 * Asked where an address becomes an account's, never at sign-in: nobody is locked out by a newer rule.
 */

/** Scripts that are written together (UTS 39 5.2, "highly restrictive"); any other word has one script. */
const together = [
  ['Latin', 'Han', 'Hiragana', 'Katakana'],
  ['Latin', 'Han', 'Bopomofo'],
  ['Latin', 'Han', 'Hangul'],
];

/** Those that people write their names in today (UAX 31, recommended scripts). */
const scripts = [
  ...['Latin', 'Greek', 'Cyrillic', 'Armenian', 'Hebrew', 'Arabic', 'Thaana', 'Devanagari', 'Bengali'],
  ...['Gurmukhi', 'Gujarati', 'Oriya', 'Tamil', 'Telugu', 'Kannada', 'Malayalam', 'Sinhala', 'Thai', 'Lao'],
  ...['Tibetan', 'Myanmar', 'Georgian', 'Hangul', 'Ethiopic', 'Khmer', 'Hiragana', 'Katakana', 'Bopomofo'],
  'Han',
];

/** Signs that belong to a script also by use (Script_Extensions); digits and dots belong to all. */
const belongsTo = new Map(
  scripts.map((script) => [
    script,
    new RegExp(`^[\\p{scx=${script}}\\p{scx=Common}\\p{scx=Inherited}]*$`, 'u'),
  ]),
);

/** @param address normalised, as `normaliseEmail` gives it */
export function isLookAlike(address: string): boolean {
  const at = address.lastIndexOf('@');
  const labels = domainToUnicode(address.slice(at + 1)).split('.');
  const words = [address.slice(0, at), ...labels];
  // What stands in a domain of its own script is seen to be no Latin word.
  const isLatinDomain = isAscii(labels.at(-1) ?? '');
  return words.some(
    (word) => !isAscii(word) && (mixesScripts(word) || (isLatinDomain && readsAsAscii(word))),
  );
}

function mixesScripts(word: string): boolean {
  if (scripts.some((script) => belongsTo.get(script)?.test(word))) return false;
  return !together.some((group) =>
    [...word].every((letter) => group.some((script) => belongsTo.get(script)?.test(letter))),
  );
}

/** The skeleton of UTS 39 section 4, in which signs that look alike are the same. */
function readsAsAscii(word: string): boolean {
  return isAscii(unhomoglyph(word.normalize('NFD')).normalize('NFD'));
}

function isAscii(text: string): boolean {
  return /^[\x21-\x7e]*$/.test(text);
}
