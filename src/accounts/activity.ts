/**
 * What happened to an account lately, for its person to look through: the last hundred events of 180 days, sealed,
 * since they say where somebody was. It is no audit trail: it goes with the account, and an event that Redis could
 * not take is lost rather than that what it is about fails.
 *
 * Sign-ins that failed come from anybody. They are counted by the hour, apart from the rest, so that a guesser
 * cannot push out what the person wants to see.
 */
import { Unavailable } from '../errors.ts';
import type { Log } from '../log.ts';
import { randomText } from '../random.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';

export const activityKinds = [
  'signed-in',
  'sign-in-failed',
  'profile-changed',
  'password-changed',
  'factor-added',
  'factor-removed',
  'recovery-codes-made',
  'recovery-code-used',
  'email-changed',
  'session-ended',
  'application-revoked',
  'provider-linked',
  'provider-unlinked',
  'data-downloaded',
] as const;
export type ActivityKind = (typeof activityKinds)[number];

export type ActivityDetails = {
  /** Such as "Firefox, Linux". */
  browser?: string | undefined;
  /** IP address. */
  address?: string | undefined;
  /** What it is about, as the person calls it: a factor, an application, a provider. */
  what?: string | undefined;
};

/** `at` is ms since the epoch; of failed sign-ins the beginning of the hour. */
export type ActivityEntry = ActivityDetails & {
  kind: ActivityKind;
  at: number;
  /** How many sign-ins failed in that hour; 1 for anything else. */
  count: number;
};

export type Activity = {
  /**
   * Never throws for an outage. A failed sign-in is counted; its details are not kept.
   * @param options.id names the event, so that a request that is sent again does not note it twice
   */
  record(
    accountId: string,
    kind: ActivityKind,
    details?: ActivityDetails,
    options?: { id?: string },
  ): Promise<void>;
  /** The latest first; none for an account that does not exist. @throws Unavailable */
  list(accountId: string): Promise<ActivityEntry[]>;
};

type Kept = ActivityDetails & { kind: ActivityKind };

const mostEvents = 100;
const mostHours = 48;
const keepMs = 180 * 24 * 60 * 60_000;
const longestDetail = 200;
const purpose = 'activity';

export function createActivity(parts: { store: Store; ring: KeyRing; log: Log }): Activity {
  const { store, ring, log } = parts;
  const { keys } = store;

  return {
    async record(accountId, kind, details = {}, { id } = {}) {
      const isFailure = kind === 'sign-in-failed';
      const { browser, address, what } = details;
      const kept: Kept = { kind, browser: cut(browser), address: cut(address), what: cut(what) };
      try {
        await store.run(
          'activity-record',
          [keys.account(accountId), keys.accountActivity(accountId)],
          [
            isFailure ? 'failures' : 'event',
            id === undefined ? randomText(12) : ring.hash(purpose, id),
            isFailure ? '' : ring.seal(purpose, accountId, JSON.stringify(kept)),
            mostEvents,
            mostHours,
            keepMs,
          ],
        );
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        log.warn({ account: accountId, kind, reason: error.message }, 'an event was not noted');
      }
    },

    async list(accountId) {
      const fields = (await store.read(keys.accountActivity(accountId))) ?? {};
      const entries = Object.entries(fields).map(([field, value]): ActivityEntry & { field: string } => {
        const [sort, at] = field.split(':');
        if (sort === 'f') return { field, kind: 'sign-in-failed', at: Number(at), count: Number(value) };
        const kept = JSON.parse(ring.open(purpose, accountId, value)) as Kept;
        return { field, ...kept, at: Number(at), count: 1 };
      });
      return entries
        .sort((a, b) => b.at - a.at || (a.field < b.field ? 1 : -1))
        .map(({ field: _, ...entry }) => entry);
    },
  };
}

function cut(text: string | undefined): string | undefined {
  return text?.slice(0, longestDetail) || undefined;
}
