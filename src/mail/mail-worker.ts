import { Unavailable } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ComposedMail } from './compose.ts';
import type { Mail } from './mail-kinds.ts';
import type { Claimed, OutboxStore } from './outbox-store.ts';
import type { Sent, Smtp } from './smtp.ts';

export type WorkerTimes = {
  /** Between two looks at the outbox while nothing is due. */
  pollMs: number;
  leaseMs: number;
  /** The wait after the first failure; doubled after each further one, up to the longest. */
  firstRetryMs: number;
  longestRetryMs: number;
};

/** Sends what is due, in each pod. At least once: a mail leaves the outbox only when the server has taken it. */
export type MailWorker = {
  start(): void;
  /** Looks at the outbox now. */
  wake(): void;
  /** Takes no more, and waits for what is on its way, but no longer than this; another pod will send the rest. */
  close(patienceMs: number): Promise<void>;
};

export function createMailWorker(parts: {
  outbox: OutboxStore;
  compose(mail: Mail): ComposedMail;
  smtp: Smtp;
  /** Mails on their way at once. */
  connections: number;
  times: WorkerTimes;
  log: Log;
}): MailWorker {
  const { outbox, compose, smtp, connections, times, log } = parts;
  const underWay = new Set<Promise<void>>();
  let isClosing = false;
  let isAway = false;
  let running: Promise<void> | undefined;
  // A call of wake between two waits must not be lost: it counts for the next.
  let isWoken = false;
  let endWait = () => {};

  function wake(): void {
    isWoken = true;
    endWait();
  }

  function wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      function done() {
        clearTimeout(timer);
        isWoken = false;
        endWait = () => {};
        resolve();
      }
      endWait = done;
      if (isWoken) done();
    });
  }

  async function work(): Promise<void> {
    while (!isClosing) {
      const free = connections - underWay.size;
      const claimed = free > 0 ? await claim(free) : [];
      for (const one of claimed) {
        const delivery = deliver(one).finally(() => {
          underWay.delete(delivery);
          wake();
        });
        underWay.add(delivery);
      }
      // With room left nothing more is due; without, the next one that is done makes some. Both wake us.
      if (!isClosing) await wait(times.pollMs);
    }
  }

  async function claim(most: number): Promise<Claimed[]> {
    try {
      const claimed = await outbox.claim(most);
      isAway = false;
      return claimed;
    } catch (error) {
      if (!isAway) log.warn({ error }, 'the outbox of mails cannot be read now');
      isAway = true;
      isWoken = false;
      return [];
    }
  }

  async function deliver(claimed: Claimed): Promise<void> {
    try {
      await trySending(claimed);
    } catch (error) {
      // The lease runs out, and the mail is due again.
      const level = error instanceof Unavailable ? 'warn' : 'error';
      log[level]({ mail: claimed.id, error }, 'a mail was left to its next lease');
    }
  }

  /** Keeps others off a mail for as long as the server takes. */
  async function whileHeld<T>(claimed: Claimed, sending: () => Promise<T>): Promise<T> {
    let holding: Promise<unknown> = Promise.resolve();
    const timer = setInterval(() => {
      // When it is lost or cannot be held, the mail may be sent twice: that is allowed, losing it is not.
      holding = outbox.hold(claimed).catch(() => {});
    }, times.leaseMs / 3);
    try {
      return await sending();
    } finally {
      clearInterval(timer);
      await holding;
    }
  }

  async function trySending(claimed: Claimed): Promise<void> {
    const { id } = claimed;
    const stored = await outbox.find(id);
    if (!stored) return outbox.sent(id);
    const { mail, at, tries } = stored;
    const sent = await whileHeld(claimed, () => composeAndSend(mail, id, at));
    if (sent.ok) {
      await outbox.sent(id);
      log.info({ mail: id, kind: mail.kind, tries }, 'mail sent');
      return;
    }
    const outcome = await outbox.failed(claimed, { ...sent, delayMs: retryDelayMs(tries, times) });
    const fields = { mail: id, kind: mail.kind, tries: tries + 1, why: sent.why };
    if (outcome === 'given-up') log.error(fields, 'a mail could not be sent, and was given up');
    else log.warn(fields, 'a mail could not be sent now');
  }

  async function composeAndSend(mail: Mail, id: string, at: number): Promise<Sent> {
    let composed: ComposedMail;
    try {
      composed = compose(mail);
    } catch (error) {
      log.error({ mail: id, kind: mail.kind, error }, 'a mail cannot be composed by this version');
      return { ok: false, hopeless: false, why: 'cannot be composed' };
    }
    return smtp.send(composed, id, at);
  }

  return {
    start() {
      running ??= work();
    },
    wake,
    async close(patienceMs) {
      isClosing = true;
      endWait();
      await running;
      if (underWay.size === 0) return;
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, patienceMs);
      });
      await Promise.race([Promise.all(underWay), patience]);
      clearTimeout(timer);
    },
  };
}

/** Doubles with each failure; half of it is chance, so that many mails do not come back all at once. */
export function retryDelayMs(
  tries: number,
  times: Pick<WorkerTimes, 'firstRetryMs' | 'longestRetryMs'>,
): number {
  const full = Math.min(times.longestRetryMs, times.firstRetryMs * 2 ** Math.min(tries, 30));
  return full / 2 + Math.random() * (full / 2);
}
