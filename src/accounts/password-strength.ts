import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Unavailable } from '../errors.ts';
import { createGate } from './gate.ts';
import type { PasswordReason } from './new-password.ts';
import type { StrengthAnswer, StrengthQuestion } from './password-strength-worker.ts';

export type WeaknessOfPassword = Exclude<PasswordReason, 'password-breached'>;

/**
 * What follows is not looked at: the time goes up with the square of the length, and what is hard to guess so far
 * is not easier with more behind it.
 */
const longestLookedAt = 64;
const longestWord = 64;
const mostWords = 60;
const longestCheckMs = 10_000;
const mostWaiting = 50;

/**
 * Asks zxcvbn, in a thread of its own: its lists take a second to load and 90 MB, and a check may take as long as
 * a hash. The thread is there from the first question until none has come for a while.
 * @param options leastGuesses: a password that is found with fewer is weak
 */
export function createPasswordStrength(options: { leastGuesses: number; idleMs?: number }) {
  const { leastGuesses, idleMs = 60_000 } = options;
  const gate = createGate({
    concurrency: 1,
    queue: mostWaiting,
    busy: 'too many passwords are being chosen',
  });
  let worker: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;

  function start(): Worker {
    const started = new Worker(new URL('./password-strength-worker.ts', import.meta.url), {
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 256 },
    });
    // When it fails while nobody asks, the next question begins a new one.
    const forget = () => {
      if (worker === started) worker = undefined;
    };
    return started.on('error', forget).on('exit', forget);
  }

  async function end(): Promise<void> {
    const ended = worker;
    worker = undefined;
    await ended?.terminate();
  }

  async function ask(question: StrengthQuestion): Promise<StrengthAnswer> {
    clearTimeout(idle);
    worker ??= start();
    const asked = worker;
    // It holds the process while something waits for its answer, and only then.
    asked.ref();
    try {
      return await answerOf(asked, question);
    } catch (cause) {
      await end();
      throw new Unavailable('a password could not be looked at', { cause, retryAfterSeconds: 2 });
    } finally {
      asked.unref();
      idle = setTimeout(() => void end(), idleMs);
      idle.unref();
    }
  }

  return {
    /**
     * @param words that it must not be made of
     * @returns undefined when it is not weak
     * @throws Unavailable
     */
    async weaknessOf(password: string, words: string[]): Promise<WeaknessOfPassword | undefined> {
      const known = words.slice(0, mostWords).map((word) => word.slice(0, longestWord));
      const text = password.normalize('NFC').slice(0, longestLookedAt);
      const { guesses, matches } = await gate.pass(() => ask({ text, words: known }));
      if (guesses >= leastGuesses) return undefined;
      if (matches.some(({ pattern, length }) => pattern === 'yours' && length >= 4)) {
        return 'password-like-yours';
      }
      const [largest] = matches.toSorted((a, b) => b.length - a.length);
      if (largest?.pattern === 'repeat') return 'password-repeats';
      if (largest?.pattern === 'order') return 'password-pattern';
      return 'password-too-common';
    },
    isLoaded: () => worker !== undefined,
    async close(): Promise<void> {
      clearTimeout(idle);
      await gate.close();
      await end();
    },
  };
}

async function answerOf(worker: Worker, question: StrengthQuestion): Promise<StrengthAnswer> {
  const settled = new AbortController();
  const { signal } = settled;
  try {
    worker.postMessage(question);
    const answer = once(worker, 'message', {
      signal: AbortSignal.any([signal, AbortSignal.timeout(longestCheckMs)]),
    });
    const ended = once(worker, 'exit', { signal }).then(() => {
      throw new Error('the thread ended');
    });
    const [found] = await Promise.race([answer, ended]);
    return found;
  } finally {
    settled.abort();
  }
}
