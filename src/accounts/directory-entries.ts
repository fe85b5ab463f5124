import type { Account, AccountStatus } from './account-record.ts';

/**
 * What an account is found by, as members of one sorted set in the order of their texts:
 *
 *   n:<text>\0<id>                   the beginning of an e-mail address, of a name, or of a word in it
 *   f:<facet>\0<created at>\0<id>    a role, a group or a status, in the order of creation
 *
 * Owns how texts are compared and entries are written; directory-index.ts keeps them.
 */

/** Milliseconds fit for as long as there are accounts. */
const timeDigits = 14;
/** Sorts after everything that can stand in a text. */
const last = '\u{10ffff}';

/** Nothing of it has another form but capitals. */
const isPlain = /^[\x20-\x7e]*$/;
/** Spaces, hyphens and what else stands around words; no apostrophes. */
const betweenWords = /[\s\p{Pd}\p{Ps}\p{Pe}\p{Pi}\p{Pf},.;:/"]+/u;

/**
 * The form in which texts are compared: case, compatibility forms and accents of Latin, Greek and Cyrillic letters
 * do not matter, nor how many spaces there are.
 */
export function foldText(text: string): string {
  if (isPlain.test(text)) return text.toLowerCase().replace(/ +/g, ' ').trim();
  return text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll('ς', 'σ')
    .normalize('NFKC')
    .replace(/[\s\0]+/g, ' ')
    .trim();
}

/** What is found by its beginning, folded; none that the beginning of another one is as good as. */
export function textsOf(account: Account): string[] {
  const { email, name, given_name, family_name, nickname, preferred_username } = account;
  const full = name ?? [given_name, family_name].filter(Boolean).join(' ');
  const words = [name, given_name, family_name, nickname, preferred_username].flatMap((one) =>
    foldText(one ?? '').split(betweenWords),
  );
  const all = new Set(
    [email, full, given_name, family_name, nickname, preferred_username].map((one) => foldText(one ?? '')),
  );
  for (const word of words) all.add(word);
  all.delete('');
  const sorted = [...all].sort();
  // What begins like another one stands before it, and nothing else stands between them.
  return sorted.filter((text, i) => !sorted[i + 1]?.startsWith(text));
}

export function statusFacet(status: AccountStatus): string {
  return `status:${status}`;
}

export function roleFacet(role: string): string {
  return `role:${role}`;
}

export function groupFacet(group: string): string {
  return `group:${group}`;
}

function facetsOf(account: Account): string[] {
  return [
    // Nearly all are active: these are not worth a list.
    ...(account.status === 'disabled' ? [statusFacet('disabled')] : []),
    ...(account.roles ?? []).map(roleFacet),
    ...(account.groups ?? []).map(groupFacet),
  ];
}

export function entriesOf(account: Account): string[] {
  const { id, createdAt } = account;
  const time = String(createdAt).padStart(timeDigits, '0');
  return [
    ...textsOf(account).map((text) => `n:${text}\0${id}`),
    ...facetsOf(account).map((facet) => `f:${facet}\0${time}\0${id}`),
  ];
}

/** Whether it counts where there must be one owner at least. */
export function isActiveOwner({ status, roles = [] }: Account): boolean {
  return status === 'active' && roles.includes('owner');
}

/** Bounds of the entries (ZRANGE BYLEX), without the bracket that includes or excludes them. */
export type EntryRange = { from: string; to: string };

/** @param text folded */
export function rangeOfText(text: string): EntryRange {
  return { from: `n:${text}`, to: `n:${text}${last}` };
}

export function rangeOfFacet(facet: string): EntryRange {
  return { from: `f:${facet}\0`, to: `f:${facet}\0${last}` };
}

export function isFacetEntry(entry: string): boolean {
  return entry.startsWith('f:');
}

/** Of an entry that is no facet. */
export function textOf(entry: string): string {
  return entry.slice(2, entry.lastIndexOf('\0'));
}

export function idOf(entry: string): string {
  return entry.slice(entry.lastIndexOf('\0') + 1);
}
