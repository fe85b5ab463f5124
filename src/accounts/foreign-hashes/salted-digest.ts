import { createHash } from 'node:crypto';
import { type ForeignScheme, fromBase64, isSame } from './foreign-hash.ts';

export const digestNames = ['md5', 'sha1', 'sha256', 'sha512'] as const;
export type DigestName = (typeof digestNames)[number];
export type SaltPlace = 'salt-first' | 'salt-last';

const form = /^\$digest-(md5|sha1|sha256|sha512)\$(salt-first|salt-last)\$([^$]{0,400})\$([^$]{1,100})$/;

/**
 * One run of a digest over salt and password, as systems of one's own have it. No hash looks like that by itself,
 * so it is taken only where the import says what it is. Broken soon by whoever has the hash, which in Redis is
 * sealed; the first sign-in ends it.
 */
export const saltedDigest: ForeignScheme = {
  read(stored) {
    const [, digest = '', place, saltText = '', hashText = ''] = form.exec(stored) ?? [];
    const salt = saltText === '' ? Buffer.alloc(0) : fromBase64(saltText);
    const hash = fromBase64(hashText);
    if (!salt || !hash) return undefined;
    return {
      scheme: `digest-${digest}`,
      isTooCostly: false,
      async matches(password) {
        const text = Buffer.from(password);
        const parts = place === 'salt-first' ? [salt, text] : [text, salt];
        return isSame(createHash(digest).update(Buffer.concat(parts)).digest(), hash);
      },
    };
  },
};

export function formatSaltedDigest(digest: DigestName, place: SaltPlace, salt: Buffer, hash: Buffer): string {
  const [saltText, hashText] = [salt, hash].map((bytes) => bytes.toString('base64').replaceAll('=', ''));
  return `$digest-${digest}$${place}$${saltText}$${hashText}`;
}
