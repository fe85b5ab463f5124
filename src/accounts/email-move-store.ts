import { Unavailable } from '../errors.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { type Account, fromFields, pairs } from './account-record.ts';
import type { AccountStore } from './account-store.ts';
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
  /**
   * By an administrator: neither this move nor those before it can be taken back, and the address before is free at
   * once. Also for a disabled account, and however often it has moved.
   */
  isFinal?: boolean;
  /** That the account must have. */
  version?: number;
  /** What else changes with the address, in the same script. */
  also?: { set: Record<string, string>; drop: string[]; endsSessions: boolean };
};

export type MoveOutcome =
  | { ok: true; account: Account; isAgain: boolean }
  /** last-owner: there would be no active owner left; only by what else changes. */
  | { ok: false; problem: 'email-taken' | 'changed' | 'too-often' | 'not-found' | 'last-owner' };

type Hashes = { fromHash: string; toHash: string };
/** version: only that is another than the one that was looked at. */
type Step = MoveOutcome | { ok: false; problem: 'version' };

/** Others may change the same account at the same moment; each time one of them gets through. */
const mostTries = 100;

export function createEmailMoveStore(store: Store, ring: KeyRing, accounts: AccountStore) {
  const { keys } = store;

  const hashOf = (lookup: string) => ring.hash('email', lookup);

  async function step(
    name: 'claim' | 'move',
    move: EmailMove,
    hashes: Hashes,
    version?: number,
  ): Promise<Step> {
    const { account, also, version: _wanted, ...rest } = move;
    const holdMs = name === 'claim' ? claimMs : undoMs;
    const key = keys.account(account);
    const given = JSON.stringify({ ...rest, ...also, version, holdMs, most: mostMoves, ...hashes });
    const [result, ...all] = (await store.run('account-move-email', [key], [name, given])) as string[];
    if (result === undefined) return { ok: false, problem: 'not-found' };
    if (result === 'often') return { ok: false, problem: 'too-often' };
    if (result === 'changed' || result === 'version') return { ok: false, problem: result };
    await store.settle(key);
    const moved = fromFields(account, pairs(all) ?? {}).account;
    return { ok: true, account: moved, isAgain: result === 'again' };
  }

  /** Step 4, with the index; from the version that was looked at, or it is looked at again. */
  async function moveIndexed(move: EmailMove, hashes: Hashes): Promise<MoveOutcome> {
    const { account: id, to, also, version: wanted } = move;
    for (let tries = 0; tries < mostTries; tries += 1) {
      const seen = await accounts.preview(id, { set: { ...also?.set, email: to }, drop: also?.drop ?? [] });
      if (!seen) return { ok: false, problem: 'not-found' };
      const { before, after } = seen;
      if (wanted !== undefined && wanted !== before.version) return { ok: false, problem: 'changed' };
      const outcome = await accounts.index.around<Step>(id, {
        before,
        after,
        make: () => step('move', move, hashes, before.version),
        outcome: (moved) => (moved.ok ? moved.account : undefined),
      });
      if (outcome === 'last-owner') return { ok: false, problem: outcome };
      if (outcome.ok || outcome.problem !== 'version') return outcome as MoveOutcome;
    }
    throw new Unavailable('an account was changed by others all the while');
  }

  /** Not at once where the move can be undone, so that nobody gets the old address meanwhile. */
  async function release(id: string, hash: string, afterMs: number): Promise<void> {
    await store.run('account-free-email', [keys.email(hash)], [id, afterMs]);
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
        await release(move.account, before.hash, undoMs);
      }
      const claimed = await step('claim', move, { fromHash, toHash });
      if (!claimed.ok) return claimed as MoveOutcome;
      const newKey = keys.email(toHash);
      if ((await store.run('account-keep-email', [newKey], [move.account])) !== move.account) {
        return { ok: false, problem: 'email-taken' };
      }
      await store.settle(newKey);
      await beforeMove();
      const moved = await moveIndexed(move, { fromHash, toHash });
      if (moved.ok && !isSameMailbox) await release(move.account, fromHash, move.isFinal ? 0 : undoMs);
      return moved;
    },
  };
}

export type EmailMoves = ReturnType<typeof createEmailMoveStore>;
