import { createHmac, timingSafeEqual } from 'node:crypto';
import { randomText } from '../random.ts';
import type { KeyRing } from '../redis/key-ring.ts';

/**
 * Browsers that an account has signed in with before. Such a browser is told apart from strangers by the sign-in
 * limits, so that these cannot lock its person out, and it needs no mail about a new browser. It opens nothing: the
 * password is asked for as ever, and the second factor (see trusted-browsers.ts).
 *
 * Nothing is stored. The cookie is a random id and a MAC over it, the account and its epoch, so it is worth nothing
 * once the account's password has changed.
 */
export type KnownBrowsers = {
  /** What the name of the cookie ends with for this account. Letters, digits, - and _. */
  cookieSuffix(accountId: string): string;
  issue(accountId: string, epoch: number): string;
  /** @returns the id of the browser; undefined when the account does not know it */
  idOf(accountId: string, epoch: number, cookie: string | undefined): string | undefined;
};

const pattern = /^([\w-]{22})\.([\w-]{43})$/;

export function createKnownBrowsers(ring: KeyRing): KnownBrowsers {
  const macOf = (accountId: string, epoch: number, id: string) =>
    createHmac('sha256', ring.key('known-browser'))
      .update(JSON.stringify([accountId, epoch, id]))
      .digest();

  return {
    cookieSuffix: (accountId) => ring.hash('known-browser-cookie', accountId),
    issue(accountId, epoch) {
      const id = randomText(16);
      return `${id}.${macOf(accountId, epoch, id).toString('base64url')}`;
    },
    idOf(accountId, epoch, cookie) {
      const [, id, mac] = pattern.exec(cookie ?? '') ?? [];
      if (id === undefined || mac === undefined) return undefined;
      const given = Buffer.from(mac, 'base64url');
      const expected = macOf(accountId, epoch, id);
      return given.length === expected.length && timingSafeEqual(given, expected) ? id : undefined;
    },
  };
}
