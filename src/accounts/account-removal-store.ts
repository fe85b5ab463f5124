import { nowMs } from '../clock.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import type { StoredAccount } from './account-record.ts';
import type { AccountStore } from './account-store.ts';
import { normaliseEmail } from './email.ts';

/**
 * The end of an account. Its record becomes a tombstone in one script, together with all that lies beside it;
 * what is left to do in other slots stands sealed in the tombstone until it is done. The list of those who are
 * leaving tells which deletions a killed pod left, and `unfinished` finds them.
 */

/** Far longer than anything that could still bring the account back. */
const tombstoneMs = 90 * 24 * 60 * 60 * 1000;
const mostAtOnce = 100;

/** Who left, for what is to be done after. */
export type Leaver = {
  id: string;
  email: string;
  locale: string | undefined;
  /** Its moves to another address that could still have been taken back. */
  moves: string[];
};

type Left = Leaver & { emailHashes: string[] };

export function createAccountRemovalStore(store: Store, ring: KeyRing, accounts: AccountStore) {
  const { keys } = store;
  const sealPurpose = 'account-left';

  const besides = (id: string) => [
    keys.accountFactors(id),
    keys.accountBrowsers(id),
    keys.accountSignedIn(id),
    keys.accountActivity(id),
    keys.accountUpstreams(id),
  ];

  type Buried = 'changed' | { left: Leaver | undefined };

  /** @param stored the account as it was looked at; undefined when it may be buried already */
  async function buryOnce(id: string, stored: StoredAccount | undefined, version?: number): Promise<Buried> {
    const { email = '', status = '', roles = [], locale } = stored?.account ?? {};
    const normalised = normaliseEmail(email);
    const emailHashes = [
      ...(normalised.ok ? [ring.hash('email', normalised.lookup)] : []),
      ...(stored?.otherEmail ? [stored.otherEmail.hash] : []),
    ];
    const left: Left = { id, email, locale, moves: stored?.moves ?? [], emailHashes };
    const sealed = ring.seal(sealPurpose, id, JSON.stringify(left));
    const [result, found] = (await store.run(
      'account-bury',
      [keys.account(id), ...besides(id)],
      [email, sealed, tombstoneMs, status, roles.join(' '), ...(version === undefined ? [] : [version])],
    )) as string[];
    if (result === 'changed') return result;
    if (result !== undefined) await store.settle(keys.account(id));
    if (found) return { left: JSON.parse(ring.open(sealPurpose, id, found)) as Left };
    await stay(id);
    return { left: undefined };
  }

  /** Remembers that it is leaving, so that what a killed pod leaves is found. */
  async function leave(id: string): Promise<void> {
    await store.call('ZADD', keys.accountsLeaving(), nowMs(), id);
    await store.settle(keys.accountsLeaving());
  }

  async function stay(id: string): Promise<void> {
    await store.call('ZREM', keys.accountsLeaving(), id);
  }

  return {
    /**
     * Ends the account, or finds it ended. From here on nobody sees it.
     * @param first what is done before, when it is sure that the account may go; perhaps more than once
     * @param version that an account which is still there has to have
     * @returns who left, while something is left to do; undefined when there is nothing, or no such account;
     *   last-owner when there would be no active owner left, and nothing was done; changed when it is not as expected
     */
    async bury(
      id: string,
      first: () => Promise<void>,
      version?: number,
    ): Promise<Leaver | undefined | 'last-owner' | 'changed'> {
      for (let tries = 1; ; tries += 1) {
        const stored = await accounts.find(id);
        if (stored && version !== undefined && stored.account.version !== version) {
          if (tries > 1) await stay(id);
          return 'changed';
        }
        const outcome = stored
          ? await accounts.index.around<Buried>(id, {
              before: stored.account,
              after: undefined,
              async make() {
                await leave(id);
                await first();
                return buryOnce(id, stored, version);
              },
              outcome: () => undefined,
            })
          : await buryOnce(id, undefined);
        if (outcome === 'last-owner') await stay(id);
        if (outcome === 'last-owner') return outcome;
        if (outcome !== 'changed') return outcome.left;
      }
    },

    /** Gives the account's addresses free and takes it off the list, then forgets who it was. */
    async finish(leaver: Leaver): Promise<void> {
      const { id, emailHashes = [] } = leaver as Left;
      for (const hash of emailHashes) {
        await store.run('account-free-email', [keys.email(hash)], [id, 0]);
        await store.settle(keys.email(hash));
      }
      await accounts.index.forget(id);
      await store.call('ZREM', keys.accountList(), id);
      await store.settle(keys.accountList());
      await store.call('HDEL', keys.account(id), 'left');
      await store.settle(keys.account(id));
      await store.call('ZREM', keys.accountsLeaving(), id);
    },

    /** Ids of accounts whose deletion began longer ago than this. */
    async unfinished(olderThanMs: number): Promise<string[]> {
      const until = nowMs() - olderThanMs;
      const flat = await store.call(
        'ZRANGE',
        keys.accountsLeaving(),
        '-inf',
        until,
        'BYSCORE',
        'LIMIT',
        0,
        mostAtOnce,
      );
      return flat as string[];
    },
  };
}
