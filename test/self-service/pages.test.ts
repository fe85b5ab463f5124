import { expect } from 'chai';
import { startSmtp, type TestSmtp } from '../mail/smtp-fixture.ts';
import type { Reply } from '../support/person.ts';
import { startProvider, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { addApp, elsewhere, formTo, headingOf, newVisitor, noticeOf } from './console-fixture.ts';

const pages = [
  '/account',
  '/account/profile',
  '/account/email',
  '/account/password',
  '/account/security',
  '/account/security/passkeys/new',
  '/account/security/totp/new',
  '/account/security/recovery-codes',
  '/account/sessions',
  '/account/applications',
  '/account/activity',
  '/account/providers',
  '/account/data',
  '/account/delete',
];

describe('the self-service pages', () => {
  let redis: Topology;
  let smtp: TestSmtp;
  let provider: TestProvider;
  before(async () => {
    [redis, smtp] = await Promise.all([startStandalone({ appendOnly: false }), startSmtp()]);
    provider = await startProvider(redis.url, 2, {
      HOLDFAST_SMTP_URL: `smtp://127.0.0.1:${smtp.port}`,
      HOLDFAST_MAIL_FROM: 'Holdfast <id@example.org>',
      HOLDFAST_UNSAFE_ALLOW_PLAIN_SMTP: 'true',
    });
  });
  after(async () => {
    await provider?.stop();
    await Promise.all([redis?.stop(), smtp?.stop()]);
  });

  it('lead a signed-out browser to the sign-in, and back to the very page', async () => {
    const visitor = await newVisitor(provider);
    for (const path of pages) {
      const reply = await provider.person().request(path);
      expect(reply.status, path).to.equal(303);
      expect(reply.location, path).to.match(/^\/auth\?/);
    }
    const reply = await visitor.open('/account/email');
    expect(headingOf(reply)).to.equal('Email address');
    expect(reply.body).to.include(visitor.email);
  });

  it('send a signed-out browser that posts to the sign-in as well, and say that nothing was done', async () => {
    const visitor = await newVisitor(provider, { name: 'Before' });
    const { fields } = formTo((await visitor.open('/account/profile')).body, '/account/profile');
    const stranger = elsewhere(provider, visitor);
    const reply = await stranger.person.request('/account/profile', {
      form: { ...fields, name: 'After' },
    });
    expect(reply.location).to.match(/^\/auth\?/);
    expect((await provider.parts.accounts.find(visitor.id))?.name).to.equal('Before');
    const back = await stranger.open(reply.location ?? '');
    expect(headingOf(back)).to.equal('Profile');
    expect(noticeOf(back)).to.include('You had to sign in first');
  });

  it('are kept by no cache, and follow no state but their own', async () => {
    const visitor = await newVisitor(provider);
    for (const path of pages) {
      const reply = await visitor.open(path);
      expect(reply.status, path).to.equal(200);
      expect(reply.headers.get('cache-control'), path).to.equal('no-store');
    }
    for (const state of ['', 'x', 'https://evil.example/', '/account/delete']) {
      const query = new URLSearchParams({ code: 'c', state });
      const reply = await visitor.person.request(`/account/signed-in?${query}`);
      expect(reply.location, state).to.equal('/account');
    }
  });

  it('take "no" for an answer', async () => {
    const path = '/account/signed-in?error=access_denied&state=x';
    const signedOut = await provider.person().request(path);
    expect(signedOut.status).to.equal(200);
    expect(headingOf(signedOut)).to.equal('You are not signed in');
    const visitor = await newVisitor(provider);
    await visitor.open('/account');
    expect((await visitor.person.request(path)).location).to.equal('/account');
  });

  it('take no form that is not of this very session', async () => {
    const visitor = await newVisitor(provider, { name: 'Before' });
    await addApp(visitor);
    const other = await newVisitor(provider);
    const foreign = formTo((await other.open('/account/profile')).body, '/account/profile').fields.csrf ?? '';
    let forms = 0;
    for (const path of pages) {
      const { body } = await visitor.open(path);
      for (const [, action = ''] of body.matchAll(/<form\b[^>]*method="post"[^>]*action="([^"]*)"/g)) {
        for (const csrf of ['', 'made-up', foreign]) {
          const form = formTo(body, action);
          const reply = await visitor.post(form, { csrf, ...('name' in form.fields && { name: 'After' }) });
          expect(reply.status, `${action} ${csrf}`).to.equal(400);
          expect(noticeOf(reply), action).to.include('nothing has been changed');
        }
        forms += 1;
      }
    }
    expect(forms).to.be.at.least(8);
    expect((await provider.parts.accounts.find(visitor.id))?.name).to.equal('Before');
    expect(await provider.parts.factors.list(visitor.id)).to.have.length(1);
  });

  it('say on the overview what is worth doing', async () => {
    const visitor = await newVisitor(provider, { emailVerified: false });
    const before = await visitor.open('/account');
    expect(before.body).to.include('Confirm your email address').and.include('Protect your account');
    expect(before.body).to.include('1 browser is signed in');
    await addApp(visitor);
    expect((await visitor.open('/account')).body).to.include('Get recovery codes');
    const { id } = visitor;
    const made = await provider.parts.factors.recoveryCodes.replace(id);
    if (!made.ok) throw new Error(made.problem);
    expect((await visitor.open('/account')).body).to.not.include('recovery codes left');
    for (const code of made.codes.slice(0, 8)) await provider.parts.factors.recoveryCodes.spend(id, code);
    expect((await visitor.open('/account')).body).to.include('You have 2 recovery codes left');
  });

  it('tell of the sign-in before this one', async () => {
    const visitor = await newVisitor(provider);
    await provider.parts.activity.record(visitor.id, 'signed-in', { browser: 'Safari, iPad' });
    const { body } = await visitor.open('/account');
    // Less than a minute ago, it may be this one.
    expect(body).to.not.include('Before that');
    expect((await visitor.open('/account/activity')).body).to.include('Safari, iPad');
  });

  describe('profile', () => {
    it('is saved, cleared, and shown in the language and time zone that were chosen', async () => {
      const visitor = await newVisitor(provider, { name: 'Vera' });
      const saved = await visitor.send('/account/profile', {
        given_name: 'Vera',
        birthdate: '1990-05-31',
        zoneinfo: 'Asia/Tokyo',
        locale: 'de',
        name: '',
      });
      expect(saved.location).to.equal('/account/profile?done=profile-saved');
      const page = await visitor.open('/account/profile?done=profile-saved');
      expect(noticeOf(page)).to.equal('Ihr Profil ist gespeichert.');
      const account = await provider.parts.accounts.find(visitor.id);
      expect(account).to.include({ given_name: 'Vera', birthdate: '1990-05-31', locale: 'de' });
      expect(account).to.not.have.property('name');
      expect((await visitor.open('/account/activity')).body)
        .to.include('Profil geändert')
        .and.match(/GMT\+9|JST/);
    });

    it('refuses what a field cannot hold, and keeps what was typed', async () => {
      const visitor = await newVisitor(provider);
      const reply = await visitor.send('/account/profile', { website: 'javascript:alert(1)', nickname: 'V' });
      expect(reply.status).to.equal(400);
      expect(reply.body).to.match(/id="website"[^>]*value="javascript:alert\(1\)"[^>]*aria-invalid="true"/);
      expect(reply.body).to.match(/id="nickname"[^>]*value="V"/);
      expect(await provider.parts.accounts.find(visitor.id)).to.not.have.property('nickname');
    });

    it('is saved by one of twenty that saw the same, and tells the others what it says now', async () => {
      const visitor = await newVisitor(provider);
      const form = formTo((await visitor.open('/account/profile')).body, '/account/profile');
      const replies = await Promise.all(
        Array.from({ length: 20 }, (_, i) => visitor.post(form, { nickname: `nick-${i}` })),
      );
      expect(replies.filter(({ status }) => status === 303)).to.have.length(1);
      const late = replies.find(({ status }) => status === 409);
      const { nickname } = (await provider.parts.accounts.find(visitor.id)) ?? {};
      expect(noticeOf(late as Reply)).to.include('changed in another window');
      expect(late?.body).to.include(`It now says <strong><bdi>${nickname}</bdi></strong>`);
      const again = await visitor.post(formTo(late?.body ?? '', '/account/profile'));
      expect(again.location).to.equal('/account/profile?done=profile-saved');
    });

    it('is not called changed by the same form sent twice', async () => {
      const visitor = await newVisitor(provider);
      const form = formTo((await visitor.open('/account/profile')).body, '/account/profile');
      for (const _ of [1, 2]) {
        const reply = await visitor.post(form, { nickname: 'Same' });
        expect(reply.location).to.equal('/account/profile?done=profile-saved');
      }
    });
  });

  describe('email address', () => {
    it('gets a link, and changes when that is opened', async () => {
      const visitor = await newVisitor(provider);
      const reply = await visitor.send('/account/email', { email: 'vera.new@example.org' });
      expect(reply.location).to.equal('/account/email?done=email-requested');
      expect(noticeOf(await visitor.open('/account/email?done=email-requested'))).to.include('sent a link');
      await smtp.until((mails) => mails.some(({ to }) => to.includes('vera.new@example.org')));
      expect((await visitor.open('/account/email')).body).to.include(visitor.email);
    });

    it('is verified by a link on request', async () => {
      const visitor = await newVisitor(provider, { emailVerified: false });
      const reply = await visitor.send('/account/email', {}, '/account/email/verify');
      expect(reply.location).to.equal('/account/email?done=verification-sent');
      await smtp.until((mails) => mails.some(({ to }) => to.includes(visitor.email)));
    });

    it('is refused when it is none, or the same; and not for ever', async () => {
      const visitor = await newVisitor(provider);
      const typed = async (email: string) => visitor.send('/account/email', { email });
      expect(noticeOf(await typed('nonsense'))).to.include('email address');
      expect(noticeOf(await typed(visitor.email))).to.equal('That is your address already.');
      let last = await typed('often@example.org');
      for (let i = 0; i < 6 && last.status === 303; i++) last = await typed('often@example.org');
      expect(last.status).to.equal(429);
      expect(noticeOf(last)).to.include('too many attempts').and.include('wait');
      expect(last.headers.get('retry-after')).to.match(/^\d+$/);
    });
  });
});
