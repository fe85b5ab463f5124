import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { createVault } from '../../src/redis/vault.ts';

const key = (id: string) => ({ id, secret: randomBytes(32) });

describe('the vault', () => {
  it('opens what it sealed, and shows nothing of it', () => {
    const vault = createVault([key('a')]);
    const sealed = vault.seal('totp', 'account-1', 'a seed');
    expect(sealed).to.not.include('seed');
    expect(vault.open('totp', 'account-1', sealed)).to.equal('a seed');
  });

  it('never seals the same text to the same bytes', () => {
    const vault = createVault([key('a')]);
    expect(vault.seal('p', 'r', 'text')).to.not.equal(vault.seal('p', 'r', 'text'));
  });

  it('does not open for another record or another purpose', () => {
    const vault = createVault([key('a')]);
    const sealed = vault.seal('totp', 'account-1', 'a seed');
    expect(() => vault.open('totp', 'account-2', sealed)).to.throw();
    expect(() => vault.open('reset', 'account-1', sealed)).to.throw();
  });

  it('does not open what was altered', () => {
    const vault = createVault([key('a')]);
    const sealed = vault.seal('p', 'r', 'text');
    const at = sealed.length - 3;
    const altered = `${sealed.slice(0, at)}${sealed[at] === 'A' ? 'B' : 'A'}${sealed.slice(at + 1)}`;
    expect(() => vault.open('p', 'r', altered)).to.throw();
    expect(() => vault.open('p', 'r', sealed.slice(0, 12))).to.throw();
  });

  it('seals under the first key and opens under all of them', () => {
    const [older, newer] = [key('older'), key('newer')];
    const sealed = createVault([older]).seal('p', 'r', 'text');
    const rotated = createVault([newer, older]);
    expect(rotated.open('p', 'r', sealed)).to.equal('text');
    expect(rotated.isStale(sealed)).to.equal(true);
    expect(rotated.isStale(rotated.seal('p', 'r', 'text'))).to.equal(false);
    expect(() => createVault([newer]).open('p', 'r', sealed)).to.throw('HOLDFAST_KEYS');
  });
});
