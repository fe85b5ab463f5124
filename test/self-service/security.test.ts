import { expect } from 'chai';
import { startSmtp, type TestSmtp } from '../mail/smtp-fixture.ts';
import { startPodAhead } from '../oidc/odd-pods.ts';
import { Person, type Reply } from '../support/person.ts';
import type { Pod } from '../support/pods.ts';
import { startProvider, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import {
  addApp,
  at,
  elsewhere,
  formTo,
  headingOf,
  newVisitor,
  noticeOf,
  Visitor,
} from './console-fixture.ts';

const security = '/account/security';
const passkeyPage = `${security}/passkeys/new`;
const totpPage = `${security}/totp/new`;
const codesPage = `${security}/recovery-codes`;

describe('the self-service pages about signing in', () => {
  let redis: Topology;
  let smtp: TestSmtp;
  let provider: TestProvider;
  /** Past the ten minutes for which a sign-in is fresh. */
  let late: Pod;
  before(async () => {
    [redis, smtp] = await Promise.all([startStandalone({ appendOnly: false }), startSmtp()]);
    const mail = {
      HOLDFAST_SMTP_URL: `smtp://127.0.0.1:${smtp.port}`,
      HOLDFAST_MAIL_FROM: 'Holdfast <id@example.org>',
      HOLDFAST_UNSAFE_ALLOW_PLAIN_SMTP: 'true',
    };
    provider = await startProvider(redis.url, 2, mail);
    late = await startPodAhead(provider, redis.url, 10 * 60 + 5, mail);
  });
  after(async () => {
    await Promise.all([provider?.stop(), late?.kill('SIGKILL')]);
    await Promise.all([redis?.stop(), smtp?.stop()]);
  });

  const mailTo = (email: string, subject: RegExp) =>
    smtp.until((mails) =>
      mails.some((one) => one.to.includes(email) && subject.test(one.email.subject ?? '')),
    );

  const factorIds = async (visitor: { id: string }) =>
    (await provider.parts.factors.list(visitor.id)).map(({ id }) => id);

  describe('password', () => {
    const page = '/account/password';
    const other = 'another long passphrase altogether';

    it('is changed; everything else that is signed in ends on every pod at once, this browser stays', async () => {
      const visitor = await newVisitor(provider);
      const there = elsewhere(provider, visitor);
      await there.open('/account');
      const reply = await visitor.send(page, { current: visitor.password, password: other });
      expect(reply.location).to.equal(`${page}?done=password-changed`);
      expect(reply.setCookies.join()).to.include('holdfast_known_');
      for (const pod of provider.pods) {
        expect((await at(pod.url, provider.issuer, visitor, '/account')).status).to.equal(200);
        expect((await at(pod.url, provider.issuer, there, '/account')).status).to.equal(303);
      }
      expect(await provider.parts.accounts.checkPassword(visitor.email, other)).to.include({ ok: true });
      await mailTo(visitor.email, /password/i);
      expect((await visitor.open('/account/activity')).body).to.include('Password changed');
    });

    it('is not changed without the present one, nor to one that will not do', async () => {
      const visitor = await newVisitor(provider);
      const send = (current: string, password: string) => visitor.send(page, { current, password });
      expect(noticeOf(await send('', other))).to.equal('Please enter your present password.');
      expect(noticeOf(await send('not my password', other))).to.include('present password is not right');
      const short = await send(visitor.password, 'short');
      expect(short.status).to.equal(400);
      expect(short.body)
        .to.include('15')
        .and.match(/id="password"[^>]*aria-invalid="true"/);
      expect(short.body).to.not.include(visitor.password);
      expect((await send(visitor.password, '')).status).to.equal(400);
      expect(await provider.parts.accounts.checkPassword(visitor.email, visitor.password)).to.include({
        ok: true,
      });
    });

    it('cannot be guessed by who has only the session', async () => {
      const visitor = await newVisitor(provider);
      const form = formTo((await visitor.open(page)).body, page);
      const guess = () => visitor.post(form, { current: 'a guess', password: other });
      const replies = await Promise.all(Array.from({ length: 12 }, guess));
      const tooMany = replies.filter(({ status }) => status === 429);
      expect(tooMany).to.have.length.of.at.least(6);
      expect(noticeOf(tooMany[0] as Reply))
        .to.include('too many attempts')
        .and.include('wait');
    });

    it('stays changeable by its owner while strangers try to lock them out', async () => {
      const visitor = await newVisitor(provider);
      await visitor.open('/account');
      for (let i = 0; i < 12; i++) {
        await provider.parts.limits.password({ email: visitor.email, address: `198.51.100.${i}` });
      }
      const reply = await visitor.send(page, { current: visitor.password, password: other });
      expect(reply.location).to.equal(`${page}?done=password-changed`);
    });
  });

  describe('what is sensitive', () => {
    const sensitive = [
      '/account/email',
      passkeyPage,
      totpPage,
      codesPage,
      '/account/data',
      '/account/delete',
    ];

    it('asks for a new sign-in after ten minutes, and comes back to the very page', async () => {
      const visitor = await newVisitor(provider);
      await visitor.open('/account');
      for (const path of sensitive) {
        const reply = await at(late.url, provider.issuer, visitor, path);
        const query = new URL(reply.location ?? '', provider.issuer).searchParams;
        expect(reply.status, path).to.equal(303);
        expect(Number(query.get('max_age')), path).to.be.within(1, 600);
        expect(query.get('login_hint')).to.equal(visitor.email);
        expect(query.has('acr_values'), path).to.equal(false);
      }
      for (const path of ['/account', '/account/profile', security, '/account/sessions']) {
        expect((await at(late.url, provider.issuer, visitor, path)).status, path).to.equal(200);
      }
      const lateVisitor = new Visitor(new Person(provider.issuer, [late.url]), visitor);
      for (const [name, cookie] of visitor.person.cookies) {
        (lateVisitor.person.cookies as Map<string, unknown>).set(name, cookie);
      }
      expect(headingOf(await lateVisitor.open(codesPage))).to.equal('Recovery codes');
    });

    it('takes no form either when the sign-in has grown old meanwhile', async () => {
      const visitor = await newVisitor(provider);
      const { fields } = formTo((await visitor.open(codesPage)).body, codesPage);
      const reply = await at(late.url, provider.issuer, visitor, codesPage, fields);
      expect(reply.location).to.match(/^\/auth\?.*max_age=/);
      expect(await factorIds(visitor)).to.deep.equal([]);
    });

    it('asks for the second factor of an account that has one', async () => {
      const visitor = await newVisitor(provider);
      await addApp(visitor);
      const reply = await at(late.url, provider.issuer, visitor, codesPage);
      const query = new URL(reply.location ?? '', provider.issuer).searchParams;
      expect(query.get('acr_values')).to.equal('urn:holdfast:acr:2');
      const there = elsewhere(provider, visitor);
      expect(headingOf(await there.open(codesPage))).to.equal('Recovery codes');
      const sessions = await provider.parts.oidc.signedIn.sessions(visitor.id);
      expect(sessions.map(({ acr }) => acr)).to.have.members(['urn:holdfast:acr:1', 'urn:holdfast:acr:2']);
    });
  });

  describe('an authenticator app', () => {
    it('is set up on any pods, offers recovery codes at once, and is told by mail', async () => {
      const visitor = await newVisitor(provider);
      const reply = await addApp(visitor, 'Phone');
      expect(reply.location).to.equal(`${codesPage}?done=totp-added`);
      const next = await visitor.open(`${codesPage}?done=totp-added`);
      expect(noticeOf(next)).to.equal('Your authenticator app is ready.');
      expect((await visitor.open(security)).body).to.include('Phone');
      await mailTo(visitor.email, /added|new/i);
      expect((await visitor.open('/account/activity')).body).to.include('Authenticator app: Phone');
    });

    it('is not set up by a wrong code or none, and keeps its picture meanwhile', async () => {
      const visitor = await newVisitor(provider);
      const page = await visitor.open(totpPage);
      const key = /<code class="selectable" dir="ltr">([A-Z2-7 ]+)</.exec(page.body)?.[1];
      for (const [code, says] of [
        ['000000', 'That code is not right'],
        ['', 'Please type the code'],
      ] as const) {
        const reply = await visitor.post(formTo(page.body, totpPage), { code, name: 'Phone' });
        expect(reply.status).to.equal(400);
        expect(noticeOf(reply)).to.include(says);
        expect(reply.body)
          .to.include(key ?? 'no key')
          .and.include('value="Phone"');
      }
      expect(await factorIds(visitor)).to.deep.equal([]);
    });

    it('begins anew when its page was open for too long', async () => {
      const visitor = await newVisitor(provider);
      const page = await visitor.open(totpPage);
      const { sealed = '' } = formTo(page.body, totpPage).fields;
      const key = /<code class="selectable" dir="ltr">([A-Z2-7 ]+)</.exec(page.body)?.[1] ?? '';
      const there = new Visitor(new Person(provider.issuer, [late.url]), visitor);
      const reply = await there.send(totpPage, { sealed, code: '123456' });
      expect(reply.status).to.equal(400);
      expect(noticeOf(reply)).to.include('Please scan the new picture');
      expect(reply.body).to.not.include(key);
    });

    it('cannot be guessed', async () => {
      const visitor = await newVisitor(provider);
      const form = formTo((await visitor.open(totpPage)).body, totpPage);
      const replies = await Promise.all(
        Array.from({ length: 10 }, (_, i) => visitor.post(form, { code: String(100_000 + i) })),
      );
      expect(replies.filter(({ status }) => status === 429)).to.have.length.of.at.least(5);
    });

    it('is one app, however often its form is sent', async () => {
      const visitor = await newVisitor(provider);
      const page = await visitor.open(totpPage);
      visitor.hasApp(
        (/<code class="selectable" dir="ltr">([A-Z2-7 ]+)</.exec(page.body)?.[1] ?? '').replaceAll(' ', ''),
      );
      const code = visitor.code();
      const form = formTo(page.body, totpPage);
      const replies = await Promise.all(Array.from({ length: 5 }, () => visitor.post(form, { code })));
      for (const { location } of replies) expect(location).to.equal(`${codesPage}?done=totp-added`);
      expect(await factorIds(visitor)).to.have.length(1);
      const added = (await provider.parts.activity.list(visitor.id)).filter(
        ({ kind }) => kind === 'factor-added',
      );
      expect(added).to.have.length(1);
    });
  });
});
