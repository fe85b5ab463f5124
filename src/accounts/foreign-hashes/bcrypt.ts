import { createHash } from 'node:crypto';
import type { ForeignHash, ForeignScheme } from './foreign-hash.ts';

const form = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
/** 2^15 rounds take about two seconds. */
const highestCost = 15;

/** `$2a$`, `$2b$` and `$2y$`, which differ only in what their first implementations got wrong. */
export const bcrypt: ForeignScheme = {
  read: (stored) => readBcrypt(stored, 'bcrypt', (password) => password),
};

/** Of the SHA-256 in hexadecimal, as Django makes it, so that every character counts. */
export function readBcryptSha256(stored: string): ForeignHash | undefined {
  return readBcrypt(stored, 'bcrypt_sha256', (password) =>
    createHash('sha256').update(password).digest('hex'),
  );
}

function readBcrypt(
  stored: string,
  scheme: string,
  prepare: (password: string) => string,
): ForeignHash | undefined {
  const cost = Number(form.exec(stored)?.[1]);
  if (!(cost >= 4 && cost <= 31)) return undefined;
  return {
    scheme,
    isTooCostly: cost > highestCost,
    async matches(password) {
      // Loaded when there is one to check: most providers have none, and it is a binary.
      const { verify } = await import('@node-rs/bcrypt');
      return verify(prepare(password), stored);
    },
  };
}
