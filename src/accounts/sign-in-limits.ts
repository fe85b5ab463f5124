/**
 * The one gate before anything that can be guessed: passwords and codes, and before what costs others something:
 * mails and registrations. Every door and every pod pass the same counters in Redis.
 *
 * An attempt is counted before it is made, in all its counters by one script or in none. It does not own what is
 * tried (accounts.ts, factors.ts), nor which browsers are known. Passkeys cannot be guessed, and do not pass here.
 *
 *   password   per account: five in a row, then waits of 1 s, 2 s, 4 s … 15 min, and after 100 in a row none until
 *              the password is reset (SP 800-63B-4 3.2.2); per address, per block, and overall. Known and unknown
 *              accounts alike. A browser that the account knows counts by itself alone: strangers do not lock its
 *              owner out.
 *   code       per account five in five minutes, whatever the factor; per factor 100 in a row, and then none; a known
 *              browser by itself
 *   mail       per recipient, per address and per block, in an hour
 *   registration   per address and per block, in an hour
 */
import type { Config } from '../config.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { addressBlocks } from './address-blocks.ts';
import { normaliseEmail } from './email.ts';

export type Attempt =
  | { ok: true; ticket: Ticket }
  | {
      ok: false;
      problem: 'too-many-attempts';
      /** Whole seconds, at least 1. */
      retryAfterSeconds: number;
      /** No waiting helps: the limit is lifted by a password reset alone (or for a code, by using another factor). */
      needsReset: boolean;
    };

/** What an attempt was counted in; for `succeeded` or `notMade`, once. */
export type Ticket = {
  readonly counters: readonly { readonly key: string; readonly isOwn: boolean }[];
};

export type PasswordAttempt = {
  /** As it was typed. */
  email: string;
  /** From http/client-address.ts. */
  address: string;
  /** The id of the browser, when the account that has this e-mail address knows it; from accounts' browsers. */
  knownBrowser?: string | undefined;
};

/** Every function throws `Unavailable` when Redis cannot answer: then nothing may be tried. */
export type SignInLimits = {
  /** Before a password is hashed, at every door. */
  password(attempt: PasswordAttempt): Promise<Attempt>;
  /**
   * Before a code is compared.
   * @param of.factor what kind of code; of.knownBrowser as for a password; of.isLong a code with so many bits that no
   *   number of tries helps: it is slowed down and never locked
   */
  code(of: {
    account: string;
    factor: string;
    knownBrowser?: string | undefined;
    isLong?: boolean;
  }): Promise<Attempt>;
  /** Before a mail is sent that anybody can ask for. @param of.address left out when nobody asked from outside */
  mail(of: { email: string; address?: string | undefined }): Promise<Attempt>;
  /**
   * Before a code is mailed to somebody who has shown the password. Apart from the mails that anybody can ask for:
   * strangers would keep the owner out by asking for those.
   */
  codeMail(of: { account: string; address: string }): Promise<Attempt>;
  /** Before a registration is taken, and its mail sent: both are counted. */
  registration(of: { email: string; address: string }): Promise<Attempt>;
  /** The attempt was a good one: the account's count begins anew, and the address's forgets it. */
  succeeded(ticket: Ticket): Promise<void>;
  /** Nothing was tried after all (an outage, a full queue): as if it had not been counted. */
  notMade(ticket: Ticket): Promise<void>;
  /** After a password reset: strangers' failures no longer stand in the owner's way. */
  lift(email: string): Promise<void>;
};

type Window = { kind: 'window'; most: number; lengthMs: number };
type Delays = {
  kind: 'delays';
  free: number;
  firstMs: number;
  longestMs: number;
  most: number;
  lifetimeMs: number;
};
type Rule = Window | Delays;

export type LimitRules = Record<'password' | 'codeFactor', Delays> &
  Record<
    | 'code'
    | 'mail'
    | `${'password' | 'mail' | 'registration'}Address`
    | `${'password' | 'mail' | 'registration'}Block`,
    Window
  >;

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * `delays.lifetimeMs` counts from the last attempt. It is long, since failures in a row are meant to be counted
 * over any time; it bounds what a flood of made-up addresses leaves in Redis.
 */
export const defaultRules: LimitRules = {
  password: {
    kind: 'delays',
    free: 5,
    firstMs: second,
    longestMs: 15 * minute,
    most: 100,
    lifetimeMs: 30 * day,
  },
  passwordAddress: { kind: 'window', most: 100, lengthMs: hour },
  passwordBlock: { kind: 'window', most: 1000, lengthMs: hour },
  code: { kind: 'window', most: 5, lengthMs: 5 * minute },
  codeFactor: { kind: 'delays', free: 100, firstMs: second, longestMs: day, most: 100, lifetimeMs: 90 * day },
  mail: { kind: 'window', most: 5, lengthMs: hour },
  mailAddress: { kind: 'window', most: 30, lengthMs: hour },
  mailBlock: { kind: 'window', most: 300, lengthMs: hour },
  registrationAddress: { kind: 'window', most: 20, lengthMs: hour },
  registrationBlock: { kind: 'window', most: 200, lengthMs: hour },
};

/** `isOwn`: of the account, not of everyone behind an address; it is cleared by success. */
type Counter = { name: string; of: string; rule: Rule; isOwn: boolean };

export function createSignInLimits(parts: {
  store: Store;
  ring: KeyRing;
  config: Pick<Config, 'limits'>;
  rules?: Partial<LimitRules>;
}): SignInLimits {
  const { store, ring, config } = parts;
  const rules: LimitRules = { ...defaultRules, ...parts.rules };
  const overall: Rule = { kind: 'window', most: config.limits.passwordFailuresPerMinute, lengthMs: minute };

  const keyOf = (name: string, of: string) => store.keys.limit(ring.hash('limit', `${name}\n${of}`));

  const own = (name: string, of: string, rule: Rule): Counter => ({ name, of, rule, isOwn: true });
  const shared = (name: string, of: string, rule: Rule): Counter => ({ name, of, rule, isOwn: false });

  function around(name: 'password' | 'mail' | 'registration', address: string): Counter[] {
    const { narrow, wide } = addressBlocks(address);
    const times = (rule: Window) => ({ ...rule, most: rule.most * config.limits.addressFactor });
    return [
      shared(`${name}-address`, narrow, times(rules[`${name}Address`])),
      shared(`${name}-block`, wide, times(rules[`${name}Block`])),
    ];
  }

  async function take(counters: Counter[]): Promise<Attempt> {
    const counted = counters.map(({ name, of, isOwn }) => ({ key: keyOf(name, of), isOwn }));
    const [passes, waitMs = 0, isFinal = 0] = (await store.run(
      'limit-take',
      counted.map(({ key }) => key),
      counters.flatMap(({ rule }) => argumentsOf(rule)),
    )) as number[];
    if (passes === 1) return { ok: true, ticket: { counters: counted } };
    return {
      ok: false,
      problem: 'too-many-attempts',
      retryAfterSeconds: Math.max(1, Math.ceil(waitMs / second)),
      needsReset: isFinal === 1,
    };
  }

  async function settle({ counters }: Ticket, ownCounters: 'clear' | 'back'): Promise<void> {
    const keys = counters.map(({ key }) => key);
    await store.run(
      'limit-settle',
      keys,
      counters.map(({ isOwn }) => (isOwn ? ownCounters : 'back')),
    );
  }

  return {
    password({ email, address, knownBrowser }) {
      const account = nameOf(email);
      if (knownBrowser !== undefined) {
        return take([own('password-browser', `${account}\n${knownBrowser}`, rules.password)]);
      }
      return take([
        own('password', account, rules.password),
        ...around('password', address),
        shared('password-overall', '', overall),
      ]);
    },
    code({ account, factor, knownBrowser, isLong = false }) {
      // A browser that the account knows counts by itself: who has the password does not lock its owner out.
      const who = knownBrowser === undefined ? account : `${account}\n${knownBrowser}`;
      const window = own('code', who, rules.code);
      return take(isLong ? [window] : [window, own('code-factor', `${who}\n${factor}`, rules.codeFactor)]);
    },
    mail: ({ email, address }) =>
      take([
        own('mail', nameOf(email), rules.mail),
        ...(address === undefined ? [] : around('mail', address)),
      ]),
    codeMail: ({ account, address }) =>
      take([own('code-mail', account, rules.mail), ...around('mail', address)]),
    registration: ({ email, address }) =>
      take([
        own('mail', nameOf(email), rules.mail),
        ...around('mail', address),
        ...around('registration', address),
      ]),
    succeeded: (ticket) => settle(ticket, 'clear'),
    notMade: (ticket) => settle(ticket, 'back'),
    async lift(email) {
      await store.run('limit-settle', [keyOf('password', nameOf(email))], ['clear']);
    },
  };
}

/** All spellings of an address are one name; what is no address is one too, so that it tells nothing. */
function nameOf(email: string): string {
  const normalised = normaliseEmail(email);
  return normalised.ok ? normalised.lookup : email.slice(0, 320).trim().toLowerCase();
}

function argumentsOf(rule: Rule): (string | number)[] {
  if (rule.kind === 'window') return [rule.kind, rule.most, rule.lengthMs];
  return [rule.kind, rule.free, rule.firstMs, rule.longestMs, rule.most, rule.lifetimeMs];
}
