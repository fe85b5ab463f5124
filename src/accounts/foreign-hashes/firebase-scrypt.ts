import { createCipheriv } from 'node:crypto';
import { type ForeignScheme, fromBase64, isSame } from './foreign-hash.ts';
import { deriveScrypt, isScrypt, isTooCostly } from './scrypt.ts';

const form = /^\$firebase-scrypt\$r=(\d{1,3}),m=(\d{1,2})\$([^$]*)\$([^$]+)\$([^$]+)\$([^$]+)$/;

/**
 * Firebase's own: scrypt gives a key, and the hash is the project's signer key encrypted with that. Written as
 * `$firebase-scrypt$r=<rounds>,m=<mem_cost>$<salt separator>$<signer key>$<salt>$<hash>`, the last four in base64.
 */
export const firebaseScrypt: ForeignScheme = {
  read(stored) {
    const [, rounds, memoryCost, separatorText = '', ...texts] = form.exec(stored) ?? [];
    const separator = separatorText === '' ? Buffer.alloc(0) : fromBase64(separatorText);
    const [signerKey, salt, hash] = texts.map(fromBase64);
    if (!separator || !signerKey || !salt || !hash || signerKey.length < 16) return undefined;
    const parameters = { cost: 2 ** Number(memoryCost), blockSize: Number(rounds), parallelism: 1 };
    if (!isScrypt(parameters)) return undefined;
    return {
      scheme: 'firebase-scrypt',
      isTooCostly: isTooCostly(parameters),
      async matches(password) {
        const key = await deriveScrypt(password, Buffer.concat([salt, separator]), 32, parameters);
        const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
        return isSame(Buffer.concat([cipher.update(signerKey), cipher.final()]), hash);
      },
    };
  },
};

/** From what Firebase shows of a project and exports of an account, all in base64. */
export function formatFirebaseScrypt(
  project: { signerKey: string; saltSeparator: string; rounds: number; memoryCost: number },
  account: { salt: string; passwordHash: string },
): string {
  const texts = [project.saltSeparator, project.signerKey, account.salt, account.passwordHash];
  // Firebase exports the alphabet of URLs.
  const plain = texts.map((text) => text.replaceAll('-', '+').replaceAll('_', '/').replaceAll('=', ''));
  return `$firebase-scrypt$r=${project.rounds},m=${project.memoryCost}$${plain.join('$')}`;
}
