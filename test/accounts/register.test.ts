import { expect } from 'chai';
import type { Registration } from '../../src/accounts/register.ts';
import { readConfig } from '../../src/config.ts';
import { createMail } from '../../src/mail/mail.ts';
import { startStandalone } from '../support/redis-topologies.ts';
import { commandsOf, flowsOn, killEverywhere, password, usePods } from './flow-fixture.ts';

describe('registration', () => {
  const pods = usePods(startStandalone);
  let number = 0;

  const freshEmail = () => `person-${++number}@example.com`;

  function registration(more: Partial<Registration> = {}): Registration {
    return {
      email: freshEmail(),
      locale: 'de',
      browser: 'my-browser',
      address: '192.0.2.1',
      ...more,
    };
  }

  const tokenFor = (email: string) => pods.mail.token('verify-email', email);

  it('makes the account when the address is confirmed, and not before', async () => {
    const draft = registration({ password, profile: { name: 'Ada' }, returnTo: 'an-interaction' });
    expect(await pods.flows.register.start(draft)).to.deep.equal({ ok: true });
    expect(await pods.second.accounts.findByEmail(draft.email)).to.equal(undefined);
    expect((await pods.second.accounts.checkPassword(draft.email, password)).ok).to.equal(false);

    const token = tokenFor(draft.email);
    expect(await pods.other.register.look(token, 'my-browser')).to.deep.equal({
      ok: true,
      pending: { email: draft.email, profile: { name: 'Ada', locale: 'de' }, isOtherBrowser: false },
    });
    expect(await pods.second.accounts.findByEmail(draft.email)).to.equal(undefined);

    const confirmed = await pods.other.register.confirm(token, { browser: 'my-browser' });
    expect(confirmed).to.deep.include({ ok: true, returnTo: 'an-interaction', isAgain: false });
    expect(confirmed.ok && confirmed.account).to.deep.include({
      email: draft.email,
      emailVerified: true,
      name: 'Ada',
      locale: 'de',
      hasPassword: true,
    });
    expect((await pods.first.accounts.checkPassword(draft.email, password)).ok).to.equal(true);
  });

  it('gives the same account to the browser that confirms again, and to twenty of its tries at once', async () => {
    const draft = registration();
    await pods.flows.register.start(draft);
    const token = tokenFor(draft.email);
    const tries = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        (i % 2 ? pods.flows : pods.other).register.confirm(token, { browser: 'my-browser' }),
      ),
    );
    const ids = new Set(tries.map((outcome) => outcome.ok && outcome.account.id));
    expect(ids.size).to.equal(1);
    expect(ids.has(false)).to.equal(false);
    expect(await pods.other.register.confirm(token, { browser: 'another', password })).to.deep.equal({
      ok: false,
      problem: 'spent',
    });
  });

  it('does not give an account to who registered another’s address with a password of their own', async () => {
    const draft = registration({ password: 'the password of an attacker', browser: 'of-the-attacker' });
    await pods.flows.register.start(draft);
    const token = tokenFor(draft.email);
    const looked = await pods.other.register.look(token, 'of-the-owner');
    expect(looked.ok && looked.pending.isOtherBrowser).to.equal(true);
    expect(await pods.other.register.confirm(token, { browser: 'of-the-owner' })).to.deep.equal({
      ok: false,
      problem: 'password-needed',
    });
    expect(await pods.other.register.confirm(token, { browser: '', password: 'short' })).to.deep.include({
      problem: 'password-too-short',
    });
    const confirmed = await pods.other.register.confirm(token, { browser: 'of-the-owner', password });
    expect(confirmed.ok).to.equal(true);
    expect((await pods.first.accounts.checkPassword(draft.email, password)).ok).to.equal(true);
    expect((await pods.first.accounts.checkPassword(draft.email, 'the password of an attacker')).ok).to.equal(
      false,
    );
  });

  it('tells the owner of a known address by mail, and who asks nothing', async () => {
    const email = freshEmail();
    await pods.first.accounts.create({ email, locale: 'en-GB' });
    const shouted = email.toUpperCase();
    expect(await pods.flows.register.start(registration({ email: shouted, password }))).to.deep.equal({
      ok: true,
    });
    expect(pods.mail.all()).to.have.lengthOf(1);
    expect(pods.mail.to(email)[0]).to.deep.include({ kind: 'address-already-known', locale: 'en' });
  });

  it('does the same work whether or not the address has an account', async () => {
    const known = freshEmail();
    await pods.first.accounts.create({ email: known, password });
    const work = async (email: string) => {
      const hashes = pods.first.hasher.load().finished;
      const asked = pods.mail.asked();
      const commands = await commandsOf(pods.first, pods.mail, ({ register }) =>
        register.start(registration({ email, password })),
      );
      return {
        commands,
        hashes: pods.first.hasher.load().finished - hashes,
        mails: pods.mail.asked() - asked,
      };
    };
    const forUnknown = await work(freshEmail());
    expect(await work(known)).to.deep.equal(forUnknown);
    expect(forUnknown).to.deep.include({ hashes: 1, mails: 1 });
    expect(forUnknown.commands.length).to.be.greaterThan(4);
  });

  it('makes one account of twenty registrations of one address, whichever is confirmed', async () => {
    const email = freshEmail();
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        (i % 2 ? pods.flows : pods.other).register.start(registration({ email })),
      ),
    );
    // No more mails than a recipient is sent in an hour, and one link that works.
    expect(pods.mail.to(email).length).to.equal(5);
    const tokens = pods.mail.to(email).map((one) => {
      return 'link' in one.values ? (new URL(one.values.link ?? '').searchParams.get('token') ?? '') : '';
    });
    const confirmed = await Promise.all(
      tokens.map((token, i) =>
        (i % 2 ? pods.flows : pods.other).register.confirm(token, { browser: 'my-browser' }),
      ),
    );
    expect(confirmed.filter(({ ok }) => ok)).to.have.lengthOf(1);
    expect(
      (await pods.first.accounts.list({ count: 1000 })).accounts.filter((one) => one.email === email),
    ).to.have.lengthOf(1);
  });

  it('says so when somebody else got the address while the link waited', async () => {
    const draft = registration();
    await pods.flows.register.start(draft);
    await pods.second.accounts.create({ email: draft.email });
    expect(await pods.flows.register.confirm(tokenFor(draft.email), { browser: 'my-browser' })).to.deep.equal(
      {
        ok: false,
        problem: 'email-taken',
      },
    );
  });

  it('can be started again wherever the pod was killed', async () => {
    const kills = await killEverywhere(pods.first, pods.mail, {
      prepare: async () => registration(),
      step: ({ register }, draft) => register.start(draft),
      async check(draft) {
        expect(await pods.second.accounts.findByEmail(draft.email)).to.equal(undefined);
        expect((await pods.other.register.start(draft)).ok).to.equal(true);
        const confirmed = await pods.other.register.confirm(tokenFor(draft.email), { browser: 'my-browser' });
        expect(confirmed.ok).to.equal(true);
      },
    });
    expect(kills).to.be.greaterThan(4);
  });

  it('is completed by the same browser wherever the confirming pod was killed', async () => {
    const kills = await killEverywhere(pods.first, pods.mail, {
      async prepare() {
        const draft = registration();
        await pods.other.register.start(draft);
        return { email: draft.email, token: tokenFor(draft.email) };
      },
      step: ({ register }, { token }) => register.confirm(token, { browser: 'my-browser' }),
      async check({ email, token }, at) {
        const confirmed = await pods.other.register.confirm(token, { browser: 'my-browser' });
        expect(confirmed.ok, `killed before command ${at}`).to.equal(true);
        expect(await pods.second.accounts.findByEmail(email)).to.deep.equal(
          confirmed.ok && confirmed.account,
        );
      },
    });
    expect(kills).to.be.greaterThan(8);
  });

  it('refuses what cannot be an account, and says why', async () => {
    const start = (more: Partial<Registration>) => pods.flows.register.start(registration(more));
    expect(await start({ email: 'nobody' })).to.deep.equal({ ok: false, problem: 'email-invalid' });
    expect(await start({ email: 'аda@example.com' })).to.deep.equal({
      ok: false,
      problem: 'email-look-alike',
    });
    expect(await start({ email: 'ada@аррӏе.com' })).to.deep.equal({ ok: false, problem: 'email-look-alike' });
    expect(await start({ password: 'short' })).to.deep.include({ problem: 'password-too-short' });
    expect(await start({ profile: { website: 'javascript:alert(1)' } })).to.deep.equal({
      ok: false,
      problem: 'profile-invalid',
      fields: ['website'],
    });
    expect(pods.mail.all()).to.deep.equal([]);
  });

  it('asks the rules about a password, with what it must not be made of', async () => {
    const asked: unknown[] = [];
    const strict = flowsOn(pods.first, pods.mail, {
      passwordRule: (_, about) => {
        asked.push(about);
        return 'password-too-common';
      },
    });
    const draft = registration({ password, profile: { name: 'Ada' } });
    expect(await strict.register.start(draft)).to.deep.equal({
      ok: false,
      problem: 'password-weak',
      reason: 'password-too-common',
    });
    expect(JSON.stringify(asked)).to.contain(draft.email).and.contain('Ada');
    expect(pods.mail.all()).to.deep.equal([]);
  });

  it('may be by invitation, or off', async () => {
    const by = (HOLDFAST_REGISTRATION: string) =>
      flowsOn(pods.first, pods.mail, { environment: { HOLDFAST_REGISTRATION } }).register;
    const draft = registration();
    await pods.flows.register.start(draft);
    const token = tokenFor(draft.email);
    for (const [mode, problem] of [
      ['off', 'closed'],
      ['invitation', 'invitation-needed'],
    ] as const) {
      expect(by(mode).isOpen).to.equal(false);
      expect(await by(mode).start(registration())).to.deep.equal({ ok: false, problem });
      expect(await by(mode).confirm(token, { browser: 'my-browser' })).to.deep.equal({
        ok: false,
        problem: 'closed',
      });
    }
    expect(by('open').isOpen).to.equal(true);
  });

  describe('with terms', () => {
    const terms = (version: string) => ({
      environment: {
        HOLDFAST_TERMS_URL: 'https://example.com/terms',
        HOLDFAST_TERMS_VERSION: version,
      },
    });

    it('needs the version in force to be accepted, and keeps which it was', async () => {
      const strict = flowsOn(pods.first, pods.mail, terms('2'));
      for (const termsVersion of [undefined, '1'])
        expect(await strict.register.start(registration({ termsVersion }))).to.deep.equal({
          ok: false,
          problem: 'terms-not-accepted',
        });
      const draft = registration({ termsVersion: '2' });
      await strict.register.start(draft);
      const confirmed = await strict.register.confirm(tokenFor(draft.email), { browser: 'my-browser' });
      if (!confirmed.ok) throw new Error(confirmed.problem);
      expect(confirmed.account.terms?.version).to.equal('2');
      expect(confirmed.account.terms?.acceptedAt).to.be.a('number');
      expect(strict.terms.isDue(confirmed.account)).to.equal(false);
    });

    it('needs another browser to accept them too', async () => {
      const strict = flowsOn(pods.first, pods.mail, terms('2'));
      const draft = registration({ termsVersion: '2' });
      await strict.register.start(draft);
      const token = tokenFor(draft.email);
      const confirm = (termsVersion?: string) =>
        strict.register.confirm(token, { browser: 'another', password, termsVersion });
      expect(await confirm()).to.deep.equal({ ok: false, problem: 'terms-not-accepted' });
      expect((await confirm('2')).ok).to.equal(true);
    });

    it('asks an account again when the version is a new one', async () => {
      const made = await pods.first.accounts.create({ email: freshEmail() });
      if (!made.ok) throw new Error(made.problem);
      const { terms: now } = flowsOn(pods.first, pods.mail, terms('3'));
      expect(now.isDue(made.account)).to.equal(true);
      expect(await now.accept(made.account.id, '2')).to.deep.equal({ ok: false, problem: 'outdated' });
      expect(await now.accept('nobody', '3')).to.deep.equal({ ok: false, problem: 'not-found' });
      const accepted = await now.accept(made.account.id, '3');
      expect(accepted.ok && now.isDue(accepted.account)).to.equal(false);
      expect(accepted.ok && accepted.account).to.deep.include({ epoch: 0, version: 2 });
      expect(
        flowsOn(pods.first, pods.mail, terms('4')).terms.isDue(accepted.ok ? accepted.account : made.account),
      ).to.equal(true);
      expect(pods.flows.terms.isDue(made.account)).to.equal(false);
    });
  });

  describe('by invitation', () => {
    const byInvitation = { environment: { HOLDFAST_REGISTRATION: 'invitation' } };

    it('makes the account of who has the link, at once', async () => {
      const { invitations } = flowsOn(pods.first, pods.mail, byInvitation);
      const email = freshEmail();
      expect(await invitations.invite({ email, inviter: 'Grace', locale: 'de' })).to.deep.equal({
        ok: true,
        email,
      });
      expect(pods.mail.to(email)[0]).to.deep.include({ kind: 'invitation', locale: 'de' });
      const token = pods.mail.token('invitation', email);
      expect(await invitations.look(token, 'b')).to.deep.equal({ ok: true, email, inviter: 'Grace' });
      const given = { browser: 'b', password, profile: { name: 'Ada' }, locale: 'de' } as const;
      const accepted = await flowsOn(pods.second, pods.mail, byInvitation).invitations.accept(token, given);
      expect(accepted.ok && accepted.account).to.deep.include({ email, emailVerified: true, name: 'Ada' });
      expect((await pods.first.accounts.checkPassword(email, password)).ok).to.equal(true);
      expect(await invitations.accept(token, given)).to.deep.equal(accepted);
      expect(await invitations.accept(token, { ...given, browser: 'c' })).to.deep.equal({
        ok: false,
        problem: 'spent',
      });
      expect(await invitations.invite({ email, inviter: 'Grace', locale: 'de' })).to.deep.equal({
        ok: false,
        problem: 'email-taken',
      });
    });

    it('is accepted by one of twenty', async () => {
      const email = freshEmail();
      await pods.flows.invitations.invite({ email, inviter: 'Grace', locale: 'en' });
      const token = pods.mail.token('invitation', email);
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          (i % 2 ? pods.flows : pods.other).invitations.accept(token, { browser: `b-${i}`, locale: 'en' }),
        ),
      );
      expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
    });

    it('can be completed wherever the pod was killed', async () => {
      await killEverywhere(pods.first, pods.mail, {
        async prepare() {
          const email = freshEmail();
          await pods.other.invitations.invite({ email, inviter: 'Grace', locale: 'en' });
          return pods.mail.token('invitation', email);
        },
        step: ({ invitations }, token) => invitations.accept(token, { browser: 'b', locale: 'en' }),
        async check(token) {
          expect((await pods.other.invitations.accept(token, { browser: 'b', locale: 'en' })).ok).to.equal(
            true,
          );
        },
      });
    });

    it('can be taken back, and is none where registration is off', async () => {
      const email = freshEmail();
      await pods.flows.invitations.invite({ email, inviter: 'Grace', locale: 'en' });
      const token = pods.mail.token('invitation', email);
      const off = flowsOn(pods.first, pods.mail, {
        environment: { HOLDFAST_REGISTRATION: 'off' },
      }).invitations;
      const closed = { ok: false, problem: 'closed' };
      expect(await off.invite({ email, inviter: 'Grace', locale: 'en' })).to.deep.equal(closed);
      expect(await off.look(token, 'b')).to.deep.equal(closed);
      expect(await off.accept(token, { browser: 'b', locale: 'en' })).to.deep.equal(closed);
      await pods.flows.invitations.cancel(email.toUpperCase());
      expect(await pods.flows.invitations.look(token, 'b')).to.deep.equal({ ok: false, problem: 'gone' });
    });
  });

  it('comes through with the real outbox, and mails that can be read', async () => {
    const config = readConfig({
      HOLDFAST_ISSUER: 'http://localhost:3000',
      HOLDFAST_KEYS: `test:${Buffer.alloc(32, 7).toString('base64url')}`,
    });
    const outbox = createMail({
      store: pods.first.store,
      ring: pods.first.ring,
      log: pods.first.log,
      config,
    });
    try {
      const local = flowsOn(pods.first, { ...pods.mail, enqueue: outbox.enqueue });
      const draft = registration();
      await local.register.start(draft);
      const [sent] = await outbox.localMails(1);
      expect(sent).to.deep.include({ to: draft.email, kind: 'verify-email', language: 'de' });
      const [link = ''] = /https:\/\/id\.example\.com\/register\S+/.exec(sent?.text ?? '') ?? [];
      const token = new URL(link).searchParams.get('token') ?? '';
      expect((await local.register.confirm(token, { browser: 'my-browser' })).ok).to.equal(true);
    } finally {
      await outbox.close();
    }
  });

  it('leaves nothing in Redis or the log by which the password or the person could be read', async () => {
    const draft = registration({
      email: 'secret.person@example.com',
      password,
      profile: { name: 'Zebedee' },
    });
    await pods.flows.register.start(draft);
    const { store, prefix } = pods.first;
    const keys = (await store.call('KEYS', `${prefix}{l:*`)) as string[];
    const records = await Promise.all(keys.map((key) => store.read(key)));
    const readable = JSON.stringify([keys, records, await pods.first.readLog()]);
    for (const secret of [password, 'secret.person', 'Zebedee', '$argon2', tokenFor(draft.email)])
      expect(readable).to.not.contain(secret);
  });
});
