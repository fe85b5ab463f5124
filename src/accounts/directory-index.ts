import { Unavailable } from '../errors.ts';
import { randomText } from '../random.ts';
import type { Store } from '../redis/redis.ts';
import type { Account } from './account-record.ts';
import { entriesOf, isActiveOwner } from './directory-entries.ts';

/**
 * The index of accounts, which lies in another slot than they do, kept so that nothing is ever missing in it:
 *
 *   1. begin    adds what the account is about to be found by, and says that a change is under way
 *   2. the account changes, only from the very version that was looked at in 1
 *   3. settle   takes away what it is not found by any more, but nothing that another change under way has added
 *
 * A pod that is killed leaves entries that lead nowhere, which whoever meets them finds out by the account, and a
 * change that is never settled. `sweep` ends those; first it counts up the account's version, so that a pod which
 * wakes up late changes nothing.
 *
 * Owners are counted the other way round: in 1 an account that is to lose the role stops counting, and only if
 * there is another one; in 3 it counts where it certainly is one. So the last owner cannot go, however many go at
 * the same moment.
 */

const changeIdBytes = 9;
/** Far longer than a change takes. */
const leftBehindMs = 60_000;
const mostAtOnce = 100;
/** In place of an age: changes that have only just begun as well. */
const everything = -leftBehindMs;

export type Change<T> = {
  before: Account;
  /** As it is going to be; undefined when it is going to be gone. */
  after: Account | undefined;
  make: () => Promise<T>;
  /** The account as the change left it; undefined where that must be read. */
  outcome: (result: T) => Account | undefined;
};

/**
 * What became of an account: absent when there is none, or none yet; gone when it was deleted, and never comes back.
 * `isOpen` is false as long as nobody can see it.
 */
export type Seen = { account: Account; isOpen: boolean } | 'absent' | 'gone';

/** As the scripts know it. */
type Known = { version: number; entries: string[]; isOwner: boolean; isGone?: true };

function knownOf(seen: Seen): Known {
  if (seen === 'gone') return { version: 0, entries: [], isOwner: false, isGone: true };
  if (seen === 'absent') return { version: 0, entries: [], isOwner: false };
  const { account, isOpen } = seen;
  return { version: account.version, entries: entriesOf(account), isOwner: isOpen && isActiveOwner(account) };
}

export type AccountIndex = ReturnType<typeof createAccountIndex>;

/** @param look at an account as it is now */
export function createAccountIndex(store: Store, look: (id: string) => Promise<Seen>) {
  const { keys } = store;
  const index = keys.accountIndex();
  const keysOf = (id: string) => [
    index,
    keys.accountOwners(),
    keys.accountsChanging(),
    keys.accountChanging(id),
  ];

  async function begin(id: string, entries: string[], losesOwner: boolean): Promise<string | undefined> {
    const change = randomText(changeIdBytes);
    const given = JSON.stringify({ entries: [...new Set(entries)], losesOwner });
    if ((await store.run('directory-begin', keysOf(id), [id, change, given])) !== 'ok') return undefined;
    await store.settle(index);
    return change;
  }

  async function settle(id: string, change: string, seen: Seen, olderThanMs?: number): Promise<void> {
    const told = JSON.stringify({ ...knownOf(seen), olderThanMs });
    await store.run('directory-settle', keysOf(id), [id, change, told]);
  }

  /** Looks at the account and keeps of `entries` those that it is found by. */
  async function repair(id: string, entries: string[] = []): Promise<void> {
    const change = await begin(id, entries, false);
    if (change !== undefined) await settle(id, change, await look(id));
  }

  return {
    /** Puts accounts that have just been made on the list and into the index; before anybody can see them. */
    async enter(accounts: Account[]): Promise<void> {
      const given = accounts.map((one) => ({
        ...{ id: one.id, createdAt: one.createdAt },
        ...{ version: one.version, entries: entriesOf(one) },
      }));
      const changing = accounts.map(({ id }) => keys.accountChanging(id));
      await store.run('directory-enter', [keys.accountList(), index, ...changing], [JSON.stringify(given)]);
      await store.settle(keys.accountList());
    },

    repair,

    /** Takes away everything that an account was found by which is gone for good, whoever else was changing it. */
    async forget(id: string): Promise<void> {
      const change = await begin(id, [], false);
      if (change !== undefined) await settle(id, change, 'gone', everything);
    },

    /** @returns last-owner when nothing was done, since there would be no active owner any more */
    async around<T>(id: string, change: Change<T>): Promise<T | 'last-owner'> {
      const { before, after, make, outcome } = change;
      const entries = [...entriesOf(before), ...(after ? entriesOf(after) : [])];
      const losesOwner = isActiveOwner(before) && !(after && isActiveOwner(after));
      const begun = await begin(id, entries, losesOwner);
      if (begun === undefined) return 'last-owner';
      const result = await make();
      try {
        const account = outcome(result);
        await settle(id, begun, account ? { account, isOpen: true } : await look(id));
      } catch (error) {
        // The change was made; what is left of it the sweep does.
        if (!(error instanceof Unavailable)) throw error;
      }
      return result;
    },

    /**
     * Ends changes that killed pods left.
     * @param fence counts up the version of an account that is there
     * @returns how many
     */
    async sweep(fence: (id: string) => Promise<void>, olderThanMs = leftBehindMs): Promise<number> {
      const until = (await store.nowMs()) - olderThanMs;
      const range = [keys.accountsChanging(), '-inf', until, 'BYSCORE', 'LIMIT', 0, mostAtOnce] as const;
      const ids = (await store.call('ZRANGE', ...range)) as string[];
      for (const id of ids) {
        const change = await begin(id, [], false);
        await fence(id);
        if (change !== undefined) await settle(id, change, await look(id), olderThanMs);
      }
      return ids.length;
    },
  };
}
