/**
 * Links that are mailed: single-use, short-lived, and in Redis only as a keyed hash beside their sealed content.
 *
 * For each purpose and subject there is one record, so that a new link ends the older one by taking its place. A
 * link is bound to what it was made for; whether the account is still as it was then (`isStillBound`) its spender
 * checks, and again in the script that changes the account.
 *
 * Spending is the only thing that happens once. What it is spent for follows in other slots, and the pod may be
 * killed before: so the same browser that asks again for the same thing, within ten minutes, gets the same
 * completion id, by which the rest is done once too. Everybody else finds it spent.
 */
import { createHmac } from 'node:crypto';
import { nowMs } from '../clock.ts';
import { randomText } from '../random.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import type { Account } from './account-record.ts';

export type LinkPurpose =
  | 'register'
  | 'verify-email'
  | 'change-email'
  | 'undo-email-change'
  | 'reset-password'
  | 'invitation'
  /** Whoever has it, and an account, becomes an owner; the command line shows it. */
  | 'owner';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** How long a link can be spent, in ms. Codes that are mailed live at most 24 hours (SP 800-63B-4 3.1.2). */
export const linkLifetimeMs: Record<LinkPurpose, number> = {
  register: day,
  'verify-email': day,
  'change-email': hour,
  'undo-email-change': 7 * day,
  'reset-password': 30 * minute,
  invitation: 7 * day,
  owner: hour,
};

/** How long the browser that spent a link may ask again. */
const againMs = 10 * minute;

export type OneTimeLink = {
  /** The account that it was made for; undefined while there is none. */
  account: string | undefined;
  /** Of the account when it was made; undefined where the link holds whatever the epoch. */
  epoch: number | undefined;
  /** The address that it was made for, as it was written. */
  email: string;
  /** What else is to be known when it is spent. */
  payload: Record<string, unknown>;
  /** ms since the epoch */
  madeAt: number;
};

export type NewLink = Omit<OneTimeLink, 'madeAt' | 'payload'> & {
  purpose: LinkPurpose;
  /** A new link ends the older ones of the same purpose and subject. An account id, or a normalised address. */
  subject: string;
  payload?: Record<string, unknown>;
  /** Default: that of the purpose, and never longer. */
  lifetimeMs?: number;
  /** Makes the same link from the same seed, for a flow that may run again. Never something from outside. */
  seed?: string;
};

/** superseded: a newer one was made; spent: by another browser, or for another thing; gone: ran out, or never was. */
export type LinkProblem = 'gone' | 'superseded' | 'spent';

export type OneTimeLinks = {
  /** @returns the token that the link carries: 66 characters, base64url and one dot */
  make(link: NewLink): Promise<string>;
  /**
   * For the page that the link leads to; spends nothing.
   * @param browser who asks: then a link that this browser spent is still its own
   */
  look(
    purpose: LinkPurpose,
    token: string,
    browser?: string,
  ): Promise<{ ok: true; link: OneTimeLink; isSpent: boolean } | { ok: false; problem: LinkProblem }>;
  /**
   * By POST alone: a mail scanner follows links.
   * @param use.browser a secret of the browser, from a cookie; empty for none, which then cannot ask again
   * @param use.what all that the person chose; asking again works for the same alone
   */
  spend(
    purpose: LinkPurpose,
    token: string,
    use: { browser: string; what: string },
  ): Promise<
    | { ok: true; link: OneTimeLink; completion: string; isAgain: boolean }
    | { ok: false; problem: LinkProblem }
  >;
  /** Ends the link of a purpose and subject, if there is one. */
  end(purpose: LinkPurpose, subject: string): Promise<void>;
};

const tokenPattern = /^([\w-]{22})\.[\w-]{43}$/;

export function createOneTimeLinks({ store, ring }: { store: Store; ring: KeyRing }): OneTimeLinks {
  const recordOf = (purpose: LinkPurpose, subject: string) => ring.hash('link', `${purpose}\n${subject}`);
  const secretHash = (purpose: LinkPurpose, token: string) =>
    ring.hash('link-secret', `${purpose}\n${token}`);
  const browserHash = (browser: string) => (browser === '' ? '' : ring.hash('link-browser', browser));

  function open(purpose: LinkPurpose, record: string, sealed: string): OneTimeLink {
    return JSON.parse(ring.open('link', `${purpose}\n${record}`, sealed)) as OneTimeLink;
  }

  return {
    async make({ purpose, subject, seed, account, epoch, email, payload = {}, lifetimeMs }) {
      const record = recordOf(purpose, subject);
      const secret =
        seed === undefined
          ? randomText(32)
          : createHmac('sha256', ring.key('link-seed')).update(`${purpose}\n${seed}`).digest('base64url');
      const token = `${record}.${secret}`;
      const content = JSON.stringify({ account, epoch, email, payload, madeAt: nowMs() });
      const key = store.keys.link(record);
      await store.run(
        'link-make',
        [key],
        [
          secretHash(purpose, token),
          ring.seal('link', `${purpose}\n${record}`, content),
          Math.min(lifetimeMs ?? linkLifetimeMs[purpose], linkLifetimeMs[purpose]),
        ],
      );
      await store.settle(key);
      return token;
    },

    async look(purpose, token, browser = '') {
      const record = tokenPattern.exec(token)?.[1];
      const fields = record === undefined ? undefined : await store.read(store.keys.link(record));
      if (record === undefined || !fields) return { ok: false, problem: 'gone' };
      if (fields.secret !== secretHash(purpose, token)) return { ok: false, problem: 'superseded' };
      const isSpent = fields.completion !== undefined;
      if (isSpent && (browser === '' || fields.browser !== browserHash(browser))) {
        return { ok: false, problem: 'spent' };
      }
      return { ok: true, link: open(purpose, record, fields.content ?? ''), isSpent };
    },

    async spend(purpose, token, { browser, what }) {
      const record = tokenPattern.exec(token)?.[1];
      if (record === undefined) return { ok: false, problem: 'gone' };
      const key = store.keys.link(record);
      const [result, completion = '', content = '', isAgain] = (await store.run(
        'link-spend',
        [key],
        [
          secretHash(purpose, token),
          randomText(16),
          browserHash(browser),
          // Together with the token, which is not in Redis: a password cannot be tried on this hash.
          ring.hash('link-what', `${token}\n${what}`),
          againMs,
        ],
      )) as [LinkProblem | 'ok', string?, string?, number?];
      if (result !== 'ok') return { ok: false, problem: result };
      await store.settle(key);
      return { ok: true, link: open(purpose, record, content), completion, isAgain: isAgain === 1 };
    },

    async end(purpose, subject) {
      const key = store.keys.link(recordOf(purpose, subject));
      await store.call('DEL', key);
      await store.settle(key);
    },
  };
}

/** Whether the account is as it was when the link was made for it. */
export function isStillBound(link: OneTimeLink, account: Account | undefined): account is Account {
  return (
    account !== undefined &&
    account.id === link.account &&
    account.status === 'active' &&
    account.email === link.email &&
    (link.epoch === undefined || account.epoch === link.epoch)
  );
}
