import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import { createCsrf } from '../../src/http/csrf.ts';

const key = Buffer.alloc(32, 1);
const csrf = createCsrf(key);

/** A token as `issue` makes it, but with an expiry of our own. */
function tokenWith(expiresAt: string, binding: string, signedWith = key): string {
  const nonce = 'AAAAAAAAAAAAAAAAAAAAAA';
  const mac = createHmac('sha256', signedWith)
    .update(JSON.stringify([nonce, expiresAt, binding]))
    .digest('base64url');
  return `${nonce}.${expiresAt}.${mac}`;
}
const inSeconds = (seconds: number) => (Math.floor(Date.now() / 1000) + seconds).toString(36);

describe('a form token', () => {
  it('is good for what it was issued for, on every pod that has the key', () => {
    const token = csrf.issue('interaction-1');
    expect(createCsrf(Buffer.from(key)).check(token, 'interaction-1')).to.equal(true);
    expect(csrf.check(token, 'interaction-2')).to.equal(false);
    expect(createCsrf(Buffer.alloc(32, 2)).check(token, 'interaction-1')).to.equal(false);
  });

  it('is another each time, and fits a form field', () => {
    const [one, other] = [csrf.issue('x'), csrf.issue('x')];
    expect(one).to.not.equal(other);
    expect(one).to.match(/^[\w.-]{1,256}$/);
  });

  it('expires after two hours', () => {
    expect(csrf.check(tokenWith(inSeconds(30), 'x'), 'x')).to.equal(true);
    expect(csrf.check(tokenWith(inSeconds(-1), 'x'), 'x')).to.equal(false);
    const expiresAt = Number.parseInt(csrf.issue('x').split('.')[1] ?? '', 36);
    expect(expiresAt - Date.now() / 1000).to.be.within(7195, 7201);
  });

  it('is worth nothing when anything about it was changed', () => {
    const [nonce = '', expiresAt = '', mac = ''] = csrf.issue('x').split('.');
    const flipped = `${mac.startsWith('A') ? 'B' : 'A'}${mac.slice(1)}`;
    for (const token of [
      '',
      '.',
      '..',
      '...',
      'nonsense',
      `${nonce}.${expiresAt}`,
      `${nonce}.${expiresAt}.`,
      `${nonce}.${expiresAt}.${mac}.`,
      `${nonce}.${expiresAt}.${mac.slice(0, -2)}`,
      `${nonce}.${expiresAt}.${flipped}`,
      `${nonce}.${inSeconds(9000)}.${mac}`,
      `${nonce}a.${expiresAt}.${mac}`,
      // The parts must not run into each other.
      `${nonce}${expiresAt}..${mac}`,
      tokenWith('zzzzzzz', 'x', Buffer.alloc(32, 2)),
    ]) {
      expect(csrf.check(token, 'x'), token).to.equal(false);
    }
  });
});
