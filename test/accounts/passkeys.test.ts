import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { type FactorFixture, issuer, openFactors } from './factor-fixture.ts';
import { type Algorithm, registerPasskey, SoftwarePasskey, type Twist } from './software-authenticator.ts';

const names = { userName: 'ada@example.com', displayName: 'Ada' };
const notVerified = { ok: false, problem: 'not-verified' };
const expired = { ok: false, problem: 'expired' };
const unknown = { ok: false, problem: 'unknown-passkey' };

describe('passkeys', () => {
  let fixture: FactorFixture;
  let account: string;

  before(async () => {
    fixture = await openFactors();
  });
  after(() => fixture?.close());
  beforeEach(async () => {
    account = await fixture.account();
  });

  async function register(passkey = new SoftwarePasskey(issuer), of = account) {
    const done = await registerPasskey(fixture.factors.passkeys, of, passkey);
    if (!done.ok) throw new Error(done.problem);
    return passkey;
  }

  /** As the first factor. */
  async function signIn(passkey: SoftwarePasskey, twist?: Twist) {
    const { options, sealed } = await fixture.factors.passkeys.beginSignIn('interaction');
    return fixture.factors.passkeys.verify('interaction', { sealed, response: passkey.get(options, twist) });
  }

  /** As the second. */
  async function verify(passkey: SoftwarePasskey, twist?: Twist, of = account) {
    const begun = await fixture.factors.passkeys.beginVerification(of, 'interaction');
    if (!begun) throw new Error('no passkey');
    const response = passkey.get(begun.options, twist);
    return fixture.factors.passkeys.verify('interaction', { sealed: begun.sealed, response });
  }

  describe('registration', () => {
    it('asks for a discoverable key with user verification, for this provider and account', async () => {
      const { options } = await fixture.factors.passkeys.beginRegistration(account, 'c', names);
      expect(options.rp).to.deep.equal({ id: 'id.example.com', name: 'id.example.com' });
      expect(Buffer.from(options.user.id, 'base64url').toString()).to.equal(account);
      expect(options.user).to.include({ name: 'ada@example.com', displayName: 'Ada' });
      expect(Buffer.from(options.challenge, 'base64url')).to.have.lengthOf(32);
      expect(options.attestation).to.equal('none');
      expect(options.authenticatorSelection).to.include({
        residentKey: 'required',
        userVerification: 'required',
      });
      expect(options.pubKeyCredParams.map(({ alg }) => alg)).to.deep.equal([-7, -8, -257]);
      expect(options.excludeCredentials).to.deep.equal([]);
    });

    for (const algorithm of ['ES256', 'EdDSA', 'RS256'] satisfies Algorithm[]) {
      it(`makes a factor of a key for ${algorithm}, which then signs in`, async () => {
        const passkey = new SoftwarePasskey(issuer, { algorithm });
        const done = await registerPasskey(fixture.factors.passkeys, account, passkey);
        expect(done).to.deep.include({ ok: true, epoch: 0 });
        const [factor] = await fixture.factors.list(account);
        expect(factor).to.deep.include({
          kind: 'passkey',
          name: 'Phone',
          isSynced: false,
          lastUsedAt: undefined,
        });
        expect(await signIn(passkey)).to.deep.equal({ ok: true, accountId: account, factorId: factor?.id });
        expect((await fixture.factors.list(account))[0]?.lastUsedAt).to.be.closeTo(fixture.now(), 5000);
      });
    }

    it('tells the browser which passkeys there are', async () => {
      const passkey = await register();
      const { options } = await fixture.factors.passkeys.beginRegistration(account, 'c', names);
      expect(options.excludeCredentials).to.deep.equal([
        { id: passkey.id, type: 'public-key', transports: ['internal', 'hybrid'] },
      ]);
    });

    const wrongs: [string, Twist][] = [
      ['of another origin', { origin: 'https://id.example.com.evil.example' }],
      ['of the same host without TLS', { origin: 'http://id.example.com' }],
      ['for another relying party', { rpId: 'evil.example' }],
      ['to another challenge', { challenge: randomBytes(32).toString('base64url') }],
      ['without user verification', { isUserVerified: false }],
      ['without user presence', { isUserPresent: false }],
      ['from a frame of another site', { crossOrigin: true }],
      ['that is one to a sign-in', { type: 'webauthn.get' }],
    ];
    for (const [what, twist] of wrongs) {
      it(`refuses an answer ${what}`, async () => {
        const done = await registerPasskey(
          fixture.factors.passkeys,
          account,
          new SoftwarePasskey(issuer),
          twist,
        );
        expect(done).to.deep.equal(notVerified);
        expect(await fixture.factors.list(account)).to.deep.equal([]);
      });
    }

    it('refuses what is no answer at all', async () => {
      const { passkeys } = fixture.factors;
      const { options, sealed } = await passkeys.beginRegistration(account, 'c', names);
      const good = new SoftwarePasskey(issuer).create(options);
      const nothings = [
        undefined,
        null,
        'text',
        {},
        { ...good, id: 7 },
        { ...good, response: { ...good.response, attestationObject: 'AAAA' } },
        { ...good, response: { ...good.response, clientDataJSON: 'AAAA' } },
        { ...good, rawId: 'other' },
      ];
      for (const response of nothings) {
        expect(await passkeys.finishRegistration(account, 'c', { sealed, response })).to.deep.equal(
          notVerified,
        );
      }
    });

    it('is bound to its account, its context and ten minutes', async () => {
      const { passkeys } = fixture.factors;
      const other = await fixture.account();
      const { options, sealed } = await passkeys.beginRegistration(account, 'c', names);
      const response = new SoftwarePasskey(issuer).create(options);
      const finish = (of: string, context: string) =>
        passkeys.finishRegistration(of, context, { sealed, response });
      expect(await finish(other, 'c')).to.deep.equal(expired);
      expect(await finish(account, 'd')).to.deep.equal(expired);
      expect(await passkeys.verify('c', { sealed, response })).to.deep.equal(expired);
      fixture.turnClock(10 * 60_000 + 1);
      expect(await finish(account, 'c')).to.deep.equal(expired);
    });

    it('makes one factor of twenty answers at once, and all of them hear of it', async () => {
      const { options, sealed } = await fixture.factors.passkeys.beginRegistration(account, 'c', names);
      const response = new SoftwarePasskey(issuer).create(options);
      const outcomes = await fixture.atOnce(({ passkeys }) =>
        passkeys.finishRegistration(account, 'c', { sealed, response, endsSessions: true }),
      );
      expect(outcomes.every(({ ok }) => ok)).to.equal(true);
      expect(await fixture.factors.list(account)).to.have.lengthOf(1);
      expect(await fixture.epoch(account)).to.equal(1);
    });

    it('takes one challenge for one passkey, be it twenty at once', async () => {
      const { options, sealed } = await fixture.factors.passkeys.beginRegistration(account, 'c', names);
      const outcomes = await fixture.atOnce(({ passkeys }) =>
        passkeys.finishRegistration(account, 'c', {
          sealed,
          response: new SoftwarePasskey(issuer).create(options),
        }),
      );
      expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
      expect(outcomes.filter(({ ok }) => !ok)).to.deep.equal(Array(19).fill(expired));
      expect(await fixture.factors.list(account)).to.have.lengthOf(1);
    });

    it('keeps no more than 25 factors, be it twenty more at once', async () => {
      for (let made = 0; made < 15; made += 1) await register();
      const outcomes = await fixture.atOnce(({ passkeys }) =>
        registerPasskey(passkeys, account, new SoftwarePasskey(issuer)),
      );
      expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(10);
      expect(outcomes.find(({ ok }) => !ok)).to.deep.equal({ ok: false, problem: 'too-many-factors' });
      expect(await fixture.factors.list(account)).to.have.lengthOf(25);
    });

    it('does not put another key under a credential id that the account has', async () => {
      const passkey = await register();
      const copy = new SoftwarePasskey(issuer, { id: passkey.id });
      expect(await registerPasskey(fixture.factors.passkeys, account, copy)).to.deep.equal({
        ok: false,
        problem: 'already-registered',
      });
      expect(await signIn(passkey)).to.include({ ok: true });
    });
  });

  describe('as the first factor', () => {
    it('asks any passkey of this provider, with user verification', async () => {
      const { options } = await fixture.factors.passkeys.beginSignIn('interaction');
      expect(options).to.deep.include({
        rpId: 'id.example.com',
        allowCredentials: [],
        userVerification: 'required',
      });
      const other = await fixture.factors.passkeys.beginSignIn('interaction');
      expect(other.options.challenge).not.to.equal(options.challenge);
    });

    const wrongs: [string, Twist][] = [
      ['of another origin', { origin: 'https://evil.example' }],
      ['of another port', { origin: 'https://id.example.com:8443' }],
      ['for another relying party', { rpId: 'example.com' }],
      ['to another challenge', { challenge: randomBytes(32).toString('base64url') }],
      ['without user verification', { isUserVerified: false }],
      ['without user presence', { isUserPresent: false }],
      ['from a frame of another site', { crossOrigin: true }],
      ['that is one to a registration', { type: 'webauthn.create' }],
      ['signed with another key', { withForeignKey: true }],
      ['of a key that may be copied, which this one may not', { isBackupEligible: true }],
    ];
    for (const [what, twist] of wrongs) {
      it(`refuses an answer ${what}`, async () => {
        const passkey = await register();
        expect(await signIn(passkey, twist)).to.deep.equal(notVerified);
        expect(await signIn(passkey)).to.include({ ok: true });
      });
    }

    it('refuses an answer that names no account, or one that has not this passkey', async () => {
      const passkey = await register();
      const other = await fixture.account();
      const handle = (text: string) => Buffer.from(text).toString('base64url');
      expect(await signIn(passkey, { userHandle: undefined })).to.deep.equal(unknown);
      expect(await signIn(passkey, { userHandle: handle(other) })).to.deep.equal(unknown);
      expect(await signIn(passkey, { userHandle: handle('nobody') })).to.deep.equal(unknown);
      expect(await signIn(passkey, { userHandle: handle('a}:x{b') })).to.deep.equal(notVerified);
      expect(await signIn(new SoftwarePasskey(issuer), { userHandle: handle(account) })).to.deep.equal(
        unknown,
      );
    });

    it('leads to nobody else when a stranger registers the same credential id', async () => {
      const passkey = await register();
      const stranger = await fixture.account();
      const planted = await register(new SoftwarePasskey(issuer, { id: passkey.id }), stranger);
      expect(await signIn(passkey)).to.include({ ok: true, accountId: account });
      expect(await signIn(planted)).to.include({ ok: true, accountId: stranger });
      const handle = Buffer.from(account).toString('base64url');
      expect(await signIn(planted, { userHandle: handle })).to.deep.equal(notVerified);
    });

    it('refuses one that was removed', async () => {
      const passkey = await register();
      await register();
      const [factor] = await fixture.factors.list(account);
      await fixture.factors.remove(account, factor?.id ?? '');
      expect(await signIn(passkey)).to.deep.equal(unknown);
    });

    it('refuses an account that is disabled', async () => {
      const passkey = await register();
      await fixture.accounts.setStatus(account, 'disabled');
      expect(await signIn(passkey)).to.deep.equal(unknown);
    });

    it('is bound to its context and ten minutes', async () => {
      const passkey = await register();
      const { options, sealed } = await fixture.factors.passkeys.beginSignIn('interaction');
      const response = passkey.get(options);
      expect(await fixture.factors.passkeys.verify('another', { sealed, response })).to.deep.equal(expired);
      expect(await fixture.factors.passkeys.verify('interaction', { sealed: 'x', response })).to.deep.equal(
        expired,
      );
      fixture.turnClock(10 * 60_000 + 1);
      expect(await fixture.factors.passkeys.verify('interaction', { sealed, response })).to.deep.equal(
        expired,
      );
    });
  });

  describe('as the second factor', () => {
    it('asks for the passkeys of the account, and for none where it has none', async () => {
      expect(await fixture.factors.passkeys.beginVerification(account, 'c')).to.equal(undefined);
      const passkey = await register();
      const begun = await fixture.factors.passkeys.beginVerification(account, 'c');
      expect(begun?.options).to.deep.include({ rpId: 'id.example.com', userVerification: 'required' });
      expect(begun?.options.allowCredentials).to.deep.equal([
        { id: passkey.id, type: 'public-key', transports: ['internal', 'hybrid'] },
      ]);
    });

    it('takes an answer with or without a user handle', async () => {
      const passkey = await register();
      expect(await verify(passkey)).to.include({ ok: true, accountId: account });
      expect(await verify(passkey, { userHandle: undefined })).to.include({ ok: true, accountId: account });
    });

    it('refuses a passkey that says it is of another account', async () => {
      const passkey = await register();
      const other = await fixture.account();
      const userHandle = Buffer.from(other).toString('base64url');
      expect(await verify(passkey, { userHandle })).to.deep.equal(unknown);
    });

    it('refuses the passkey of another account', async () => {
      await register();
      const other = await fixture.account();
      const theirs = await register(new SoftwarePasskey(issuer), other);
      expect(await verify(theirs)).to.deep.equal(unknown);
      expect(await verify(theirs, { userHandle: undefined })).to.deep.equal(unknown);
      expect(await verify(theirs, { userHandle: Buffer.from(account).toString('base64url') })).to.deep.equal(
        unknown,
      );
    });

    it('refuses an answer without user verification', async () => {
      const passkey = await register();
      expect(await verify(passkey, { isUserVerified: false })).to.deep.equal(notVerified);
    });
  });

  describe('once', () => {
    for (const counts of [true, false]) {
      const kind = counts ? 'that counts its signatures' : 'that counts nothing';
      it(`takes an answer of a passkey ${kind} once, be it sent twenty times at once`, async () => {
        const passkey = await register(new SoftwarePasskey(issuer, { counts }));
        const { options, sealed } = await fixture.factors.passkeys.beginSignIn('interaction');
        const response = passkey.get(options);
        const send = { sealed, response };
        const outcomes = await fixture.atOnce(({ passkeys }) => passkeys.verify('interaction', send));
        expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
        expect(outcomes.filter(({ ok }) => !ok)).to.deep.equal(Array(19).fill(expired));
        expect(await fixture.factors.passkeys.verify('interaction', send)).to.deep.equal(expired);
        const lines = (await fixture.readLog()).split('\n').filter((line) => line.includes(account));
        expect(lines.filter((line) => line.includes('factor added'))).to.have.lengthOf(1);
        expect(lines.filter((line) => line.includes('went back'))).to.deep.equal([]);
      });
    }

    it('takes a challenge once, though the passkey signs it anew', async () => {
      const passkey = await register();
      const { options, sealed } = await fixture.factors.passkeys.beginSignIn('interaction');
      const outcomes = await fixture.atOnce(({ passkeys }) =>
        passkeys.verify('interaction', { sealed, response: passkey.get(options) }),
      );
      expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
      expect(outcomes.filter(({ ok }) => !ok)).to.deep.equal(Array(19).fill(expired));
    });
  });

  describe('counter', () => {
    it('may not go back, nor stay; that is logged', async () => {
      const passkey = await register();
      expect(await signIn(passkey, { counter: 7 })).to.include({ ok: true });
      const wentBack = { ok: false, problem: 'counter-went-back' };
      expect(await signIn(passkey, { counter: 6 })).to.deep.equal(wentBack);
      expect(await signIn(passkey, { counter: 7 })).to.deep.equal(wentBack);
      expect(await signIn(passkey, { counter: 0 })).to.deep.equal(wentBack);
      const lines = (await fixture.readLog()).split('\n').filter((line) => line.includes(account));
      expect(lines.filter((line) => line.includes('the counter of a passkey went back'))).to.have.lengthOf(3);
      expect(await signIn(passkey, { counter: 8 })).to.include({ ok: true });
    });

    it('may stay at zero for ever', async () => {
      const passkey = await register(new SoftwarePasskey(issuer, { counts: false }));
      for (let times = 0; times < 3; times += 1) expect(await signIn(passkey)).to.include({ ok: true });
    });

    it('is taken once, be it in twenty answers to different challenges at once', async () => {
      const passkey = await register();
      const outcomes = await fixture.atOnce(async ({ passkeys }) => {
        const { options, sealed } = await passkeys.beginSignIn('interaction');
        return passkeys.verify('interaction', { sealed, response: passkey.get(options, { counter: 5 }) });
      });
      expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
      const refused = outcomes.find(({ ok }) => !ok);
      expect(refused).to.deep.equal({ ok: false, problem: 'counter-went-back' });
    });

    it('is highest whatever the order in which twenty answers come at once', async () => {
      const passkey = await register();
      const outcomes = await fixture.atOnce(async ({ passkeys }, index) => {
        const { options, sealed } = await passkeys.beginSignIn('interaction');
        const response = passkey.get(options, { counter: index + 1 });
        return { counter: index + 1, ...(await passkeys.verify('interaction', { sealed, response })) };
      });
      expect(outcomes.find(({ counter }) => counter === 20)).to.include({ ok: true });
      expect(await signIn(passkey, { counter: 20 })).to.deep.equal({
        ok: false,
        problem: 'counter-went-back',
      });
    });
  });

  it('tell whether they are kept on several devices', async () => {
    const passkey = new SoftwarePasskey(issuer, { counts: false });
    await registerPasskey(fixture.factors.passkeys, account, passkey, { isBackupEligible: true });
    expect((await fixture.factors.list(account))[0]).to.include({ isSynced: false });
    expect(await signIn(passkey, { isBackupEligible: true, isBackedUp: true })).to.include({ ok: true });
    expect((await fixture.factors.list(account))[0]).to.include({ isSynced: true });
  });
});
