import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';

/**
 * Signs cookies, in the shape that Koa's cookies want (Keygrip): HMAC-SHA256, the first key signs, all are
 * accepted. `index` is -1 for a signature that none of the keys made, and 0 for every other: Koa would sign anew what
 * an older key signed, and that signature would end with the browser's session where the cookie itself does not.
 */
export type CookieKeys = {
  sign(data: string): string;
  verify(data: string, signature: string): boolean;
  index(data: string, signature: string): number;
};

/** @param secrets those that hold now, the one that signs first; the same list as long as they are the same */
export function createCookieKeys(secrets: () => Buffer[]): CookieKeys {
  let made: { of: Buffer[]; keys: KeyObject[] } | undefined;

  function keys(): KeyObject[] {
    const of = secrets();
    if (made?.of !== of) made = { of, keys: of.map((secret) => createSecretKey(secret)) };
    return made.keys;
  }

  const mac = (key: KeyObject, data: string) => createHmac('sha256', key).update(data).digest();

  function verify(data: string, signature: string): boolean {
    const given = Buffer.from(signature, 'base64url');
    return keys().some((key) => {
      const expected = mac(key, data);
      return expected.length === given.length && timingSafeEqual(expected, given);
    });
  }

  return {
    sign(data) {
      const [current] = keys();
      if (!current) throw new RangeError('cookies need at least one key');
      return mac(current, data).toString('base64url');
    },
    verify,
    index: (data, signature) => (verify(data, signature) ? 0 : -1),
  };
}
