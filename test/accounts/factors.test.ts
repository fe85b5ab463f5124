import { expect } from 'chai';
import { Secret, TOTP } from 'otpauth';
import { createFactors } from '../../src/accounts/factors.ts';
import { Unavailable } from '../../src/errors.ts';
import { captureLog } from '../support/captured-log.ts';
import { type FactorFixture, issuer, openFactors } from './factor-fixture.ts';
import { registerPasskey, SoftwarePasskey } from './software-authenticator.ts';

describe('factors', () => {
  let fixture: FactorFixture;

  before(async () => {
    fixture = await openFactors();
  });
  after(() => fixture?.close());

  /** @returns the ids of its passkeys */
  async function addPasskeys(account: string, count: number): Promise<string[]> {
    const ids: string[] = [];
    for (let made = 0; made < count; made += 1) {
      const done = await registerPasskey(fixture.factors.passkeys, account, new SoftwarePasskey(issuer));
      if (!done.ok) throw new Error(done.problem);
      ids.push(done.factor.id);
    }
    return ids;
  }

  async function addApp(account: string): Promise<string> {
    const { totp } = fixture.factors;
    const { secret, sealed } = totp.begin(account, 'ada@example.com');
    const code = TOTP.generate({ secret: Secret.fromBase32(secret), timestamp: fixture.now() });
    const done = await totp.confirm(account, sealed, code);
    if (!done.ok) throw new Error(done.problem);
    return done.factor.id;
  }

  it('are listed together, the oldest first, and by one read', async () => {
    const account = await fixture.account();
    await addApp(account);
    fixture.turnClock(1000);
    await fixture.factors.recoveryCodes.replace(account);
    fixture.turnClock(1000);
    await addPasskeys(account, 1);
    const listed = await fixture.factors.list(account);
    expect(listed.map(({ kind }) => kind)).to.deep.equal(['totp', 'recovery-codes', 'passkey']);
    expect(new Set(listed.flatMap((factor) => Object.keys(factor)))).to.deep.equal(
      new Set(['id', 'kind', 'name', 'createdAt', 'lastUsedAt', 'left', 'isSynced']),
    );
    expect(await fixture.factors.list('nobody')).to.deep.equal([]);
  });

  describe('names', () => {
    it('can be given anew', async () => {
      const account = await fixture.account();
      const [id = ''] = await addPasskeys(account, 1);
      expect(await fixture.factors.rename(account, id, '  Ada’s   laptop ')).to.deep.equal({ ok: true });
      expect((await fixture.factors.list(account))[0]?.name).to.equal('Ada’s laptop');
    });

    it('have 60 characters at most, and none that turns the text around them', async () => {
      const account = await fixture.account();
      const [id = ''] = await addPasskeys(account, 1);
      await fixture.factors.rename(account, id, `\u202e${'👩‍💻'.repeat(70)}\n`);
      expect((await fixture.factors.list(account))[0]?.name).to.equal('👩‍💻'.repeat(60));
      for (const name of ['', '  ', '\u0000\u2028']) {
        expect(await fixture.factors.rename(account, id, name)).to.deep.equal({
          ok: false,
          problem: 'name-invalid',
        });
      }
    });

    it('are not given to what is not there', async () => {
      const account = await fixture.account();
      const [theirs = ''] = await addPasskeys(await fixture.account(), 1);
      for (const id of [theirs, 'w:nothing', '', 'r']) {
        expect(await fixture.factors.rename(account, id, 'Phone')).to.deep.equal({
          ok: false,
          problem: 'not-found',
        });
      }
      expect(await fixture.factors.list(account)).to.deep.equal([]);
    });

    it('do not undo what happens to the factor at the same moment', async () => {
      const account = await fixture.account();
      const made = await fixture.factors.recoveryCodes.replace(account);
      if (!made.ok) throw new Error(made.problem);
      await fixture.atOnce<unknown>(({ rename, recoveryCodes }, index) =>
        index < 10
          ? recoveryCodes.spend(account, made.codes[index] ?? '')
          : rename(account, 'r', `Codes ${index}`),
      );
      const [factor] = await fixture.factors.list(account);
      expect(factor).to.include({ kind: 'recovery-codes', left: 0 });
      expect(factor?.name).to.match(/^Codes 1\d$/);
    });
  });

  describe('removal', () => {
    it('takes one factor, and ends sessions when that is asked for', async () => {
      const account = await fixture.account({ hasPassword: true });
      const app = await addApp(account);
      const [passkey = ''] = await addPasskeys(account, 1);
      expect(await fixture.factors.remove(account, app)).to.deep.equal({ ok: true, epoch: 0 });
      expect((await fixture.factors.list(account)).map(({ id }) => id)).to.deep.equal([passkey]);
      expect(await fixture.factors.remove(account, passkey, { endsSessions: true })).to.deep.equal({
        ok: true,
        epoch: 1,
      });
      expect(await fixture.epoch(account)).to.equal(1);
      expect(await fixture.factors.remove(account, passkey)).to.deep.equal({
        ok: false,
        problem: 'not-found',
      });
    });

    it('takes no factor of another account', async () => {
      const account = await fixture.account();
      const owner = await fixture.account({ hasPassword: true });
      const [theirs = ''] = await addPasskeys(owner, 1);
      expect(await fixture.factors.remove(account, theirs)).to.deep.equal({
        ok: false,
        problem: 'not-found',
      });
      expect(await fixture.factors.list(owner)).to.have.lengthOf(1);
    });

    it('leaves the last passkey of an account without a password, whatever else it has', async () => {
      const account = await fixture.account();
      const app = await addApp(account);
      await fixture.factors.recoveryCodes.replace(account);
      const [passkey = ''] = await addPasskeys(account, 1);
      const lastWayIn = { ok: false, problem: 'last-way-in' };
      expect(await fixture.factors.remove(account, passkey, { endsSessions: true })).to.deep.equal(lastWayIn);
      expect(await fixture.epoch(account)).to.equal(0);
      expect(await fixture.factors.remove(account, app)).to.include({ ok: true });
      expect(await fixture.factors.remove(account, passkey)).to.deep.equal(lastWayIn);
    });

    it('takes the last passkey where a link to another provider leads in, if it is there still', async () => {
      const account = await fixture.account();
      const [passkey = ''] = await addPasskeys(account, 1);
      const { store } = fixture;
      await store.call('HSET', store.keys.accountUpstreams(account), 'linked', '{}');
      const remove = (...otherWaysIn: string[]) => fixture.factors.remove(account, passkey, { otherWaysIn });
      expect(await remove()).to.include({ problem: 'last-way-in' });
      expect(await remove('unlinked')).to.include({ problem: 'last-way-in' });
      expect(await remove('unlinked', 'linked')).to.include({ ok: true });
    });

    it('leaves one of the last two passkeys, be they removed twenty times at once', async () => {
      const account = await fixture.account();
      const ids = await addPasskeys(account, 2);
      const outcomes = await fixture.atOnce(({ remove }, index) => remove(account, ids[index % 2] ?? ''));
      expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
      const problems = new Set(outcomes.flatMap((one) => (one.ok ? [] : [one.problem])));
      expect(problems).to.include('last-way-in');
      expect(await fixture.factors.list(account)).to.have.lengthOf(1);
    });
  });

  it('are not said to be added, used or removed before that is durable', async () => {
    const account = await fixture.account({ hasPassword: true });
    const [first = '', second = ''] = await addPasskeys(account, 2);
    const codes = await fixture.factors.recoveryCodes.replace(account);
    const mailed = await fixture.factors.emailCodes.begin(account, 'mailed');
    const trusted = await fixture.factors.browsers.trust(account, {
      isStrong: true,
      epoch: 0,
      userAgent: '',
    });
    const [browser] = await fixture.factors.browsers.list(account);
    if (!codes.ok || !mailed.ok || !trusted || !browser) throw new Error('not made');

    const { ring, now } = fixture;
    const { log } = captureLog();
    const settle = () => Promise.reject(new Unavailable('too few copies'));
    const store = { ...fixture.store, settle };
    const short = createFactors({ store, ring, log, config: { issuer }, now });
    const enrolment = short.totp.begin(account, 'ada@example.com');
    const secret = Secret.fromBase32(enrolment.secret);
    const works: Record<string, () => Promise<unknown>> = {
      'passkey added': () => registerPasskey(short.passkeys, account, new SoftwarePasskey(issuer)),
      'app added': () =>
        short.totp.confirm(account, enrolment.sealed, TOTP.generate({ secret, timestamp: now() })),
      'app used': () => short.totp.verify(account, TOTP.generate({ secret, timestamp: now() + 30_000 })),
      'code spent': () => short.recoveryCodes.spend(account, codes.codes[0] ?? ''),
      'codes replaced': () => short.recoveryCodes.replace(account),
      'code mailed': () => short.emailCodes.begin(account, 'context'),
      'code wrong': () => short.emailCodes.verify(account, 'mailed', 'wrong'),
      'code right': () => short.emailCodes.verify(account, 'mailed', mailed.code),
      'browser trusted': () => short.browsers.trust(account, { isStrong: true, epoch: 0, userAgent: '' }),
      'browser forgotten': () => short.browsers.forget(account, browser.id),
      'browsers forgotten': () => short.browsers.forgetAll(account),
      renamed: () => short.rename(account, first, 'Laptop'),
      removed: () => short.remove(account, second),
    };
    for (const [what, work] of Object.entries(works)) {
      const error = await work().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error, what).to.be.instanceOf(Unavailable);
    }
  });

  it('are added to no account that is gone', async () => {
    const account = await fixture.account();
    const { store } = fixture;
    await store.call('DEL', store.keys.account(account));
    expect(
      await registerPasskey(fixture.factors.passkeys, account, new SoftwarePasskey(issuer)),
    ).to.deep.equal({ ok: false, problem: 'account-gone' });
    expect(await store.call('EXISTS', store.keys.accountFactors(account))).to.equal(0);
  });
});
