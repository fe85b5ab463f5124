import { expect } from 'chai';
import { Secret, TOTP } from 'otpauth';
import { type FactorFixture, openFactors } from './factor-fixture.ts';

const stepMs = 30_000;

describe('authenticator apps', () => {
  let fixture: FactorFixture;
  let account: string;

  before(async () => {
    fixture = await openFactors();
  });
  after(() => fixture?.close());
  beforeEach(async () => {
    account = await fixture.account({ hasPassword: true });
    // Near the middle of a step, so that none ends within a test.
    fixture.turnClock(stepMs / 2 - (fixture.now() % stepMs));
  });

  /** The code of the app, so many steps from now. */
  const code = (secret: string, steps = 0) =>
    TOTP.generate({ secret: Secret.fromBase32(secret), timestamp: fixture.now() + steps * stepMs });
  /** Another code than those around now. */
  const wrong = (secret: string) => {
    const near = [-1, 0, 1].map((steps) => code(secret, steps));
    return ['000000', '000001', '000002', '000003'].find((one) => !near.includes(one)) ?? '';
  };

  /** @returns the secret of an app that is a factor, with the clock at a step that is not used yet */
  async function enrol(): Promise<string> {
    const { secret, sealed } = fixture.factors.totp.begin(account, 'ada@example.com');
    const done = await fixture.factors.totp.confirm(account, sealed, code(secret), { name: 'Phone' });
    expect(done).to.include({ ok: true });
    fixture.turnClock(2 * stepMs);
    return secret;
  }

  describe('enrolment', () => {
    it('gives a secret of 160 bits as text, as an address and as a QR code', () => {
      const { secret, uri, qrSvg, expiresAt } = fixture.factors.totp.begin(account, 'ada@example.com');
      expect(Secret.fromBase32(secret).bytes).to.have.lengthOf(20);
      const parsed = new URL(uri);
      expect(parsed.protocol).to.equal('otpauth:');
      expect(Object.fromEntries(parsed.searchParams)).to.deep.equal({
        issuer: 'id.example.com',
        secret,
        algorithm: 'SHA1',
        digits: '6',
        period: '30',
      });
      expect(decodeURIComponent(parsed.pathname)).to.contain('id.example.com:ada@example.com');
      expect(qrSvg).to.match(/^<svg [^>]*viewBox="[^"]+"[^>]*>.*<\/svg>$/s);
      expect(qrSvg).not.to.contain(secret);
      expect(expiresAt - fixture.now()).to.be.within(9 * 60_000, 10 * 60_000);
    });

    it('makes no factor before the first right code', async () => {
      const { secret, sealed } = fixture.factors.totp.begin(account, 'ada@example.com');
      expect(await fixture.factors.totp.confirm(account, sealed, wrong(secret))).to.deep.equal({
        ok: false,
        problem: 'wrong-code',
      });
      expect(await fixture.factors.list(account)).to.deep.equal([]);
      expect(await fixture.factors.totp.verify(account, code(secret))).to.deep.equal({
        ok: false,
        problem: 'wrong-code',
      });

      const again = fixture.factors.totp.resume(account, 'ada@example.com', sealed);
      expect(again?.secret).to.equal(secret);
      const done = await fixture.factors.totp.confirm(account, again?.sealed ?? '', code(secret), {
        name: ' My\tphone ',
      });
      expect(done).to.deep.include({ ok: true, epoch: 0 });
      const [factor] = await fixture.factors.list(account);
      expect(factor).to.include({ kind: 'totp', name: 'My phone', lastUsedAt: undefined });
      expect(factor?.createdAt).to.be.closeTo(fixture.now(), 5000);
    });

    it('ends after ten minutes, and counts for its own account alone', async () => {
      const { secret, sealed } = fixture.factors.totp.begin(account, 'ada@example.com');
      const other = await fixture.account();
      const expired = { ok: false, problem: 'expired' };
      expect(await fixture.factors.totp.confirm(other, sealed, code(secret))).to.deep.equal(expired);
      expect(await fixture.factors.totp.confirm(account, 'nonsense', code(secret))).to.deep.equal(expired);
      fixture.turnClock(10 * 60_000 + 1);
      expect(await fixture.factors.totp.confirm(account, sealed, code(secret))).to.deep.equal(expired);
      expect(fixture.factors.totp.resume(account, 'ada@example.com', sealed)).to.equal(undefined);
    });

    it('makes one factor of twenty confirmations at once, and all of them hear of it', async () => {
      const { secret, sealed } = fixture.factors.totp.begin(account, 'ada@example.com');
      const outcomes = await fixture.atOnce(({ totp }) =>
        totp.confirm(account, sealed, code(secret), { endsSessions: true }),
      );
      expect(outcomes.every(({ ok }) => ok)).to.equal(true);
      expect(await fixture.factors.list(account)).to.have.lengthOf(1);
      expect(await fixture.epoch(account)).to.equal(1);
    });

    it('does not bring back a factor that was removed', async () => {
      const { secret, sealed } = fixture.factors.totp.begin(account, 'ada@example.com');
      await fixture.factors.totp.confirm(account, sealed, code(secret));
      const [factor] = await fixture.factors.list(account);
      expect(await fixture.factors.remove(account, factor?.id ?? '')).to.deep.equal({ ok: true, epoch: 0 });
      expect(await fixture.factors.totp.confirm(account, sealed, code(secret))).to.deep.equal({
        ok: false,
        problem: 'expired',
      });
      expect(await fixture.factors.list(account)).to.deep.equal([]);
    });

    it('is refused for an account that is disabled', async () => {
      const { secret, sealed } = fixture.factors.totp.begin(account, 'ada@example.com');
      await fixture.accounts.setStatus(account, 'disabled');
      expect(await fixture.factors.totp.confirm(account, sealed, code(secret))).to.deep.equal({
        ok: false,
        problem: 'account-gone',
      });
    });
  });

  describe('at sign-in', () => {
    it('takes the code of this step and of those beside it, written with a space as well', async () => {
      for (const steps of [-1, 0, 1]) {
        const secret = await enrol();
        const typed = code(secret, steps).replace(/^(...)/, '$1 ');
        expect(await fixture.factors.totp.verify(account, typed), `${steps}`).to.deep.include({ ok: true });
      }
      const [factor] = await fixture.factors.list(account);
      expect(factor?.lastUsedAt).to.be.a('number');
    });

    it('refuses codes further away, and what is no code', async () => {
      const secret = await enrol();
      for (const typed of [code(secret, -2), code(secret, 2), wrong(secret), '', '12345', 'abcdef']) {
        expect(await fixture.factors.totp.verify(account, typed), typed).to.deep.equal({
          ok: false,
          problem: 'wrong-code',
        });
      }
    });

    it('takes a code once, be it tried twenty times at once', async () => {
      const secret = await enrol();
      const outcomes = await fixture.atOnce(({ totp }) => totp.verify(account, code(secret)));
      expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
      const refused = outcomes.filter(({ ok }) => !ok);
      expect(refused).to.deep.equal(Array(19).fill({ ok: false, problem: 'used-code' }));
    });

    it('takes no step before the last that was used', async () => {
      const secret = await enrol();
      expect(await fixture.factors.totp.verify(account, code(secret, 1))).to.include({ ok: true });
      for (const steps of [-1, 0, 1]) {
        expect(await fixture.factors.totp.verify(account, code(secret, steps)), `${steps}`).to.deep.equal({
          ok: false,
          problem: 'used-code',
        });
      }
      fixture.turnClock(stepMs);
      expect(await fixture.factors.totp.verify(account, code(secret, 1))).to.include({ ok: true });
    });

    it('does not take the code that confirmed the enrolment', async () => {
      const { secret, sealed } = fixture.factors.totp.begin(account, 'ada@example.com');
      await fixture.factors.totp.confirm(account, sealed, code(secret));
      expect(await fixture.factors.totp.verify(account, code(secret))).to.deep.equal({
        ok: false,
        problem: 'used-code',
      });
    });

    it('tells several apps of an account apart', async () => {
      const secrets = [await enrol(), await enrol()];
      const apps = await fixture.factors.list(account);
      for (const [index, secret] of secrets.entries()) {
        expect(await fixture.factors.totp.verify(account, code(secret))).to.deep.equal({
          ok: true,
          factorId: apps[index]?.id,
        });
      }
    });
  });

  it('leaves no secret readable in Redis or in the log', async () => {
    const secret = await enrol();
    await fixture.factors.totp.verify(account, code(secret));
    const bytes = Buffer.from(Secret.fromBase32(secret).bytes);
    for (const text of [await fixture.dump(), await fixture.readLog()]) {
      expect(text).to.contain(account);
      for (const form of [
        secret,
        bytes.toString('hex'),
        bytes.toString('base64'),
        bytes.toString('base64url'),
      ]) {
        expect(text).not.to.contain(form);
      }
    }
  });
});
