import { scrypt as scryptOf } from 'node:crypto';
import { promisify } from 'node:util';
import { type ForeignHash, type ForeignScheme, fromBase64, isSame } from './foreign-hash.ts';

const form = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([^$]{1,200})\$([^$]{1,200})$/;
const mostMemory = 256 * 1024 * 1024;
/** N·r·p: about two seconds. */
const mostWork = 2 ** 22;

export type ScryptParameters = {
  /** N */
  cost: number;
  /** r */
  blockSize: number;
  /** p */
  parallelism: number;
};

/** The PHC string, whose cost is a power of two. */
export const scrypt: ForeignScheme = {
  read(stored) {
    const [, ln, r, p, saltText = '', hashText = ''] = form.exec(stored) ?? [];
    const [salt, hash] = [fromBase64(saltText), fromBase64(hashText)];
    if (!salt || !hash) return undefined;
    const parameters = { cost: 2 ** Number(ln), blockSize: Number(r), parallelism: Number(p) };
    return readScrypt(parameters, salt, hash);
  },
};

export function readScrypt(
  parameters: ScryptParameters,
  salt: Buffer | string,
  hash: Buffer,
): ForeignHash | undefined {
  if (!isScrypt(parameters) || hash.length < 16 || hash.length > 128) return undefined;
  return {
    scheme: 'scrypt',
    isTooCostly: isTooCostly(parameters),
    matches: async (password) => isSame(await deriveScrypt(password, salt, hash.length, parameters), hash),
  };
}

export function isScrypt({ cost, blockSize, parallelism }: ScryptParameters): boolean {
  return Number.isInteger(Math.log2(cost)) && cost > 1 && blockSize > 0 && parallelism > 0;
}

export function isTooCostly({ cost, blockSize, parallelism }: ScryptParameters): boolean {
  return 128 * cost * blockSize > mostMemory || cost * blockSize * parallelism > mostWork;
}

const derive = promisify<string, Buffer | string, number, object, Buffer>(scryptOf);

export function deriveScrypt(
  password: string,
  salt: Buffer | string,
  length: number,
  { cost, blockSize, parallelism }: ScryptParameters,
): Promise<Buffer> {
  // Some more than the table itself: the buffers of p lanes.
  const maxmem = 128 * blockSize * (cost + parallelism) + 1024 * 1024;
  return derive(password, salt, length, { cost, blockSize, parallelization: parallelism, maxmem });
}

/** @returns undefined when the cost is no power of two */
export function formatScrypt(parameters: ScryptParameters, salt: Buffer, hash: Buffer): string | undefined {
  if (!isScrypt(parameters)) return undefined;
  const { cost, blockSize, parallelism } = parameters;
  const [saltText, hashText] = [salt, hash].map((bytes) => bytes.toString('base64').replaceAll('=', ''));
  return `$scrypt$ln=${Math.log2(cost)},r=${blockSize},p=${parallelism}$${saltText}$${hashText}`;
}
