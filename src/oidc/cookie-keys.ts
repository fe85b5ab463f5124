import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';

/**
 * Signs cookies, in the shape that Koa's cookies want (Keygrip): HMAC-SHA256, the first key signs, all are
 * accepted. `index` is -1 for a signature that none of the keys made.
 */
export type CookieKeys = {
  sign(data: string): string;
  verify(data: string, signature: string): boolean;
  index(data: string, signature: string): number;
};

export function createCookieKeys(secrets: Buffer[]): CookieKeys {
  const keys = secrets.map((secret) => createSecretKey(secret));
  const [current] = keys;
  if (!current) throw new RangeError('cookies need at least one key');

  const mac = (key: KeyObject, data: string) => createHmac('sha256', key).update(data).digest();
  const index = (data: string, signature: string) => {
    const given = Buffer.from(signature, 'base64url');
    return keys.findIndex((key) => {
      const expected = mac(key, data);
      return expected.length === given.length && timingSafeEqual(expected, given);
    });
  };

  return {
    sign: (data) => mac(current, data).toString('base64url'),
    verify: (data, signature) => index(data, signature) !== -1,
    index,
  };
}
