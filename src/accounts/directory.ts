import { Unavailable } from '../errors.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import type { Account, AccountStatus } from './account-record.ts';
import { createAccountStore } from './account-store.ts';
import { type Cursor, createCursors } from './directory-cursor.ts';
import {
  type EntryRange,
  entriesOf,
  foldText,
  groupFacet,
  idOf,
  isFacetEntry,
  rangeOfFacet,
  rangeOfText,
  roleFacet,
  statusFacet,
  textOf,
  textsOf,
} from './directory-entries.ts';
import { createReindex } from './directory-reindex.ts';

/**
 * Finding accounts among a million: by the beginning of an e-mail address, of a name or of any word in it, by id, and
 * by role, group or status.
 *
 * Index entries are written before what they lead to and removed after it, so a killed pod leaves at most one that
 * leads nowhere; whoever meets it compares it with the account itself. directory-index.ts keeps them.
 */
export type DirectoryQuery = {
  /** The beginning of an address, a name or a word in it, in any case; or a whole id. */
  text?: string;
  status?: AccountStatus;
  role?: string;
  group?: string;
  cursor?: string;
  /** 1 to 200, default 50. A page may hold fewer, also when others follow. */
  count?: number;
};

export type Directory = {
  /**
   * By creation, the latest first; with a text in the order of what was found, unless a role, group or status has
   * fewer accounts than the text finds. A cursor that does not go with the query begins anew. @throws Unavailable
   */
  search(query: DirectoryQuery): Promise<{ accounts: Account[]; cursor: string | undefined }>;
  /** About how many there are; of those that are disabled, or have a role or a group, where one is named. */
  count(of?: { status?: 'disabled'; role?: string; group?: string }): Promise<number>;
  /** Brings the index of accounts from before there was one up to date; may be run again, and beside pods that run. */
  reindex(onProgress?: (done: number) => void): Promise<number>;
  /** The same, once for a Redis, by whichever pod is first. @returns undefined where nothing was to be done */
  reindexOnce(): Promise<number | undefined>;
  /** Ends changes of the index that killed pods left. Often, on every pod. @returns how many */
  sweep(olderThanMs?: number): Promise<number>;
};

const usualCount = 50;
const mostCount = 200;
/** Accounts that are looked at for one page, so that a search for what is rare does not hold anybody up. */
const mostLookedAt = 400;
const wholeId = /^[\w-]{16,64}$/;
/** Of entries that lead nowhere, for one search. */
const mostDropped = 20;
/** Far longer than what anybody looks for. */
const longestText = 200;

type Filter = Pick<DirectoryQuery, 'status' | 'role' | 'group'>;
/** `typed` as it was, for an id; `text` in the form that texts are compared in. */
type Query = Filter & { typed: string; text: string };
type Step = { id: string; at: Cursor; entry?: string };
/** One way through the accounts that a query could mean. */
type Walk = (after: Cursor | undefined, count: number) => Promise<Step[]>;

export function createDirectory(parts: { store: Store; ring: KeyRing }): Directory {
  const { store, ring } = parts;
  const { keys } = store;
  const accounts = createAccountStore(store, ring);
  const cursors = createCursors(ring);
  const { reindex, reindexOnce } = createReindex(store, accounts);

  async function countOf({ from, to }: EntryRange): Promise<number> {
    return Number(await store.call('ZLEXCOUNT', keys.accountIndex(), `[${from}`, `(${to}`));
  }

  const walkList: Walk = async (after, count) => {
    const seen = after && 'id' in after ? after : { id: '', createdAt: 0 };
    const given = [seen.id, seen.createdAt, count];
    const flat = (await store.run('directory-latest', [keys.accountList()], given)) as string[];
    const ids = flat.filter((_, i) => i % 2 === 0);
    return ids.map((id, i) => ({ id, at: { id, createdAt: Number(flat[2 * i + 1]) } }));
  };

  /** Facets in the order of creation, the latest first; texts in their own. */
  const walkRange =
    ({ from, to }: EntryRange, isText: boolean): Walk =>
    async (after, count) => {
      const entry = after && 'entry' in after ? after.entry : undefined;
      const first = entry === undefined ? (isText ? `[${from}` : `(${to}`) : `(${entry}`;
      const bounds = isText ? [first, `(${to}`] : [first, `[${from}`, 'REV'];
      const [start = '', end = '', ...order] = bounds;
      const limit = ['LIMIT', 0, count] as const;
      const found = await store.call('ZRANGE', keys.accountIndex(), start, end, 'BYLEX', ...order, ...limit);
      return (found as string[]).map((one) => ({
        id: idOf(one),
        at: { range: from, entry: one },
        entry: one,
      }));
    };

  /** The way that leads past the fewest accounts; the one that was begun on, where it was. */
  async function chooseWalk(query: Query, after: Cursor | undefined): Promise<Walk> {
    const text = query.text === '' ? undefined : rangeOfText(query.text);
    const ranges = [...(text ? [text] : []), ...wantedFacets(query).map(rangeOfFacet)];
    const begun = ranges.find(({ from }) => after && 'range' in after && after.range === from);
    const counts = begun || ranges.length < 2 ? [] : await Promise.all(ranges.map(countOf));
    const chosen = begun ?? ranges[Math.max(counts.indexOf(Math.min(...counts)), 0)];
    return chosen ? walkRange(chosen, chosen === text) : walkList;
  }

  /** Never fails a search. */
  async function drop(stale: Step[]): Promise<void> {
    try {
      for (const { id, entry } of stale) await accounts.index.repair(id, entry === undefined ? [] : [entry]);
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
    }
  }

  async function searchBy(query: Query, after: Cursor | undefined, count: number) {
    const walk = await chooseWalk(query, after);
    const found = new Map<string, Account>();
    const stale: Step[] = [];
    if (after === undefined && wholeId.test(query.typed)) {
      const named = (await accounts.find(query.typed))?.account;
      if (named && passes(named, query)) found.set(named.id, named);
    }
    let at = after;
    let isAtEnd = false;
    for (let looked = 0; found.size < count && looked < mostLookedAt && !isAtEnd; ) {
      const size = Math.min(Math.max(count - found.size, usualCount), mostCount);
      const steps = await walk(at, size);
      const stored = await Promise.all(steps.map(({ id }) => accounts.find(id)));
      looked += steps.length;
      isAtEnd = steps.length < size;
      for (const [i, step] of steps.entries()) {
        if (found.size >= count) {
          isAtEnd = false;
          break;
        }
        at = step.at;
        const account = stored[i]?.account;
        const isFit = account !== undefined && passes(account, query);
        // Many have such a text, and are left out by a filter: whether the text is theirs need not be known.
        if (account && !isFit && step.entry !== undefined && !isFacetEntry(step.entry)) continue;
        const leads = account && (step.entry === undefined || entriesOf(account).includes(step.entry));
        if (!leads) stale.push(step);
        else if (isFit && meets(account, query, step)) found.set(account.id, account);
      }
    }
    await drop(stale.filter(({ entry }) => entry !== undefined).slice(0, mostDropped));
    return { accounts: [...found.values()], next: isAtEnd ? undefined : at };
  }

  return {
    async search({ text = '', status, role, group, cursor, count = usualCount }) {
      const typed = [...text.trim()].slice(0, longestText).join('');
      const query: Query = {
        typed,
        text: foldText(typed),
        ...(status && { status }),
        ...(role !== undefined && { role }),
        ...(group !== undefined && { group }),
      };
      if (typed !== '' && query.text === '') return { accounts: [], cursor: undefined };
      const size = Math.min(Math.max(Math.trunc(count) || 1, 1), mostCount);
      const bound = [typed, status, role, group];
      const { accounts: found, next } = await searchBy(query, cursors.open(bound, cursor), size);
      return { accounts: found, cursor: next && cursors.seal(bound, next) };
    },

    async count(of = {}) {
      const [facet] = wantedFacets(of);
      if (facet !== undefined) return countOf(rangeOfFacet(facet));
      return Number(await store.call('ZCARD', keys.accountList()));
    },

    reindex,
    reindexOnce,
    sweep: (olderThanMs) => accounts.sweepIndex(olderThanMs),
  };
}

function wantedFacets({ status, role, group }: Filter): string[] {
  return [
    ...(status === 'disabled' ? [statusFacet(status)] : []),
    ...(role === undefined ? [] : [roleFacet(role)]),
    ...(group === undefined ? [] : [groupFacet(group)]),
  ];
}

function passes({ status, roles = [], groups = [] }: Account, query: Filter): boolean {
  return (
    (query.status === undefined || query.status === status) &&
    (query.role === undefined || roles.includes(query.role)) &&
    (query.group === undefined || groups.includes(query.group))
  );
}

/** Whether the text finds it; where several of its texts do, by the first of them alone, so that it comes once. */
function meets(account: Account, { text }: Query, { entry }: Step): boolean {
  if (text === '') return true;
  const first = textsOf(account).find((one) => one.startsWith(text));
  return first !== undefined && (entry === undefined || isFacetEntry(entry) || textOf(entry) === first);
}
