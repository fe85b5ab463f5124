/**
 * Owns the mails that go to people: what each one says and looks like, the outbox in Redis that none is lost
 * from, and the handing over to an SMTP server by whichever pod comes first. At least once: a pod that dies at
 * the wrong moment leaves a mail to be sent again, under the same Message-ID.
 *
 * Does not own why a mail is sent, nor the links and codes in it. In local mode without an SMTP server mails
 * are kept to be looked at; the page that shows them is not here.
 */
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { type ComposedMail, createComposer } from './compose.ts';
import type { Mail, MailKind } from './mail-kinds.ts';
import { createMailWorker, type WorkerTimes } from './mail-worker.ts';
import { createOutboxStore, type OutboxLook, type OutboxTimes } from './outbox-store.ts';
import { createShownMailStore } from './shown-mail-store.ts';
import { openSmtp, type Sent } from './smtp.ts';

export type { ComposedMail } from './compose.ts';
export type { Mail, MailKind, MailValues } from './mail-kinds.ts';
export { openSmtp } from './smtp.ts';

/** A mail of local mode as it would have been sent; `at` in ms since the epoch. */
export type LocalMail = ComposedMail & { id: string; kind: MailKind; at: number };

/** A mail that was given up, without what it said; times in ms since the epoch. */
export type DeadLetter = { id: string; kind: MailKind; to: string; at: number; tries: number; why: string };

export type Mails = {
  /** False where mails go nowhere; what needs them (registration, recovery) has to be off then. */
  readonly isOn: boolean;
  /**
   * Takes a mail over. It is durable when this resolves, and is sent from then on whatever happens to this pod.
   * Where mails are off nothing happens.
   *
   * @param options.id names what the mail is about, such as `reset:<link>`; however often a mail is enqueued
   *   under one id, it is one mail. Remembered for a week after it was sent.
   * @throws Unavailable: not known whether it was taken; ask again with the same id
   */
  enqueue(mail: Mail, options?: { id?: string }): Promise<void>;
  /** Starts sending. Does nothing where nothing is sent. */
  start(): void;
  /** Stops sending, after a while for what is on its way. */
  close(): Promise<void>;
  /** In local mode, the last mails (at most 50, for a day), the latest first. */
  localMails(count?: number): Promise<LocalMail[]>;
  /** The last mails that were given up (kept for 30 days), the latest first. */
  deadLetters(count?: number): Promise<DeadLetter[]>;
  /** How many wait, and for how long the oldest has. @throws Unavailable */
  waiting(): Promise<OutboxLook>;
  /** Whether the SMTP server takes us; undefined where there is none. Sends nothing. */
  verify(): Promise<Sent | undefined>;
};

export type MailTimes = OutboxTimes & WorkerTimes & { closeMs: number };

const second = 1000;
const day = 24 * 60 * 60 * second;

const defaults: MailTimes = {
  leaseMs: 60 * second,
  giveUpMs: 3 * day,
  keepGivenUpMs: 30 * day,
  keepMarkMs: 7 * day,
  pollMs: second,
  firstRetryMs: 5 * second,
  longestRetryMs: 60 * 60 * second,
  closeMs: 10 * second,
};

const connections = 5;

export function createMail(parts: {
  store: Store;
  ring: KeyRing;
  log: Log;
  config: Pick<Config, 'issuer' | 'mail'>;
  times?: Partial<MailTimes>;
}): Mails {
  const { store, ring, log, config } = parts;
  const { smtp: server, from, allowPlainSmtp, areShown } = config.mail;
  const times = { ...defaults, ...parts.times };
  const compose = createComposer(config.issuer);
  const outbox = createOutboxStore(store, ring, log, times);
  const shown = areShown ? createShownMailStore(store, ring) : undefined;
  const smtp =
    server && from ? openSmtp(server, from, { connections, allowPlain: allowPlainSmtp }) : undefined;
  const worker = smtp ? createMailWorker({ outbox, compose, smtp, connections, times, log }) : undefined;

  return {
    isOn: worker !== undefined || shown !== undefined,

    async enqueue(mail, options = {}) {
      if (!mayReceive(mail.to)) throw new Error('a mail must go to one address');
      if (worker) {
        await outbox.enqueue(mail, options.id);
        worker.wake();
      } else if (shown) {
        await shown.keep(mail, options.id);
      } else {
        log.info({ kind: mail.kind }, 'mails are off: this one is not sent');
      }
    },

    start() {
      worker?.start();
    },

    async close() {
      await worker?.close(times.closeMs);
      smtp?.close();
    },

    async localMails(count = 50) {
      const mails = shown && count > 0 ? await shown.list(count) : [];
      return mails.map(({ id, mail, at }) => ({ id, kind: mail.kind, at, ...compose(mail) }));
    },

    async deadLetters(count = 50) {
      const mails = count > 0 ? await outbox.listGivenUp(count) : [];
      return mails.map(({ mail, ...rest }) => ({ ...rest, kind: mail.kind, to: mail.to }));
    },

    waiting: outbox.look,

    verify: async () => smtp?.verify(),
  };
}

/** One address and nothing else: what an SMTP command or a header could be broken up with is refused. */
function mayReceive(address: string): boolean {
  return address.length <= 320 && /^[^\s\p{C}<>()[\],;:"\\@]+@[^\s\p{C}<>()[\],;:"\\@]+$/u.test(address);
}
