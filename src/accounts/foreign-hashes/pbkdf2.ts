import { pbkdf2 as pbkdf2Of } from 'node:crypto';
import { promisify } from 'node:util';
import { type ForeignHash, type ForeignScheme, fromBase64, isSame } from './foreign-hash.ts';

const form =
  /^\$pbkdf2(?:-(sha1|sha256|sha512))?\$(?:i=)?(\d{1,9})(?:,l=(\d{1,4}))?\$([^$]{1,400})\$([^$]{1,400})$/;
/** About a second. */
const mostIterations = 2_000_000;
const derive = promisify(pbkdf2Of);

/** As PHC strings have it (`i=`), and as passlib writes it; without a digest's name it is SHA-1. */
export const pbkdf2: ForeignScheme = {
  read(stored) {
    const [, digest = 'sha1', iterations, length, saltText = '', hashText = ''] = form.exec(stored) ?? [];
    const [salt, hash] = [fromBase64(saltText), fromBase64(hashText)];
    if (!salt || !hash || (length !== undefined && Number(length) !== hash.length)) return undefined;
    return readPbkdf2(digest, Number(iterations), salt, hash);
  },
};

export function readPbkdf2(
  digest: string,
  iterations: number,
  salt: Buffer | string,
  hash: Buffer,
): ForeignHash | undefined {
  if (iterations < 1 || hash.length < 16 || hash.length > 256) return undefined;
  return {
    scheme: `pbkdf2-${digest}`,
    // Each block of output takes all the iterations.
    isTooCostly: iterations * Math.ceil(hash.length / blockLength(digest)) > mostIterations,
    matches: async (password) => isSame(await derive(password, salt, iterations, hash.length, digest), hash),
  };
}

function blockLength(digest: string): number {
  return { sha1: 20, sha256: 32 }[digest] ?? 64;
}

export function formatPbkdf2(
  digest: 'sha1' | 'sha256' | 'sha512',
  iterations: number,
  salt: Buffer,
  hash: Buffer,
): string {
  const [saltText, hashText] = [salt, hash].map((bytes) => bytes.toString('base64').replaceAll('=', ''));
  return `$pbkdf2-${digest}$i=${iterations}$${saltText}$${hashText}`;
}
