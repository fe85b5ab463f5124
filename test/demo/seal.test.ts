import { expect } from 'chai';
import { createSealer } from '../../src/demo/seal.ts';

const oldSecret = Buffer.alloc(32, 1).toString('base64url');
const newSecret = Buffer.alloc(32, 2).toString('base64url');

describe('the seal of the demo relying party', () => {
  const sealer = createSealer([oldSecret]);

  it('opens what it sealed and shows nothing of it', async () => {
    const sealed = await sealer.seal('session', 'cookie', { subject: 'ada' }, 60);
    expect(sealed).not.to.include(Buffer.from('ada').toString('base64url'));
    expect(await sealer.open('session', 'cookie', sealed)).to.include({ subject: 'ada' });
  });

  it('does not open for another purpose or in another place', async () => {
    const sealed = await sealer.seal('session', 'cookie', { subject: 'ada' }, 60);
    expect(await sealer.open('login', 'cookie', sealed)).to.equal(undefined);
    expect(await sealer.open('session', 'elsewhere', sealed)).to.equal(undefined);
  });

  it('does not open when any part was changed', async () => {
    const sealed = await sealer.seal('session', 'cookie', { subject: 'ada' }, 60);
    const swap = (character: string) => (character === 'A' ? 'B' : 'A');
    const parts = sealed.split('.');
    for (const [index, part] of parts.entries()) {
      const changed = part === '' ? 'AAAA' : swap(part[0] ?? '') + part.slice(1);
      const forged = parts.map((whole, other) => (other === index ? changed : whole)).join('.');
      expect(await sealer.open('session', 'cookie', forged), `part ${index}`).to.equal(undefined);
    }
    expect(await sealer.open('session', 'cookie', '')).to.equal(undefined);
    expect(await sealer.open('session', 'cookie', 'no.jwe')).to.equal(undefined);
  });

  it('does not open after its lifetime', async () => {
    const sealed = await sealer.seal('session', 'cookie', { subject: 'ada' }, -1);
    expect(await sealer.open('session', 'cookie', sealed)).to.equal(undefined);
  });

  it('rotates: every known key opens, the first one seals, a dropped one is over', async () => {
    const both = createSealer([newSecret, oldSecret]);
    const rotated = createSealer([newSecret]);
    const byOld = await sealer.seal('session', 'cookie', { subject: 'ada' }, 60);
    const byNew = await both.seal('session', 'cookie', { subject: 'ada' }, 60);

    expect(await both.open('session', 'cookie', byOld)).to.include({ subject: 'ada' });
    expect(await rotated.open('session', 'cookie', byNew)).to.include({ subject: 'ada' });
    expect(await sealer.open('session', 'cookie', byNew)).to.equal(undefined);
    expect(await rotated.open('session', 'cookie', byOld)).to.equal(undefined);
  });

  it('refuses to start without a secret or with a weak one', () => {
    expect(() => createSealer([])).to.throw(/at least one/);
    expect(() => createSealer([newSecret, Buffer.alloc(16).toString('base64url')])).to.throw(/32 bytes/);
  });
});
