import { expect } from 'chai';
import { createTrustedBrowsers } from '../../src/accounts/trusted-browsers.ts';
import { interrupted } from './account-fixture.ts';
import { type FactorFixture, openFactors } from './factor-fixture.ts';

const day = 24 * 60 * 60_000;
const userAgent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

describe('trusted browsers', () => {
  let fixture: FactorFixture;
  let account: string;

  before(async () => {
    fixture = await openFactors();
  });
  after(() => fixture?.close());
  beforeEach(async () => {
    account = await fixture.account();
  });

  async function trust(epoch = 0): Promise<string> {
    const trusted = await fixture.factors.browsers.trust(account, { isStrong: true, epoch, userAgent });
    if (!trusted) throw new Error('not trusted');
    return trusted.cookie;
  }
  const isTrusted = (cookie: string | undefined, of = account) =>
    fixture.factors.browsers.isTrusted(of, cookie, true);

  it('are known by a cookie of 256 random bits, for 30 days', async () => {
    const trusted = await fixture.factors.browsers.trust(account, { isStrong: true, epoch: 0, userAgent });
    expect(trusted?.cookie).to.match(/^[\w-]{43}$/);
    expect(trusted?.expiresAt).to.be.closeTo(fixture.now() + 30 * day, 5000);
    expect(await isTrusted(trusted?.cookie)).to.equal(true);
    expect(await isTrusted(await trust())).to.equal(true);
    fixture.turnClock(30 * day + 1000);
    expect(await isTrusted(trusted?.cookie)).to.equal(false);
    expect(await fixture.factors.browsers.list(account)).to.deep.equal([]);
  });

  it('stand for no factor when they were trusted for a code by mail', async () => {
    const { browsers } = fixture.factors;
    const trusted = await browsers.trust(account, { isStrong: false, epoch: 0, userAgent });
    expect(await browsers.isTrusted(account, trusted?.cookie, false)).to.equal(true);
    expect(await browsers.isTrusted(account, trusted?.cookie, true)).to.equal(false);
  });

  it('are trusted by their own account alone', async () => {
    const cookie = await trust();
    const other = await fixture.account();
    expect(await isTrusted(cookie, other)).to.equal(false);
    for (const value of [undefined, '', 'nonsense', 'A'.repeat(43), `${cookie}A`]) {
      expect(await isTrusted(value)).to.equal(false);
    }
    const { cookieSuffix } = fixture.factors.browsers;
    expect(cookieSuffix(account))
      .to.match(/^[\w-]{22}$/)
      .and.not.to.equal(cookieSuffix(other));
  });

  it('are forgotten when the password changes', async () => {
    const cookie = await trust();
    await fixture.accounts.setPassword(account, 'correct horse battery staple');
    expect(await isTrusted(cookie)).to.equal(false);
    expect(await fixture.factors.browsers.list(account, cookie)).to.deep.equal([]);
  });

  it('are not trusted for an epoch that is over, nor for an account that is disabled', async () => {
    const epoch = (await fixture.epoch(account)) ?? 0;
    expect(
      await fixture.factors.browsers.trust(account, { isStrong: true, epoch: epoch + 1, userAgent }),
    ).to.equal(undefined);
    expect(await fixture.factors.browsers.trust('nobody', { isStrong: true, epoch: 0, userAgent })).to.equal(
      undefined,
    );
    const cookie = await trust();
    const { store } = fixture;
    await store.call('HSET', store.keys.account(account), 'status', 'disabled');
    expect(await isTrusted(cookie)).to.equal(false);
    expect(await fixture.factors.browsers.trust(account, { isStrong: true, epoch, userAgent })).to.equal(
      undefined,
    );
  });

  it('are listed with what they are and when they were seen, the last first', async () => {
    const first = await trust();
    fixture.turnClock(2 * 60 * 60_000);
    const second = await trust();
    const listed = await fixture.factors.browsers.list(account, first);
    expect(listed.map(({ isThis }) => isThis)).to.deep.equal([false, true]);
    expect(listed[0]).to.deep.include({ label: { browser: 'Firefox', system: 'Linux' } });
    expect(Object.keys(listed[0] ?? {})).not.to.include('epoch');

    fixture.turnClock(2 * 60 * 60_000);
    expect(await isTrusted(first)).to.equal(true);
    const seen = await fixture.factors.browsers.list(account, first);
    expect(seen.map(({ isThis }) => isThis)).to.deep.equal([true, false]);
    expect(seen[0]?.lastSeenAt).to.be.closeTo(fixture.now(), 5000);
    expect(seen[0]?.expiresAt).to.equal(listed[1]?.expiresAt);
    expect(await isTrusted(second)).to.equal(true);
  });

  it('can be forgotten, one or all', async () => {
    const cookies = [await trust(), await trust(), await trust()];
    const own = (await fixture.factors.browsers.list(account, cookies[0])).find(({ isThis }) => isThis);
    expect(await fixture.factors.browsers.forget(account, own?.id ?? '')).to.equal(true);
    expect(await fixture.factors.browsers.forget(account, own?.id ?? '')).to.equal(false);
    expect(await Promise.all(cookies.map((cookie) => isTrusted(cookie)))).to.deep.equal([false, true, true]);
    await fixture.factors.browsers.forgetAll(account);
    expect(await Promise.all(cookies.map((cookie) => isTrusted(cookie)))).to.deep.equal([
      false,
      false,
      false,
    ]);
  });

  it('are not brought back by being seen while they are forgotten', async () => {
    const cookie = await trust();
    await trust();
    const own = (await fixture.factors.browsers.list(account, cookie)).find(({ isThis }) => isThis);
    fixture.turnClock(2 * 60 * 60_000);
    const { store, count, sent } = interrupted(fixture.store, 2, async () => {
      await fixture.factors.browsers.forget(account, own?.id ?? '');
    });
    const slow = createTrustedBrowsers({ store, ring: fixture.ring, now: fixture.now });
    await slow.isTrusted(account, cookie, true);
    expect([count(), sent.at(-1)?.command]).to.deep.equal([3, 'commit']);
    expect(await isTrusted(cookie)).to.equal(false);
    expect(await fixture.factors.browsers.list(account)).to.have.lengthOf(1);
  });

  it('are twenty at most, of which the oldest goes, be it twenty at once', async () => {
    const oldest = await trust();
    fixture.turnClock(1000);
    const cookies = await fixture.atOnce(({ browsers }) =>
      browsers.trust(account, { isStrong: true, epoch: 0, userAgent }),
    );
    expect(await fixture.factors.browsers.list(account)).to.have.lengthOf(20);
    expect(await isTrusted(oldest)).to.equal(false);
    for (const trusted of cookies) expect(await isTrusted(trusted?.cookie)).to.equal(true);
  });

  it('leave no cookie readable in Redis', async () => {
    const cookie = await trust();
    expect(await fixture.dump())
      .to.contain(`${account}}:browsers`)
      .and.not.to.contain(cookie);
  });
});
