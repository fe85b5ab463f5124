import { expect } from 'chai';
import { type FactorFixture, openFactors } from './factor-fixture.ts';

describe('recovery codes', () => {
  let fixture: FactorFixture;
  let account: string;

  before(async () => {
    fixture = await openFactors();
  });
  after(() => fixture?.close());
  beforeEach(async () => {
    account = await fixture.account({ hasPassword: true });
  });

  async function newCodes(): Promise<string[]> {
    const made = await fixture.factors.recoveryCodes.replace(account);
    if (!made.ok) throw new Error(made.problem);
    return made.codes;
  }
  const spend = (code: string, of = account) => fixture.factors.recoveryCodes.spend(of, code);
  const left = async () => {
    const [factor] = await fixture.factors.list(account);
    return factor?.kind === 'recovery-codes' ? factor.left : undefined;
  };
  const wrong = { ok: false, problem: 'wrong-code' };

  it('are ten different ones of 75 bits in groups that can be read aloud', async () => {
    const codes = await newCodes();
    expect(new Set(codes).size).to.equal(10);
    for (const code of codes) expect(code).to.match(/^[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){2}$/);
    expect(await left()).to.equal(10);
  });

  it('are good for one use each, and the number left is told', async () => {
    const [one = '', two = ''] = await newCodes();
    expect(await spend(one)).to.deep.include({ ok: true, left: 9 });
    expect(await spend(one)).to.deep.equal(wrong);
    expect(await spend(two)).to.deep.include({ ok: true, left: 8 });
    expect(await left()).to.equal(8);
    const [factor] = await fixture.factors.list(account);
    expect(factor?.lastUsedAt).to.be.closeTo(fixture.now(), 5000);
  });

  it('are taken once, be one tried twenty times at once', async () => {
    const [code = ''] = await newCodes();
    const outcomes = await fixture.atOnce(({ recoveryCodes }) => recoveryCodes.spend(account, code));
    expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
    expect(outcomes.filter(({ ok }) => !ok)).to.deep.equal(Array(19).fill(wrong));
    expect(await left()).to.equal(9);
  });

  it('are all taken when all ten come at once, twice each', async () => {
    const codes = await newCodes();
    const outcomes = await fixture.atOnce(({ recoveryCodes }, index) =>
      recoveryCodes.spend(account, codes[Math.floor(index / 2)] ?? ''),
    );
    const lefts = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.left] : []));
    expect(lefts.sort()).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await left()).to.equal(0);
    expect(await spend(codes[0] ?? '')).to.deep.equal(wrong);
  });

  it('may be typed in small letters, without dashes, and with the letters that look like digits', async () => {
    const codes = await newCodes();
    const likeDigits = codes.find((code) => /[01]/.test(code)) ?? '';
    const typed = likeDigits.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l');
    if (likeDigits) expect(await spend(typed)).to.include({ ok: true });
    const other = codes.find((code) => code !== likeDigits) ?? '';
    expect(await spend(other.toLowerCase().replaceAll('-', ''))).to.include({ ok: true });
  });

  it('are void as soon as there are new ones', async () => {
    const before = await newCodes();
    const after = await newCodes();
    for (const code of before) expect(await spend(code)).to.deep.equal(wrong);
    expect(await left()).to.equal(10);
    expect(await spend(after[0] ?? '')).to.include({ ok: true });
  });

  it('are one whole set after twenty new ones at once', async () => {
    const sets = await fixture.atOnce(({ recoveryCodes }) => recoveryCodes.replace(account));
    const spent: boolean[] = [];
    for (const set of sets) {
      if (!set.ok) throw new Error(set.problem);
      const outcomes = await Promise.all(set.codes.map((code) => spend(code)));
      const ok = outcomes.filter((outcome) => outcome.ok).length;
      expect(ok).to.be.oneOf([0, 10]);
      spent.push(ok === 10);
    }
    expect(spent.filter(Boolean)).to.have.lengthOf(1);
  });

  it('end sessions when that is asked for, and not otherwise', async () => {
    expect(await fixture.factors.recoveryCodes.replace(account)).to.include({ ok: true, epoch: 0 });
    expect(await fixture.factors.recoveryCodes.replace(account, { endsSessions: true })).to.include({
      ok: true,
      epoch: 1,
    });
    expect(await fixture.epoch(account)).to.equal(1);
  });

  it('open no other account', async () => {
    const [code = ''] = await newCodes();
    const other = await fixture.account();
    await fixture.factors.recoveryCodes.replace(other);
    expect(await spend(code, other)).to.deep.equal(wrong);
    expect(await spend(code, 'nobody')).to.deep.equal(wrong);
    for (const text of ['', '-', 'x'.repeat(10_000)]) expect(await spend(text)).to.deep.equal(wrong);
  });

  it('are made for no account that is gone', async () => {
    expect(await fixture.factors.recoveryCodes.replace('nobody')).to.deep.equal({
      ok: false,
      problem: 'account-gone',
    });
    expect(await fixture.factors.list('nobody')).to.deep.equal([]);
  });

  it('cannot be read in Redis or in the log', async () => {
    const codes = await newCodes();
    await spend(codes[0] ?? '');
    for (const text of [await fixture.dump(), await fixture.readLog()]) {
      expect(text).to.contain(account);
      for (const code of codes) {
        expect(text).not.to.contain(code);
        expect(text).not.to.contain(code.replaceAll('-', ''));
      }
    }
  });
});
