import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { type Account, fromFields } from './account-record.ts';
import { createAccountStore } from './account-store.ts';
import { isActiveOwner } from './directory-entries.ts';
import { markIndexed } from './directory-reindex.ts';
import { normaliseEmail } from './email.ts';

/**
 * Makes accounts whole that came back from a backup: lists them, puts them into the index, and leads each address to
 * the account that has it. The backup was written while accounts changed, so that an account and the key of its address
 * may be of different moments. Done again, it changes nothing.
 */
export type AdoptAccounts = {
  /**
   * @param accounts that are in Redis, by their id and the fields of their hash
   * @returns ids of those whose address belongs to another account by now, and who therefore have to be given another
   * @throws Unavailable
   */
  adopt(accounts: { id: string; fields: Record<string, string> }[]): Promise<{ withoutAddress: string[] }>;
  /** All were adopted: no pod needs to do it again. @throws Unavailable */
  finish(): Promise<void>;
};

const atOnce = 200;

export function createAdoptAccounts({ store, ring }: { store: Store; ring: KeyRing }): AdoptAccounts {
  const { keys } = store;
  const accounts = createAccountStore(store, ring);

  /** @returns whether the address leads to the account now */
  async function leadTo({ id, email }: Account): Promise<boolean> {
    const normalised = normaliseEmail(email);
    if (!normalised.ok) return true;
    const key = keys.email(ring.hash('email', normalised.lookup));
    const holder = await store.call('SET', key, id, 'NX', 'GET');
    if (holder === null) return true;
    if (holder === id) {
      await store.call('PERSIST', key);
      return true;
    }
    const other = await accounts.find(String(holder));
    const theirs = other && normaliseEmail(other.account.email);
    if (theirs?.ok && theirs.lookup === normalised.lookup) return false;
    // It was theirs at another moment of the backup.
    await store.call('SET', key, id);
    return true;
  }

  return {
    async adopt(given) {
      const found = given.flatMap(({ id, fields }) => {
        if (fields.status === 'deleted') return [];
        const stored = fromFields(id, fields);
        return stored.isPending ? [] : [stored.account];
      });
      const withoutAddress: string[] = [];
      for (let at = 0; at < found.length; at += atOnce) {
        const block = found.slice(at, at + atOnce);
        await accounts.index.enter(block);
        const led = await Promise.all(block.map(leadTo));
        withoutAddress.push(...block.flatMap(({ id }, i) => (led[i] ? [] : [id])));
        for (const one of block) if (isActiveOwner(one)) await accounts.index.repair(one.id);
      }
      return { withoutAddress };
    },
    finish: () => markIndexed(store),
  };
}
