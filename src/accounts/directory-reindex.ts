import type { Store } from '../redis/redis.ts';
import type { AccountCursor, AccountStore } from './account-store.ts';
import { entriesOf, isActiveOwner } from './directory-entries.ts';

/** Counts up when accounts are to be found by something new: then all of them go through the index once more. */
const indexVersion = '1';
const atOnce = 500;
/** A pod that works on it says so with every block of accounts. */
const leaseMs = 60_000;

/** Brings the index of all accounts up to date, block by block, while others change them. */
export function createReindex(store: Store, accounts: AccountStore) {
  const { keys } = store;

  async function reindex(onProgress: (done: number) => unknown = () => {}): Promise<number> {
    let done = 0;
    let after: AccountCursor | undefined;
    do {
      const page = await accounts.page(after, atOnce);
      await accounts.index.enter(page.accounts);
      // One that changed meanwhile may be found by what it has no longer.
      const versions = await Promise.all(
        page.accounts.map(({ id }) => store.call('HMGET', keys.account(id), 'version')),
      );
      for (const [i, account] of page.accounts.entries()) {
        const [version] = versions[i] as [string | null];
        if (version !== String(account.version) || isActiveOwner(account)) {
          await accounts.index.repair(account.id, entriesOf(account));
        }
      }
      done += page.accounts.length;
      await onProgress(done);
      after = page.next;
    } while (after);
    return done;
  }

  return {
    reindex,

    async reindexOnce(): Promise<number | undefined> {
      if ((await store.readText(keys.accountsIndexed())) === indexVersion) return undefined;
      const lease = keys.accountsIndexing();
      if ((await store.call('SET', lease, '1', 'NX', 'PX', leaseMs)) !== 'OK') return undefined;
      const done = await reindex(() => store.call('PEXPIRE', lease, leaseMs));
      await markIndexed(store);
      await store.call('DEL', lease);
      return done;
    },
  };
}

/** Says that all accounts are in the index. @throws Unavailable */
export async function markIndexed(store: Store): Promise<void> {
  const key = store.keys.accountsIndexed();
  await store.call('SET', key, indexVersion);
  await store.settle(key);
}
