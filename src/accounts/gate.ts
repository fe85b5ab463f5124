import { Overloaded, Unavailable } from '../errors.ts';

export type Gate = {
  /** Runs the work when its turn comes, first come first served. @throws Unavailable at once when full */
  pass<T>(work: () => Promise<T>): Promise<T>;
  load(): { running: number; waiting: number };
  /** Refuses what waits and what comes; resolves when nothing runs any more. */
  close(): Promise<void>;
};

/**
 * Lets so much work run at once and so much wait, and refuses the rest at once, so that a flood neither takes
 * the memory nor makes everyone wait without end.
 * @param limits busy: what the refusal says in the log
 */
export function createGate(limits: { concurrency: number; queue: number; busy: string }): Gate {
  const { concurrency, queue, busy } = limits;
  if (!Number.isInteger(concurrency) || concurrency < 1 || !Number.isInteger(queue) || queue < 0) {
    throw new RangeError('a gate needs a concurrency of at least 1 and a queue of at least 0');
  }
  const waiting: { start: () => void; refuse: (reason: Unavailable) => void }[] = [];
  const closers: (() => void)[] = [];
  let running = 0;
  let isClosed = false;

  function enter(): Promise<void> | undefined {
    if (isClosed) throw new Unavailable('shutting down', { retryAfterSeconds: 1 });
    if (running < concurrency) {
      running += 1;
      return undefined;
    }
    if (waiting.length >= queue) throw new Overloaded(busy, { retryAfterSeconds: 2 });
    return new Promise((start, refuse) => waiting.push({ start, refuse }));
  }

  /** Hands the place on without giving it up, so that nobody who just came slips in between. */
  function leave(): void {
    const next = waiting.shift();
    if (next) {
      next.start();
      return;
    }
    running -= 1;
    if (isClosed && running === 0) for (const closed of closers) closed();
  }

  return {
    async pass(work) {
      await enter();
      try {
        return await work();
      } finally {
        leave();
      }
    },
    load: () => ({ running, waiting: waiting.length }),
    close() {
      isClosed = true;
      for (const { refuse } of waiting.splice(0)) {
        refuse(new Unavailable('shutting down', { retryAfterSeconds: 1 }));
      }
      return running === 0 ? Promise.resolve() : new Promise((closed) => closers.push(closed));
    },
  };
}
