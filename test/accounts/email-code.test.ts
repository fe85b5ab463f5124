import { expect } from 'chai';
import { letExpire } from './account-fixture.ts';
import { type FactorFixture, openFactors } from './factor-fixture.ts';

describe('codes by e-mail', () => {
  let fixture: FactorFixture;
  let account: string;

  before(async () => {
    fixture = await openFactors();
  });
  after(() => fixture?.close());
  beforeEach(async () => {
    account = await fixture.account();
  });

  async function begin(context = 'interaction', of = account): Promise<string> {
    const begun = await fixture.factors.emailCodes.begin(of, context);
    if (!begun.ok) throw new Error(begun.problem);
    return begun.code;
  }
  const verify = (code: string, context = 'interaction', of = account) =>
    fixture.factors.emailCodes.verify(of, context, code);
  const other = (code: string) => String((Number(code) + 1) % 1e8).padStart(8, '0');
  const expired = { ok: false, problem: 'expired' };

  it('are eight digits, good once, for ten minutes', async () => {
    const begun = await fixture.factors.emailCodes.begin(account, 'interaction');
    if (!begun.ok) throw new Error(begun.problem);
    expect(begun.code).to.match(/^\d{8}$/);
    expect(begun.expiresAt - fixture.now()).to.be.within(9 * 60_000, 10 * 60_000);
    expect(await verify(begun.code.replace(/^(....)/, '$1 '))).to.deep.equal({ ok: true });
    expect(await verify(begun.code)).to.deep.equal(expired);
  });

  it('expire', async () => {
    const code = await begin();
    const { store } = fixture;
    const keys = (await store.call('KEYS', `*${account}}:once:*`)) as string[];
    for (const key of keys) expect(await store.call('PTTL', key)).to.be.within(1, 60 * 60_000);
    const [own] = await Promise.all(
      keys.map(async (key) => ((await store.call('TYPE', key)) === 'hash' ? [key] : [])),
    ).then((found) => found.flat());
    expect(await store.call('PTTL', own ?? '')).to.be.within(9 * 60_000, 10 * 60_000);
    await letExpire(store, [own ?? '']);
    expect(await verify(code)).to.deep.equal(expired);
  });

  it('are taken once, be one tried twenty times at once', async () => {
    const code = await begin();
    const outcomes = await fixture.atOnce(({ emailCodes }) =>
      emailCodes.verify(account, 'interaction', code),
    );
    expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
    expect(outcomes.filter(({ ok }) => !ok)).to.deep.equal(Array(19).fill(expired));
  });

  it('can be tried five times, be it twenty at once', async () => {
    const code = await begin();
    const outcomes = await fixture.atOnce(({ emailCodes }) =>
      emailCodes.verify(account, 'interaction', other(code)),
    );
    const left = outcomes.flatMap((one) => (!one.ok && 'triesLeft' in one ? [one.triesLeft] : []));
    expect(left.sort()).to.deep.equal([0, 1, 2, 3, 4]);
    expect(await verify(code)).to.deep.equal(expired);
  });

  it('still count after four wrong tries', async () => {
    const code = await begin();
    for (let tries = 0; tries < 4; tries += 1) await verify(other(code));
    expect(await verify(code)).to.deep.equal({ ok: true });
  });

  it('are bound to their account and context', async () => {
    const stranger = await fixture.account();
    const code = await begin();
    const strangers = await begin('interaction', stranger);
    const elsewhere = await begin('another');
    expect(await verify(code, 'third')).to.deep.equal(expired);
    if (code !== elsewhere) expect(await verify(code, 'another')).to.include({ problem: 'wrong-code' });
    if (code !== strangers) {
      expect(await verify(code, 'interaction', stranger)).to.include({ problem: 'wrong-code' });
    }
    expect(await verify(code)).to.deep.equal({ ok: true });
  });

  it('are void as soon as there is a new one', async () => {
    const before = await begin();
    const after = await begin();
    if (before !== after) expect(await verify(before)).to.include({ problem: 'wrong-code' });
    expect(await verify(after)).to.deep.equal({ ok: true });
  });

  it('are sent ten times an hour to an account, whatever the context, be it twenty at once', async () => {
    const outcomes = await fixture.atOnce(({ emailCodes }, index) => emailCodes.begin(account, `${index}`));
    expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(10);
    const refused = outcomes.find(({ ok }) => !ok);
    expect(refused).to.include({ problem: 'too-many-codes' });
    if (refused?.ok === false) expect(refused.retryAfterSeconds).to.be.within(3500, 3600);
    expect(await fixture.factors.emailCodes.begin(await fixture.account(), '1')).to.include({ ok: true });
  });

  it('cannot be read in Redis or in the log', async () => {
    const code = await begin();
    await verify(other(code));
    expect(await fixture.dump())
      .to.contain(`${account}}:once:`)
      .and.not.to.contain(`"${code}"`);
    expect(await fixture.readLog()).not.to.contain(`"${code}"`);
  });
});
