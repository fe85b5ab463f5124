/**
 * Which keys a backup has. What is not named here is kept, so that a key of a later version is not lost.
 *
 * Left out is what is worth nothing after a restore, which begins a new era (oidc/eras.ts), what lives for minutes, and
 * what can be made anew from the rest.
 */
export type Kept =
  /** Read in one go with what belongs to it: {a:<id>} and the `ofAccount` keys beside it. */
  | 'account'
  | 'of-account'
  | 'client'
  /** What has been used up; only texts, the others of the kind are codes that live for minutes. */
  | 'spent'
  /** Counters of failures; those that live for days are kept, so that a restore unlocks nothing. */
  | 'limit'
  | 'ring'
  | 'trail'
  | 'audit'
  | 'plain';

export const partsOfAccount = ['factors', 'upstreams', 'activity'] as const;

/** A counter with less than this left runs out by itself soon enough. */
export const shortLimitMs = 24 * 60 * 60 * 1000;

const kept: [RegExp, Kept][] = [
  [/^\{a:[^}]+\}$/, 'account'],
  [new RegExp(`^\\{a:[^}]+\\}:(?:${partsOfAccount.join('|')})$`), 'of-account'],
  [/^\{a:[^}]+\}:once:/, 'spent'],
  [/^\{c:[^}]+\}$/, 'client'],
  [/^\{limits\}:/, 'limit'],
  [/^\{k\}$/, 'ring'],
  [/^\{audit\}:(?:admin|people)(?::chain|:anchor|:begun)?$/, 'trail'],
  [/^\{audit\}:/, 'audit'],
];

export const leftOut: { keys: RegExp; what: string; why: string }[] = [
  {
    keys: /^\{[gs]:|^\{sessions\}:\d|^\{a:[^}]+\}:signed-in$/,
    what: 'sessions, grants, codes and tokens',
    why: 'a restore ends them all, so that none that ended after the backup comes back',
  },
  {
    keys: /^\{[ipuw]:/,
    what: 'sign-ins, pushed requests and device codes under way',
    why: 'they live for minutes, and belong to sessions that are gone',
  },
  {
    keys: /^\{[j]:|^\{once:/,
    what: 'marks of proofs, assertions and idempotency keys that were used',
    why: 'they live for minutes to a day; what was used after the backup would not be among them',
  },
  {
    keys: /^\{l:/,
    what: 'links that were mailed',
    why: 'one that was used after the backup must not work again: people ask for another',
  },
  {
    keys: /^\{mail\}/,
    what: 'mails that were waiting',
    why: 'most have been sent by now, and their links are void',
  },
  {
    keys: /^\{a:[^}]+\}:browsers$|^\{a:[^}]+\}:once:email-codes$/,
    what: 'trusted browsers and codes by mail',
    why: 'one that was taken back after the backup must not be trusted again',
  },
  {
    keys: /^\{accounts\}(?!:leaving$)|^\{clients\}/,
    what: 'lists and search indexes',
    why: 'a restore makes them anew from the accounts and clients',
  },
  {
    keys: /^\{pods\}$|^\{schema\}$|^\{doctor:|^\{audit\}:(?:admin|people):(?:room(?::.+)?|head-told)$/,
    what: 'what pods tell each other',
    why: 'it is about the pods of that moment',
  },
];

/** @param name a key without the prefix. @returns undefined for what is left out */
export function keptAs(name: string): Kept | undefined {
  if (leftOut.some(({ keys }) => keys.test(name))) return undefined;
  return kept.find(([keys]) => keys.test(name))?.[1] ?? 'plain';
}
