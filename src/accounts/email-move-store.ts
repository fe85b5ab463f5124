import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { type Account, fromFields } from './account-record.ts';
import { type AccountStore, pairs } from './account-store.ts';
import { normaliseEmail } from './email.ts';

/**
 * The move of an account from one e-mail address to another, a saga that a second try with the same completion id
 * completes. Wherever a pod is killed in it, the account has one address that leads to it, old or new:
 *
 *   1. reserve the new address      runs out after a minute
 *   2. claim it on the account      for a quarter of an hour: says that a move is under way
 *   3. make the reservation permanent, if it is still this account's
 *   4. change the account's address, if the claim stands; claims the old one for as long as it may be undone
 *   5. let the old address run out  after that time; until then nobody else gets it
 *
 * Without the claim an address held since 3 would look like one that its account has lost, and be taken between 3
 * and 4. Whoever meets a claim leaves the address alone; when the claim is over, it is free.
 */

const claimMs = 15 * 60 * 1000;
/** In the time for which they can be taken back, so that the list of them stays short. */
const mostMoves = 10;
export const undoMs = 7 * 24 * 60 * 60 * 1000;

export type EmailMove = {
  account: string;
  /** The address that the account has, as it is written there. */
  from: string;
  to: string;
  /** That the account must have; undefined for any. */
  epoch: number | undefined;
  /** Of the link that confirmed it. */
  completion: string;
  /**
   * The completion of a move that this one takes back, with all after it: ends what is signed in, and takes the
   * password away.
   */
  undoes?: string;
};

export type MoveOutcome =
  | { ok: true; account: Account; isAgain: boolean }
  | { ok: false; problem: 'email-taken' | 'changed' | 'too-often' | 'not-found' };

export function createEmailMoveStore(store: Store, ring: KeyRing, accounts: AccountStore) {
  const { keys } = store;

  const hashOf = (lookup: string) => ring.hash('email', lookup);

  async function step(name: 'claim' | 'move', move: EmailMove, hashes: { fromHash: string; toHash: string }) {
    const { account, from, to, epoch, completion, undoes } = move;
    const holdMs = name === 'claim' ? claimMs : undoMs;
    const key = keys.account(account);
    const given = JSON.stringify({ from, to, epoch, completion, undoes, holdMs, most: mostMoves, ...hashes });
    const [result, ...all] = (await store.run('account-move-email', [key], [name, given])) as string[];
    if (result === undefined) return { ok: false, problem: 'not-found' } as const;
    if (result === 'often') return { ok: false, problem: 'too-often' } as const;
    if (result === 'changed') return { ok: false, problem: 'changed' } as const;
    await store.settle(key);
    const moved = fromFields(account, pairs(all) ?? {}).account;
    return { ok: true, account: moved, isAgain: result === 'again' } as const;
  }

  /** Not at once, so that a move can be undone and nobody gets the old address meanwhile. */
  async function releaseLater(id: string, hash: string): Promise<void> {
    await store.run('account-free-email', [keys.email(hash)], [id, undoMs]);
    await store.settle(keys.email(hash));
  }

  return {
    /**
     * @param beforeMove is done once the move is certain but for the account itself: notices, which must not be
     *   lost, and may be given again
     */
    async move(move: EmailMove, beforeMove: () => Promise<void>): Promise<MoveOutcome> {
      const [from, to] = [normaliseEmail(move.from), normaliseEmail(move.to)];
      if (!from.ok || !to.ok) throw new RangeError('a move needs two e-mail addresses');
      const [fromHash, toHash] = [hashOf(from.lookup), hashOf(to.lookup)];
      const isSameMailbox = fromHash === toHash;

      if (!(await accounts.reserve(to.lookup, move.account))) return { ok: false, problem: 'email-taken' };
      const before = (await accounts.find(move.account))?.otherEmail;
      // Of a move whose pod was killed before its last step: its claim is about to be replaced by this one's.
      if (before && before.hash !== toHash && before.hash !== fromHash) {
        await releaseLater(move.account, before.hash);
      }
      const claimed = await step('claim', move, { fromHash, toHash });
      if (!claimed.ok) return claimed;
      const newKey = keys.email(toHash);
      if ((await store.run('account-keep-email', [newKey], [move.account])) !== move.account) {
        return { ok: false, problem: 'email-taken' };
      }
      await store.settle(newKey);
      await beforeMove();
      const moved = await step('move', move, { fromHash, toHash });
      if (moved.ok && !isSameMailbox) await releaseLater(move.account, fromHash);
      return moved;
    },
  };
}

export type EmailMoves = ReturnType<typeof createEmailMoveStore>;
