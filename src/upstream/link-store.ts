import { nowMs } from '../clock.ts';
import { Change } from '../redis/change.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import type { Identity } from './identity.ts';

/**
 * Which identity at another provider belongs to which account. It is written on two sides, in two slots: the
 * identity's side is claimed by one account, the account's side lists its identities. A link holds when both
 * sides say so. Linking is a saga:
 *
 *   1. claim the identity for the account   runs out after a minute
 *   2. list it with the account             only while the account is active and its epoch the same
 *   3. make the claim one for good          if it was not lost meanwhile; else take it off the list
 *
 * After 2 anyone who meets it does the rest. A claim for good whose account does not list it is free for the
 * next: unlinking begins with the list.
 */

const claimMs = 60_000;

/** Times in ms since the epoch. */
export type Link = {
  /** Names the identity, and tells nothing of it. */
  identityId: string;
  providerId: string;
  issuer: string;
  sub: string;
  email?: string;
  name?: string;
  linkedAt: number;
  lastUsedAt: number;
};

export type LinkOutcome =
  | { ok: true; link: Link }
  | {
      ok: false;
      /**
       *   identity-taken    it belongs to another account, or is about to
       *   account-changed   the account is gone or disabled, or its sessions were ended
       */
      problem: 'identity-taken' | 'account-changed';
    };

export type UnlinkOutcome = { ok: true } | { ok: false; problem: 'not-linked' | 'last-way-in' };

const idPattern = /^[\w-]{1,64}$/;

export function createLinkStore(store: Store, ring: KeyRing) {
  const { keys } = store;

  const idOf = ({ issuer, sub }: Pick<Identity, 'issuer' | 'sub'>) =>
    ring.hash('upstream-identity', JSON.stringify([issuer, sub]));

  async function listed(accountId: string, identityId: string): Promise<string | undefined> {
    const [value] = (await store.call('HMGET', keys.accountUpstreams(accountId), identityId)) as (
      | string
      | null
    )[];
    return value ?? undefined;
  }

  async function readClaim(identityId: string): Promise<{ holder: string | undefined; isForGood: boolean }> {
    const key = keys.upstreamAccount(identityId);
    const [holder, lifetime] = await Promise.all([store.readText(key), store.call('PTTL', key)]);
    return { holder, isForGood: lifetime === -1 };
  }

  /** @returns whether it is the account's now */
  async function claim(
    identityId: string,
    accountId: string,
    lifetimeMs: number,
    lost = '',
  ): Promise<boolean> {
    const key = keys.upstreamAccount(identityId);
    const holder = await store.run('upstream-claim', [key], [accountId, lifetimeMs, lost]);
    await store.settle(key);
    return holder === accountId;
  }

  /** Step 1. */
  async function reserve(identityId: string, accountId: string): Promise<boolean> {
    if (await claim(identityId, accountId, claimMs)) return true;
    const { holder, isForGood } = await readClaim(identityId);
    if (holder === undefined) return claim(identityId, accountId, claimMs);
    // The list is written before a claim is for good. So one that was for good already when the list was
    // looked at, and is not on it, was unlinked; any other may be about to be listed.
    if (!isForGood || (await listed(holder, identityId)) !== undefined) return false;
    return claim(identityId, accountId, claimMs, holder);
  }

  /** Step 3, of what is on the list. @returns whether the link holds */
  async function complete(identityId: string, accountId: string, value: string): Promise<boolean> {
    if (await claim(identityId, accountId, 0)) return true;
    const key = keys.accountUpstreams(accountId);
    await store.commit(new Change().durable().requireSame(key, identityId, value).drop(key, [identityId]));
    return false;
  }

  async function list(accountId: string): Promise<Link[]> {
    if (!idPattern.test(accountId)) return [];
    const fields = (await store.read(keys.accountUpstreams(accountId))) ?? {};
    const links = await Promise.all(
      Object.entries(fields).map(async ([identityId, value]) => {
        const { holder, isForGood } = await readClaim(identityId);
        const holds = (holder === accountId && isForGood) || (await complete(identityId, accountId, value));
        return holds ? [toLink(identityId, value)] : [];
      }),
    );
    return links.flat().sort((a, b) => a.linkedAt - b.linkedAt);
  }

  return {
    idOf,
    list,

    /** The account that it belongs to, also when disabled. */
    async findAccount(identity: Identity): Promise<string | undefined> {
      const identityId = idOf(identity);
      const { holder, isForGood } = await readClaim(identityId);
      const value = holder && (await listed(holder, identityId));
      if (!value) return undefined;
      return isForGood || (await complete(identityId, holder, value)) ? holder : undefined;
    },

    /** A second try completes what the first left. @param epoch of the sign-in that asks for it */
    async link(accountId: string, epoch: number, identity: Identity): Promise<LinkOutcome> {
      if (!idPattern.test(accountId)) return { ok: false, problem: 'account-changed' };
      const identityId = idOf(identity);
      if (!(await reserve(identityId, accountId))) return { ok: false, problem: 'identity-taken' };
      const before = await listed(accountId, identityId);
      const value = before ?? toValue(identity, nowMs(), nowMs());
      const [account, key] = [keys.account(accountId), keys.accountUpstreams(accountId)];
      const outcome = await store.commit(
        new Change()
          .durable()
          .requireSame(account, 'status', 'active')
          .requireSame(account, 'epoch', String(epoch))
          .set(key, 0, { [identityId]: value }),
      );
      if (!outcome.ok) return { ok: false, problem: 'account-changed' };
      if (!(await complete(identityId, accountId, value))) return { ok: false, problem: 'identity-taken' };
      return { ok: true, link: toLink(identityId, value) };
    },

    /** @param leadsIn whether a link is a way in now */
    async unlink(
      accountId: string,
      identityId: string,
      leadsIn: (link: Link) => boolean,
    ): Promise<UnlinkOutcome> {
      const links = await list(accountId);
      if (!links.some((link) => link.identityId === identityId)) return { ok: false, problem: 'not-linked' };
      const others = links.filter((link) => link.identityId !== identityId && leadsIn(link));
      const key = keys.accountUpstreams(accountId);
      const done = await store.run(
        'upstream-unlink',
        [keys.account(accountId), keys.accountFactors(accountId), key],
        [identityId, ...others.map((link) => link.identityId)],
      );
      if (done !== 'unlinked') return { ok: false, problem: done as 'not-linked' | 'last-way-in' };
      await store.settle(key);
      await store.run('upstream-release', [keys.upstreamAccount(identityId)], [accountId]);
      return { ok: true };
    },

    /** Of an account that is deleted. */
    async unlinkAll(accountId: string): Promise<void> {
      if (!idPattern.test(accountId)) return;
      const key = keys.accountUpstreams(accountId);
      const identityIds = Object.keys((await store.read(key)) ?? {});
      await store.commit(new Change().durable().remove(key));
      await Promise.all(
        identityIds.map((id) => store.run('upstream-release', [keys.upstreamAccount(id)], [accountId])),
      );
    },

    /** Remembers when a link was last signed in with, and what the provider calls the person now. */
    async noteUse(accountId: string, identity: Identity): Promise<void> {
      const identityId = idOf(identity);
      const value = await listed(accountId, identityId);
      if (value === undefined) return;
      const key = keys.accountUpstreams(accountId);
      const next = toValue(identity, toLink(identityId, value).linkedAt, nowMs());
      await store.commit(
        new Change().requireSame(key, identityId, value).set(key, 0, { [identityId]: next }),
      );
    },
  };
}

function toValue(identity: Identity, linkedAt: number, lastUsedAt: number): string {
  const { providerId, issuer, sub, email, name } = identity;
  return JSON.stringify({ providerId, issuer, sub, email, name, linkedAt, lastUsedAt });
}

function toLink(identityId: string, value: string): Link {
  return { identityId, ...(JSON.parse(value) as Omit<Link, 'identityId'>) };
}
