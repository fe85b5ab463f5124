/**
 * Values that somebody else made up (a name, a browser's description) as they may stand in a mail: one line,
 * not long, unable to turn the sentence around, and without an address of a web page, since a mail of ours
 * would carry a stranger's link to whomever they like.
 */

const longest = 120;

// Marks that change the direction of text around them; what we need of them is put in by us.
const directionMarks = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** @returns the value on one line, at most 120 characters, links as … */
export function plainValue(value: string): string {
  const line = value
    .toWellFormed()
    .replace(directionMarks, '')
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .replace(/[\p{L}\p{N}+.-]+:\/\/\S*|\bwww\.\S+/giu, '…')
    .trim();
  const letters = Array.from(line);
  return letters.length > longest ? `${letters.slice(0, longest - 1).join('')}…` : line;
}

/**
 * A value inside bounds of its own (Unicode's first strong isolate), so that a name that is written right to left
 * leaves the order of the sentence around it alone, and the other way round.
 */
export function isolated(value: string, direction: 'ltr' | 'rtl'): string {
  const mayDisturb = direction === 'rtl' || /[\p{Script=Arabic}\p{Script=Hebrew}]/u.test(value);
  return mayDisturb ? `\u2068${value}\u2069` : value;
}

/**
 * The address of a page, fit to be a link in a mail.
 * @throws when it is not absolute, or neither https nor http
 */
export function pageLink(address: string): string {
  const url = URL.parse(address);
  if (!url || !/^https?:$/.test(url.protocol))
    throw new Error('a link in a mail must be an absolute web address');
  return url.href;
}
