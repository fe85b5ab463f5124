/**
 * The only user of argon2: makes and checks password hashes, and bounds how many run at once. Those that accounts
 * brought from elsewhere it has foreign-hashes/ check, within the same bound.
 *
 * Parameters are those of OWASP and ASVS 5.0 (appendix C). A hash takes 46 MiB and a thread of libuv's pool,
 * which also serves DNS, files and signatures: without a bound below the pool's size these wait behind hashes.
 * Set-up builds argon2 so that it takes a third of the time (src/set-up/argon2-build.mjs).
 *
 * There is no pepper here. What accounts keep is the hash sealed with a key of the ring, which opens with
 * HOLDFAST_KEYS alone: a copy of Redis without them has no hash to try passwords on, which is all that a pepper
 * gives, and unlike a pepper this key can be replaced without anyone's password.
 */
import { randomBytes } from 'node:crypto';
import argon2 from 'argon2';
import { Unavailable } from '../errors.ts';
import { type Observer, unobserved } from '../observer.ts';
import { isRefusedHash, readForeignHash } from './foreign-hashes/foreign-hashes.ts';
import { createGate } from './gate.ts';

export type PasswordHasher = {
  /**
   * @returns a PHC string
   * @throws Unavailable when too many are waiting, RangeError for a password that `fitPassword` refuses
   */
  hash(password: string): Promise<string>;
  /**
   * @param stored a PHC string of argon2, or what `readForeignHash` reads; any other, and one that would take
   *   too much time or memory, matches nothing, after the same work
   * @returns isStale when it was made with another algorithm or other parameters than `hash` uses now
   * @throws Unavailable
   */
  verify(stored: string, password: string): Promise<{ matches: boolean; isStale: boolean }>;
  /** The work of `verify` for nothing, so that time does not tell which accounts exist. @throws Unavailable */
  verifyDecoy(password: string): Promise<void>;
  /** How many hashes run and wait now, and how many ran since the start. */
  load(): { running: number; waiting: number; finished: number };
  /** Refuses what waits and what comes; resolves when nothing runs any more. */
  close(): Promise<void>;
};

export type PasswordHasherOptions = {
  /** Hashes at once in this process; less than `poolSize`. */
  concurrency: number;
  /** Hashes that may wait for their turn; more are refused. */
  queue: number;
  /** Threads of libuv's pool (UV_THREADPOOL_SIZE); libuv makes 4 when nothing else is set. */
  poolSize?: number;
};

/** In code points after normalisation. */
export const longestPassword = 1024;

const saltBytes = 32;
const hashBytes = 32;
const parameters = { memoryCost: 46 * 1024, timeCost: 1, parallelism: 1, version: 0x13 };
const readable = /^\$argon2(id|i|d)\$v=(16|19)\$[mtp]=\d{1,8}(,[mtp]=\d{1,8}){2}\$[\w+/]{11,}\$[\w+/]{22,}$/;
/** What a hash from elsewhere may take: 256 MiB, and as much work as four passes over them. */
const mostMemoryCost = 256 * 1024;
const mostWork = 4 * mostMemoryCost;
const mostLanes = 16;

/**
 * The password as it is hashed (NFC, SP 800-63B-4 3.1.1.2), with its length in code points; undefined when it
 * is longer than `longestPassword`. Nothing is ever cut off.
 */
export function fitPassword(password: string): { text: string; length: number } | undefined {
  // Two units for a code point, four code points at most that compose into one; normalising much longer
  // text would take its time.
  if (password.length > longestPassword * 8) return undefined;
  const text = password.normalize('NFC');
  const length = [...text].length;
  return length > longestPassword ? undefined : { text, length };
}

export function createPasswordHasher(
  options: PasswordHasherOptions,
  observer: Pick<Observer, 'hash'> = unobserved,
): PasswordHasher {
  const { concurrency, queue, poolSize = 4 } = options;
  if (concurrency >= poolSize) {
    throw new RangeError(`${concurrency} hashes at once would fill the pool of ${poolSize} threads`);
  }
  const gate = createGate({ concurrency, queue, busy: 'too many passwords are being checked' });
  // Salt and hash are both random: no password matches, and checking one costs what any other costs.
  const decoy = phcString(randomBytes(saltBytes), randomBytes(hashBytes));
  let finished = 0;

  async function work<T>(run: () => Promise<T>): Promise<T> {
    return gate.pass(async () => {
      const startedAt = performance.now();
      let isFailed = true;
      try {
        const result = await run();
        isFailed = false;
        return result;
      } catch (cause) {
        // What was handed over is well-formed, so this is a want of memory or threads.
        throw new Unavailable('a password could not be hashed', { cause, retryAfterSeconds: 2 });
      } finally {
        finished += 1;
        observer.hash(startedAt, isFailed);
      }
    });
  }

  async function check(stored: string, password: string): Promise<boolean> {
    const fitted = fitPassword(password);
    return fitted !== undefined && work(() => argon2.verify(stored, fitted.text));
  }

  async function checkForeign(stored: string, password: string): Promise<boolean> {
    const foreign = readForeignHash(stored);
    const fitted = fitPassword(password);
    if (!foreign || foreign.isTooCostly || !fitted) return false;
    // Others hashed the characters as they were typed.
    const spellings = new Set([fitted.text, password]);
    for (const spelling of spellings) {
      if (await work(() => foreign.matches(spelling))) return true;
    }
    return false;
  }

  return {
    async hash(password) {
      const fitted = fitPassword(password);
      if (!fitted) throw new RangeError('the password is too long to be hashed');
      const salt = randomBytes(saltBytes);
      return work(() =>
        argon2.hash(fitted.text, { ...parameters, type: argon2.argon2id, hashLength: hashBytes, salt }),
      );
    },
    async verify(stored, password) {
      if (mayVerify(stored)) {
        return { matches: await check(stored, password), isStale: isStale(stored) };
      }
      // Besides the work of a hash of ours, which the new hash is when it matches.
      const matches = await checkForeign(stored, password);
      if (!matches) await check(decoy, password);
      return { matches, isStale: true };
    },
    async verifyDecoy(password) {
      await check(decoy, password);
    },
    load: () => ({ ...gate.load(), finished }),
    close: gate.close,
  };
}

/**
 * Whether a stored hash may be taken over from elsewhere: what `verify` could check, and would.
 * @returns the text to store, the same for all ways to write it
 */
export function adoptHash(
  text: string,
):
  | { ok: true; stored: string }
  | { ok: false; problem: 'hash-unknown' | 'hash-too-costly' | 'hash-refused' } {
  // Django puts its own name of the algorithm in front of these two.
  const stored = text.replace(/^(argon2|bcrypt)\$(?=\$|argon2)/, (_, name) => (name === 'argon2' ? '$' : ''));
  if (readable.test(stored)) {
    return mayVerify(stored) ? { ok: true, stored } : { ok: false, problem: 'hash-too-costly' };
  }
  const foreign = readForeignHash(stored);
  if (foreign) return foreign.isTooCostly ? { ok: false, problem: 'hash-too-costly' } : { ok: true, stored };
  return { ok: false, problem: isRefusedHash(stored) ? 'hash-refused' : 'hash-unknown' };
}

function mayVerify(stored: string): boolean {
  if (!readable.test(stored)) return false;
  const parameters = stored.split('$')[3] ?? '';
  const value = (name: string) => Number(new RegExp(`(?:^|,)${name}=(\\d+)`).exec(parameters)?.[1]);
  const [memory, passes, lanes] = [value('m'), value('t'), value('p')];
  return (
    lanes >= 1 &&
    lanes <= mostLanes &&
    passes >= 1 &&
    memory >= 8 * lanes &&
    memory <= mostMemoryCost &&
    memory * passes <= mostWork
  );
}

/** `needsRehash` compares the parameters but not the algorithm. */
function isStale(stored: string): boolean {
  return !stored.startsWith('$argon2id$') || argon2.needsRehash(stored, parameters);
}

function phcString(salt: Buffer, hash: Buffer): string {
  const { memoryCost, timeCost, parallelism, version } = parameters;
  const [saltText, hashText] = [salt, hash].map((bytes) => bytes.toString('base64').replaceAll('=', ''));
  return `$argon2id$v=${version}$m=${memoryCost},t=${timeCost},p=${parallelism}$${saltText}$${hashText}`;
}
