import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { nowSeconds } from '../clock.ts';

/** Form tokens: bound to what the form belongs to (an interaction, a session), and good for two hours. */
export type Csrf = { issue(binding: string): string; check(token: string, binding: string): boolean };

const lifetimeSeconds = 2 * 60 * 60;

export function createCsrf(key: Buffer): Csrf {
  const mac = (nonce: string, expiresAt: string, binding: string) =>
    createHmac('sha256', key)
      .update(JSON.stringify([nonce, expiresAt, binding]))
      .digest();
  return {
    issue(binding) {
      const nonce = randomBytes(16).toString('base64url');
      const expiresAt = (nowSeconds() + lifetimeSeconds).toString(36);
      return `${nonce}.${expiresAt}.${mac(nonce, expiresAt, binding).toString('base64url')}`;
    },
    check(token, binding) {
      const [nonce = '', expiresAt = '', given = '', ...rest] = token.split('.');
      if (rest.length > 0) return false;
      const expected = mac(nonce, expiresAt, binding);
      const actual = Buffer.from(given, 'base64url');
      if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) return false;
      return Number.parseInt(expiresAt, 36) > nowSeconds();
    },
  };
}
