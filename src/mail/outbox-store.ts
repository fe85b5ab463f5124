import type { Log } from '../log.ts';
import { randomText } from '../random.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import type { Mail } from './mail-kinds.ts';

/** How long things last, in ms. */
export type OutboxTimes = {
  /** For how long a claimed mail is its worker's own; after that any other takes it. */
  leaseMs: number;
  /** Age at which a mail that cannot be sent is given up. */
  giveUpMs: number;
  /** How long one that was given up is kept. */
  keepGivenUpMs: number;
  /** How long an id that was given from outside is remembered after its mail was sent. */
  keepMarkMs: number;
};

/** A claimed mail. `lease` tells this claim from the next one. */
export type Claimed = { id: string; lease: string };

/** `at` in ms since the epoch, `tries` those that failed. */
export type Stored = { mail: Mail; at: number; tries: number };

export type GivenUp = { id: string; mail: Mail; at: number; tries: number; why: string };

/** The mails in Redis, sealed, by id. Every change of one is a script; times are those of Redis. */
export type OutboxStore = ReturnType<typeof createOutboxStore>;

/** oldestMs: age of the oldest that waits, 0 where none does. */
export type OutboxLook = { waiting: number; givenUp: number; oldestMs: number };

const purpose = 'mail';
const mostLookedAt = 500;

export function createOutboxStore(store: Store, ring: KeyRing, log: Log, times: OutboxTimes) {
  const { keys } = store;
  const [outbox, givenUp] = [keys.outbox(), keys.mailsGivenUp()];

  async function find(id: string): Promise<(Stored & { why: string }) | undefined> {
    const fields = await store.read(keys.mail(id));
    if (fields?.p === undefined) return undefined;
    const mail = JSON.parse(ring.open(purpose, id, fields.p)) as Mail;
    return { mail, at: Number(fields.at), tries: Number(fields.tries), why: fields.why ?? '' };
  }

  return {
    /**
     * Resolves when the mail is as durable as configured.
     * @param givenId of the caller; whatever was enqueued under it before is the same mail
     */
    async enqueue(mail: Mail, givenId: string | undefined): Promise<void> {
      const id = givenId === undefined ? randomText(16) : ring.hash(purpose, givenId);
      const sealed = ring.seal(purpose, id, JSON.stringify(mail));
      await store.run('mail-enqueue', [outbox, keys.mail(id)], [id, sealed, givenId === undefined ? 0 : 1]);
      // Also when it was there already: whoever wrote it may have died before it was durable.
      await store.settle(outbox);
    },

    /** Leases up to this many mails that are due. */
    async claim(most: number): Promise<Claimed[]> {
      const [lease = '', ...ids] = (await store.run(
        'mail-claim',
        [outbox],
        [most, times.leaseMs],
      )) as string[];
      return ids.map((id) => ({ id, lease }));
    },

    /** Lengthens a lease. @returns false when it has passed to another worker */
    async hold(claimed: Claimed): Promise<boolean> {
      const lease = await store.run('mail-hold', [outbox], [claimed.id, claimed.lease, times.leaseMs]);
      if (lease === '') return false;
      claimed.lease = String(lease);
      return true;
    },

    find,

    async sent(id: string): Promise<void> {
      await store.run('mail-sent', [outbox, keys.mail(id), givenUp], [id, times.keepMarkMs]);
    },

    async failed(
      claimed: Claimed,
      failure: { delayMs: number; hopeless: boolean; why: string },
    ): Promise<'again' | 'given-up' | 'lost'> {
      const { id, lease } = claimed;
      const outcome = await store.run(
        'mail-failed',
        [outbox, keys.mail(id), givenUp],
        [
          id,
          lease,
          Math.round(failure.delayMs),
          failure.hopeless ? 1 : 0,
          times.giveUpMs,
          times.keepGivenUpMs,
          failure.why,
        ],
      );
      return outcome as 'again' | 'given-up' | 'lost';
    },

    async look(): Promise<OutboxLook> {
      const [waiting, givenUpCount, oldestMs] = (await store.run(
        'mail-look',
        [outbox, givenUp],
        [keys.mail(''), mostLookedAt],
      )) as [number, number, number];
      return { waiting, givenUp: givenUpCount, oldestMs };
    },

    /** The last mails that could not be sent, the latest first. */
    async listGivenUp(count: number): Promise<GivenUp[]> {
      const ids = (await store.call('ZRANGE', givenUp, 0, count - 1, 'REV')) as string[];
      const found = await Promise.all(
        ids.map(async (id) => {
          try {
            const stored = await find(id);
            return stored ? [{ id, ...stored }] : [];
          } catch (error) {
            log.warn({ mail: id, error }, 'a mail that was given up cannot be opened');
            return [];
          }
        }),
      );
      return found.flat();
    },
  };
}
