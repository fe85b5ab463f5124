/**
 * Browsers in which an account need not show its second factor again for 30 days.
 *
 * The browser keeps a random cookie, Redis a keyed hash of it, as a field of one hash for each account; it trusts
 * at most twenty, and a new one takes the place of the oldest. Trust is given for the account's epoch at that
 * time: another password, or whatever else ends the account's sessions, ends it too.
 */

import { randomText } from '../random.ts';
import { Change } from '../redis/change.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { type BrowserLabel, labelBrowser } from './browser-label.ts';

export type TrustedBrowser = {
  /** For `forget`; opens nothing. */
  id: string;
  label: BrowserLabel;
  createdAt: number;
  /** To the hour. */
  lastSeenAt: number;
  expiresAt: number;
  /** Whether the asking browser is this one. */
  isThis: boolean;
};

export type TrustedBrowsers = {
  /**
   * What the name of the cookie ends with for this account, so that several people can trust one browser.
   * Letters, digits, - and _.
   */
  cookieSuffix(accountId: string): string;
  /**
   * Always mints a new value: one that the browser brought could have been planted there.
   * @param options.epoch of the account when it showed its second factor
   * @param options.isStrong whether that was a factor, and not a code by mail
   * @returns cookie its value, 43 characters; undefined when the account is gone or its epoch is another
   */
  trust(
    accountId: string,
    options: { epoch: number; isStrong: boolean; userAgent: string | undefined },
  ): Promise<{ cookie: string; expiresAt: number } | undefined>;
  /** @param needsStrong the account has a factor by now, for which a code by mail does not stand */
  isTrusted(accountId: string, cookie: string | undefined, needsStrong: boolean): Promise<boolean>;
  /** Those that are trusted now, the one seen last first. */
  list(accountId: string, cookie?: string): Promise<TrustedBrowser[]>;
  /** @returns whether it was trusted until now */
  forget(accountId: string, id: string): Promise<boolean>;
  forgetAll(accountId: string): Promise<void>;
};

type StoredBrowser = Omit<TrustedBrowser, 'id' | 'isThis'> & {
  epoch: number;
  /** Missing in what an earlier version wrote. */
  isStrong?: boolean;
};

const lifetimeMs = 30 * 24 * 60 * 60_000;
const mostBrowsers = 20;
/** `lastSeenAt` is written no more often than this. */
const seenMs = 60 * 60_000;
const secretBytes = 32;
const secretPattern = /^[\w-]{43}$/;

export function createTrustedBrowsers(parts: {
  store: Store;
  ring: KeyRing;
  now: () => number;
}): TrustedBrowsers {
  const { store, ring, now } = parts;
  const { keys } = store;

  const fieldOf = (accountId: string, cookie: string) =>
    ring.hash('trusted-browser', `${accountId} ${cookie}`);

  async function readAll(accountId: string) {
    // The account is read last: a password that changes in between makes what was read before void.
    const browsers = (await store.read(keys.accountBrowsers(accountId))) ?? {};
    const account = await store.read(keys.account(accountId));
    const isActive = account?.status === 'active';
    const at = now();
    const current = Object.entries(browsers)
      .map(([id, text]) => ({ id, text, browser: JSON.parse(text) as StoredBrowser }))
      .filter(({ browser }) => isActive && browser.expiresAt > at && String(browser.epoch) === account.epoch);
    return { current, at };
  }

  return {
    cookieSuffix: (accountId) => ring.hash('trusted-browser-cookie', accountId),

    async trust(accountId, { epoch, isStrong, userAgent }) {
      const cookie = randomText(secretBytes);
      const at = now();
      const browser: StoredBrowser = {
        label: labelBrowser(userAgent),
        createdAt: at,
        lastSeenAt: at,
        expiresAt: at + lifetimeMs,
        epoch,
        isStrong,
      };
      const key = keys.accountBrowsers(accountId);
      const isDone = await store.run(
        'factor-trust-browser',
        [keys.account(accountId), key],
        [fieldOf(accountId, cookie), JSON.stringify(browser), epoch, at, mostBrowsers, lifetimeMs],
      );
      if (isDone !== 1) return undefined;
      await store.settle(key);
      return { cookie, expiresAt: browser.expiresAt };
    },

    async isTrusted(accountId, cookie, needsStrong) {
      if (cookie === undefined || !secretPattern.test(cookie)) return false;
      const id = fieldOf(accountId, cookie);
      const { current, at } = await readAll(accountId);
      const found = current.find((one) => one.id === id);
      if (!found || (needsStrong && found.browser.isStrong === false)) return false;
      if (found.browser.lastSeenAt < at - seenMs) {
        const key = keys.accountBrowsers(accountId);
        const seen = JSON.stringify({ ...found.browser, lastSeenAt: at });
        // Not durable: nothing depends on it. Forgotten meanwhile, it stays so.
        await store.commit(new Change().requireSame(key, id, found.text).set(key, 0, { [id]: seen }));
      }
      return true;
    },

    async list(accountId, cookie) {
      const own = cookie === undefined ? undefined : fieldOf(accountId, cookie);
      return (await readAll(accountId)).current
        .map(({ id, browser: { epoch: _, isStrong: _strong, ...browser } }) => ({
          ...browser,
          id,
          isThis: id === own,
        }))
        .sort((a, b) => b.lastSeenAt - a.lastSeenAt || b.createdAt - a.createdAt);
    },

    async forget(accountId, id) {
      const key = keys.accountBrowsers(accountId);
      const isGone = (await store.call('HDEL', key, id)) === 1;
      if (isGone) await store.settle(key);
      return isGone;
    },

    async forgetAll(accountId) {
      const key = keys.accountBrowsers(accountId);
      if ((await store.call('DEL', key)) === 1) await store.settle(key);
    },
  };
}
