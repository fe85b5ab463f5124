import { expect } from 'chai';
import { SoftwarePasskey } from '../accounts/software-authenticator.ts';
import { startSmtp, type TestSmtp } from '../mail/smtp-fixture.ts';
import { startPodAhead } from '../oidc/odd-pods.ts';
import { Person, type Reply } from '../support/person.ts';
import type { Pod } from '../support/pods.ts';
import { startProvider, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import {
  addApp,
  at,
  decode,
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
  const factorPath = `${security}/factor`;
  const factorPage = (id: string) => `${factorPath}?id=${id}`;
  const rename = (visitor: Visitor, id: string, name: string) =>
    visitor.send(factorPage(id), { name }, factorPath);
  const remove = (visitor: Visitor, id: string) => visitor.send(factorPage(id), {}, `${factorPath}/remove`);

  /** Adds a passkey through the pages. */
  async function addPasskey(visitor: Visitor, name: string, passkey = newPasskey()): Promise<Reply> {
    const page = await visitor.open(passkeyPage);
    const options = JSON.parse(decode(/data-options="([^"]*)"/.exec(page.body)?.[1] ?? ''));
    const response = JSON.stringify(passkey.create(options));
    return visitor.post(formTo(page.body, passkeyPage), { response, name });
  }
  const newPasskey = () => new SoftwarePasskey(provider.issuer);

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

  describe('a passkey', () => {
    it('is added, renamed and removed, and each is told by mail', async () => {
      const visitor = await newVisitor(provider);
      expect((await addPasskey(visitor, 'Laptop')).location).to.equal(`${codesPage}?done=passkey-added`);
      await mailTo(visitor.email, /added|new/i);
      const [id = ''] = await factorIds(visitor);
      const renamed = await rename(visitor, id, 'Work laptop');
      expect(renamed.location).to.equal(`${security}?done=factor-renamed`);
      expect((await visitor.open(security)).body).to.include('Work laptop');
      const removed = await remove(visitor, id);
      expect(removed.location).to.equal(`${security}?done=factor-removed`);
      expect(await factorIds(visitor)).to.deep.equal([]);
      await mailTo(visitor.email, /removed/i);
    });

    it('is refused when it was made for another browser, or is none', async () => {
      const visitor = await newVisitor(provider);
      const other = elsewhere(provider, visitor);
      const page = await visitor.open(passkeyPage);
      const options = JSON.parse(decode(/data-options="([^"]*)"/.exec(page.body)?.[1] ?? ''));
      const { sealed = '' } = formTo(page.body, passkeyPage).fields;
      const response = JSON.stringify(newPasskey().create(options));
      const foreign = await other.send(passkeyPage, { sealed, response });
      expect(foreign.status).to.equal(400);
      for (const nonsense of ['', '{}', 'x']) {
        const reply = await visitor.send(passkeyPage, { response: nonsense });
        expect(noticeOf(reply)).to.include('could not be created');
      }
      expect(await factorIds(visitor)).to.deep.equal([]);
    });

    it('needs a name when it is renamed', async () => {
      const visitor = await newVisitor(provider);
      await addPasskey(visitor, 'Laptop');
      const [id = ''] = await factorIds(visitor);
      const reply = await rename(visitor, id, '  ');
      expect(reply.status).to.equal(400);
      expect(noticeOf(reply)).to.equal('Please enter a name.');
    });

    it('stays while it is the last way in', async () => {
      const made = await provider.parts.accounts.create({
        email: 'no-password@example.org',
        emailVerified: true,
      });
      if (!made.ok) throw new Error(made.problem);
      const { id } = made.account;
      const { passkeys } = provider.parts.factors;
      const names = { userName: 'n', displayName: 'n' };
      const { sealed, options } = await passkeys.beginRegistration(id, 'c', names);
      const passkey = newPasskey();
      await passkeys.finishRegistration(id, 'c', { sealed, response: passkey.create(options) });
      const visitor = new Visitor(provider.person(), { email: made.account.email, password: '' });
      visitor.passkey = passkey;
      const [factor = ''] = await factorIds({ id });
      const reply = await remove(visitor, factor);
      expect(reply.status).to.equal(409);
      expect(noticeOf(reply)).to.include('your only way in');
      expect(await factorIds({ id })).to.deep.equal([factor]);

      // With a password beside it, it may go.
      await visitor.send('/account/password', { password: 'a first password of this one' });
      const gone = await remove(visitor, factor);
      expect(gone.location).to.equal(`${security}?done=factor-removed`);
    });

    it("is not found among somebody else's", async () => {
      const [owner, visitor] = [await newVisitor(provider), await newVisitor(provider)];
      await addPasskey(owner, 'Laptop');
      await addPasskey(visitor, 'Mine');
      const [id = ''] = await factorIds(owner);
      expect((await visitor.open(factorPage(id))).status).to.equal(404);
      const [own = ''] = await factorIds(visitor);
      const { body } = await visitor.open(factorPage(own));
      for (const path of [factorPath, `${factorPath}/remove`]) {
        expect((await visitor.post(formTo(body, path), { id })).status, path).to.equal(404);
      }
      expect((await provider.parts.factors.list(owner.id)).map(({ name }) => name)).to.deep.equal(['Laptop']);
    });
  });

  describe('recovery codes', () => {
    const shown = (reply: Reply) =>
      [...reply.body.matchAll(/<code>([0-9A-Z]{5}(?:-[0-9A-Z]{5}){2})</g)].map(([, code]) => code ?? '');

    it('are shown until they are put away, on any pod, and saved as a file', async () => {
      const visitor = await newVisitor(provider);
      expect((await visitor.send(codesPage)).location).to.equal(codesPage);
      const codes = shown(await visitor.open(codesPage));
      expect(codes).to.have.length(10);
      expect(shown(await visitor.open(codesPage))).to.deep.equal(codes);
      const file = await visitor.open(`${codesPage}/file`);
      expect(file.headers.get('content-disposition')).to.include('holdfast-recovery-codes.txt');
      for (const code of codes) expect(file.body).to.include(code);
      const kept = await visitor.send(codesPage, {}, `${codesPage}/kept`);
      expect(kept.location).to.equal(`${security}?done=codes-kept`);
      const after = await visitor.open(codesPage);
      expect(shown(after)).to.deep.equal([]);
      expect(after.body).to.include('10 codes are left.');
      expect((await visitor.person.request(`${codesPage}/file`)).location).to.equal(codesPage);
      expect(await provider.parts.factors.recoveryCodes.spend(visitor.id, codes[3] ?? '')).to.include({
        ok: true,
      });
    });

    it('are shown to no other browser of the person', async () => {
      const visitor = await newVisitor(provider);
      await visitor.send(codesPage);
      const there = elsewhere(provider, visitor);
      await there.open('/account');
      const jar = there.person.cookies as Map<string, unknown>;
      jar.set('holdfast_codes', visitor.person.cookies.get('holdfast_codes'));
      expect(shown(await there.open(codesPage))).to.deep.equal([]);
    });

    it('that twenty requests made at once are shown only if they are the ones that work', async () => {
      const visitor = await newVisitor(provider);
      const form = formTo((await visitor.open(codesPage)).body, codesPage);
      const jars: unknown[] = [];
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          const { setCookies } = await visitor.post(form);
          const line = setCookies.find((one) => one.startsWith('holdfast_codes=')) ?? '';
          jars.push({ value: line.slice(line.indexOf('=') + 1).split(';')[0], path: '/' });
        }),
      );
      let working = 0;
      for (const cookie of jars) {
        (visitor.person.cookies as Map<string, unknown>).set('holdfast_codes', cookie);
        const reply = await visitor.open(codesPage);
        const codes = shown(reply);
        if (codes.length === 0) expect(noticeOf(reply)).to.include('Newer codes');
        else {
          working += 1;
          expect(await provider.parts.factors.recoveryCodes.areCurrent(visitor.id, codes)).to.equal(true);
        }
      }
      expect(jars).to.have.length(20);
      expect(working).to.equal(1);
    });
  });

  describe('trusted browsers', () => {
    it('are forgotten one by one, or all at once', async () => {
      const visitor = await newVisitor(provider);
      await addApp(visitor);
      const { browsers } = provider.parts.factors;
      const epoch = (await provider.parts.accounts.find(visitor.id))?.epoch ?? 0;
      for (const userAgent of ['Firefox/1 Linux', 'Firefox/1 Windows', 'Firefox/1 Android']) {
        await browsers.trust(visitor.id, { epoch, isStrong: true, userAgent });
      }
      const path = `${security}/browsers/forget`;
      const page = await visitor.open(security);
      const [first] = await browsers.list(visitor.id);
      const form = formTo(page.body, path);
      const one = await visitor.post(form, { browser: first?.id ?? '' });
      expect(one.location).to.equal(`${security}?done=browser-forgotten`);
      expect(await browsers.list(visitor.id)).to.have.length(2);
      const unknown = await visitor.post(form, { browser: first?.id ?? '' });
      expect(unknown.status).to.equal(404);
      expect(noticeOf(unknown)).to.equal('That browser is not trusted any more.');
      await visitor.post(form);
      expect(await browsers.list(visitor.id)).to.deep.equal([]);
    });

    it("of somebody else's are not found", async () => {
      const [owner, visitor] = [await newVisitor(provider), await newVisitor(provider)];
      for (const one of [owner, visitor]) {
        const epoch = (await provider.parts.accounts.find(one.id))?.epoch ?? 0;
        await provider.parts.factors.browsers.trust(one.id, { epoch, isStrong: true, userAgent: 'Firefox/1 Linux' });
      }
      const [theirs] = await provider.parts.factors.browsers.list(owner.id);
      const path = `${security}/browsers/forget`;
      const form = formTo((await visitor.open(security)).body, path);
      expect((await visitor.post(form, { browser: theirs?.id ?? '' })).status).to.equal(404);
      expect(await provider.parts.factors.browsers.list(owner.id)).to.have.length(1);
    });
  });
});
