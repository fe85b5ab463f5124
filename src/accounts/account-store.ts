import { randomBytes } from 'node:crypto';
import { nowMs } from '../clock.ts';
import { Unavailable } from '../errors.ts';
import { Change } from '../redis/change.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import {
  type Account,
  type AccountStatus,
  fromFields,
  idPattern,
  pairs,
  type StoredAccount,
  toFields,
} from './account-record.ts';
import { createAccountUpdates } from './account-update-store.ts';
import { isActiveOwner } from './directory-entries.ts';
import { createAccountIndex, type Seen } from './directory-index.ts';
import { normaliseEmail } from './email.ts';

/**
 * Accounts in Redis, one hash each, with two things beside it in slots of their own: the e-mail address that
 * leads to the account, and the list of all accounts.
 *
 * Creation is a saga. Wherever a pod is killed in it, nothing is visible, or the account is whole:
 *
 *   1. reserve the address for the account's id   runs out after a minute
 *   2. write the account as pending               runs out after two minutes; nobody sees it
 *   3. make the reservation permanent             only if it is still this account's
 *   4. list the account, and put it into the index
 *   5. turn it active                             only if it is still there
 *
 * Whoever meets an account that got as far as 2 while its reservation holds does the rest (`complete`). An
 * address held for good by an account that is not there is free for the next who wants it.
 *
 * The move to another address is one as well, see email-move-store.ts; the end of an account,
 * account-removal-store.ts; changes of one that is there,
 * account-update-store.ts.
 */

const reservationMs = 60_000;
/** Longer than a reservation, so that the account is there for as long as it can be completed. */
const pendingMs = 2 * reservationMs;
/** A claim to another address that is this long over is nobody's, however the clocks of the pods differ. */
const claimMarginMs = 60 * 60 * 1000;
/** Listed ids without an account are taken off the list when they are older, far longer than a creation takes. */
const strayMs = 60 * 60 * 1000;

/** 128 random bits (a 64th of them left out), base64url, 22 characters. */
export function mintAccountId(): string {
  const id = randomBytes(16).toString('base64url');
  // A command line would take it for an option.
  return id.startsWith('-') ? mintAccountId() : id;
}

export type AccountDraft = Omit<
  Account,
  'hasPassword' | 'status' | 'epoch' | 'version' | 'createdAt' | 'updatedAt'
> & {
  passwordHash: string | undefined;
  /** Default active. */
  opensAs?: AccountStatus;
};

export type AccountCursor = { id: string; createdAt: number };

export function createAccountStore(store: Store, ring: KeyRing) {
  const { keys } = store;

  /** By the key that an address has; also for an address that is not an account's any more. */
  const emailKey = (lookup: string) => keys.email(ring.hash('email', lookup));

  function emailKeyOf(account: Account): string | undefined {
    const normalised = normaliseEmail(account.email);
    return normalised.ok ? emailKey(normalised.lookup) : undefined;
  }

  async function readFields(id: string): Promise<Record<string, string> | undefined> {
    if (!idPattern.test(id)) return undefined;
    const fields = await store.read(keys.account(id));
    return fields?.status === 'deleted' ? undefined : fields;
  }

  async function read(id: string): Promise<StoredAccount | undefined> {
    const fields = await readFields(id);
    return fields && fromFields(id, fields);
  }

  async function find(id: string): Promise<StoredAccount | undefined> {
    const stored = await read(id);
    return stored?.isPending ? undefined : stored;
  }

  const index = createAccountIndex(store, async (id): Promise<Seen> => {
    const fields = await store.read(keys.account(id));
    if (!fields) return 'absent';
    if (fields.status === 'deleted') return 'gone';
    const { account, isPending, opensAs } = fromFields(id, fields);
    return { account: isPending ? { ...account, status: opensAs } : account, isOpen: !isPending };
  });

  const updates = createAccountUpdates(store, index, readFields);

  async function readHolder(key: string): Promise<{ id: string | undefined; isPermanent: boolean }> {
    const [id, lifetime] = await Promise.all([store.readText(key), store.call('PTTL', key)]);
    return { id, isPermanent: lifetime === -1 };
  }

  /** Steps 3 to 5. @returns undefined when the address is not the account's, or the account gone */
  async function complete(key: string, written: StoredAccount): Promise<StoredAccount | undefined> {
    const { account, isPending, opensAs } = written;
    const { id } = account;
    if ((await store.run('account-keep-email', [key], [id])) !== id) return undefined;
    await store.settle(key);
    await index.enter([isPending ? { ...account, status: opensAs } : account]);
    const accountKey = keys.account(id);
    const fields = pairs(await store.run('account-open', [accountKey], []));
    if (!fields || fields.status === 'deleted') return undefined;
    await store.settle(accountKey);
    const stored = fromFields(id, fields);
    // Before this it was no owner for sure.
    if (isActiveOwner(stored.account)) await index.repair(id);
    return stored;
  }

  /** Whether the account holds this address besides its own, which it is moving to or moved from. */
  function claims({ otherEmail }: StoredAccount, key: string): boolean {
    return (
      otherEmail !== undefined &&
      keys.email(otherEmail.hash) === key &&
      otherEmail.until + claimMarginMs > nowMs()
    );
  }

  /** The account that an address leads to, completed where a killed pod left it half done. */
  async function follow(key: string, decoyId: string, beside?: (id: string) => void) {
    const holder = await readHolder(key);
    // As many reads for an address without an account, so that time tells nothing.
    beside?.(holder.id ?? decoyId);
    const stored = await read(holder.id ?? decoyId);
    if (holder.id === undefined || !stored) return { holder };
    if (emailKeyOf(stored.account) !== key) return { holder, isClaimed: claims(stored, key) };
    if (!stored.isPending && holder.isPermanent) return { holder, stored };
    return { holder, stored: await complete(key, stored) };
  }

  /** Step 1. @returns whether the address is held for this account now */
  async function reserve(key: string, id: string): Promise<boolean> {
    const hold = (lostId: string) => store.run('account-hold-email', [key], [id, reservationMs, lostId]);
    if ((await hold('')) === id) return true;
    const { holder, stored, isClaimed = false } = await follow(key, id);
    if (stored || isClaimed) return false;
    // An account is written before its reservation becomes permanent. So one that was permanent already when
    // its account was looked for, and not found, has lost it; any other may be about to get its account.
    const lostId = holder.isPermanent ? (holder.id ?? '') : '';
    return (await hold(lostId)) === id;
  }

  /** Step 2. @returns the pending account; undefined when it ran out at once */
  async function write(draft: AccountDraft, key: string): Promise<StoredAccount | undefined> {
    const now = nowMs();
    const accountKey = keys.account(draft.id);
    const fields = {
      ...toFields({ ...draft, epoch: 0, version: 1, createdAt: now, updatedAt: now }),
      status: 'pending',
      ...(draft.passwordHash === undefined ? {} : { passwordHash: draft.passwordHash }),
      ...(draft.opensAs === undefined ? {} : { opensAs: draft.opensAs }),
    };
    const change = new Change().durable().requireAbsent(accountKey).set(accountKey, pendingMs, fields);
    if ((await store.commit(change)).ok) return fromFields(draft.id, fields);
    // A try before this one wrote it.
    const before = await read(draft.id);
    if (before && emailKeyOf(before.account) !== key) {
      throw new Error('an account id was used for two e-mail addresses');
    }
    return before;
  }

  return {
    index,
    ...updates,

    /**
     * A second try with the same draft completes what the first left.
     * @throws Unavailable when it is not known how far it got
     */
    async create(
      draft: AccountDraft,
      lookup: string,
    ): Promise<{ ok: true; account: Account } | { ok: false; problem: 'email-taken' }> {
      if (!idPattern.test(draft.id)) throw new RangeError('not an account id');
      const key = emailKey(lookup);
      if (!(await reserve(key, draft.id))) return { ok: false, problem: 'email-taken' };
      const written = await write(draft, key);
      const stored = written && (await complete(key, written));
      if (stored) return { ok: true, account: stored.account };
      const holder = await store.readText(key);
      if (holder !== undefined && holder !== draft.id) return { ok: false, problem: 'email-taken' };
      throw new Unavailable('an account took longer to be created than its e-mail address was reserved');
    },

    /** The stored account, also when disabled. */
    find,

    /** Step 1 for an account that is there and wants this address. @returns whether it may have it */
    reserve: (lookup: string, id: string) => reserve(emailKey(lookup), id),

    /** @param beside called with the account's id when that is known, to read more of it in the same round trip */
    async findByLookup(lookup: string, beside?: (id: string) => void): Promise<StoredAccount | undefined> {
      return (await follow(emailKey(lookup), ring.hash('no-account', lookup), beside)).stored;
    },

    requireEpoch(change: Change, id: string, epoch: number): void {
      const key = keys.account(id);
      change.requireSame(key, 'status', 'active').requireSame(key, 'epoch', String(epoch));
    },

    /** The same password, hashed anew; not when it was changed meanwhile. @returns whether it was replaced */
    async replacePasswordHash(id: string, from: string, to: string): Promise<boolean> {
      const key = keys.account(id);
      const outcome = await store.commit(
        new Change().durable().requireSame(key, 'passwordHash', from).set(key, 0, { passwordHash: to }),
      );
      return outcome.ok;
    },

    /**
     * Accounts by creation, the oldest first. A page may hold fewer than asked for, also when others follow.
     * @returns next where the following page begins; undefined at the end
     */
    async page(
      after: AccountCursor | undefined,
      count: number,
    ): Promise<{ accounts: Account[]; next: AccountCursor | undefined }> {
      const list = keys.accountList();
      const from = [after?.id ?? '', after?.createdAt ?? 0, count];
      const flat = (await store.run('account-page', [list], from)) as string[];
      const entries: AccountCursor[] = [];
      for (let i = 0; i + 1 < flat.length; i += 2) {
        entries.push({ id: flat[i] as string, createdAt: Number(flat[i + 1]) });
      }
      const stored = await Promise.all(entries.map(({ id }) => read(id)));
      const strays = entries.filter((entry, i) => !stored[i] && entry.createdAt < nowMs() - strayMs);
      await Promise.all(
        strays.map(({ id, createdAt }) => store.run('account-unlist', [list], [id, createdAt])),
      );
      return {
        accounts: stored.flatMap((one) => (one && !one.isPending ? [one.account] : [])),
        next: entries.length === count ? entries.at(-1) : undefined,
      };
    },
  };
}

export type AccountStore = ReturnType<typeof createAccountStore>;
