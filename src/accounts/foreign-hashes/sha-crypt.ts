import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type ForeignScheme, isSame } from './foreign-hash.ts';

const form = /^\$([56])\$(?:rounds=(\d{4,9})\$)?([./\x21-\x23\x25-\x7e]{1,16})\$([./0-9A-Za-z]+)$/;
/** About two seconds; what passlib makes by default has up to 656,000. */
const mostRounds = 1_000_000;
const leastRounds = 1000;
const usualRounds = 5000;
const lengths: Record<string, number> = { 5: 43, 6: 86 };

export type ShaCryptQuestion = { password: string; digest: string; salt: string; rounds: number };

/** `$5$` and `$6$`, SHA-256 and SHA-512 as in /etc/shadow. */
export const shaCrypt: ForeignScheme = {
  read(stored) {
    const [, kind = '', roundsText, salt = '', hash = ''] = form.exec(stored) ?? [];
    if (hash.length === 0 || hash.length !== lengths[kind]) return undefined;
    const rounds = roundsText === undefined ? usualRounds : Number(roundsText);
    // What is fewer is raised by those who make them, and so never written.
    if (rounds < leastRounds) return undefined;
    const digest = kind === '5' ? 'sha256' : 'sha512';
    return {
      scheme: `${digest}-crypt`,
      isTooCostly: rounds > mostRounds,
      async matches(password) {
        const found = await digestInThread({ password, digest, salt, rounds });
        return isSame(Buffer.from(found), Buffer.from(hash));
      },
    };
  },
};

/** Node has no such thing in its pool, and thousands of digests in a row would hold up everybody else. */
async function digestInThread(question: ShaCryptQuestion): Promise<string> {
  const worker = new Worker(new URL('./sha-crypt-worker.ts', import.meta.url), {
    env: {},
    execArgv: [],
    workerData: question,
  });
  try {
    const [found] = await once(worker, 'message');
    return String(found);
  } finally {
    await worker.terminate();
  }
}
