import { expect } from 'chai';
import { SoftwarePasskey } from '../accounts/software-authenticator.ts';
import { startSmtp, type TestSmtp } from '../mail/smtp-fixture.ts';
import type { Reply } from '../support/person.ts';
import { startProvider, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { addApp, decode, elsewhere, formTo, newVisitor, noticeOf, Visitor } from './console-fixture.ts';

const security = '/account/security';
const passkeyPage = `${security}/passkeys/new`;
const codesPage = `${security}/recovery-codes`;

describe('the self-service pages about passkeys, recovery codes and trusted browsers', () => {
  let redis: Topology;
  let smtp: TestSmtp;
  let provider: TestProvider;
  before(async () => {
    [redis, smtp] = await Promise.all([startStandalone({ appendOnly: false }), startSmtp()]);
    const mail = {
      HOLDFAST_SMTP_URL: `smtp://127.0.0.1:${smtp.port}`,
      HOLDFAST_MAIL_FROM: 'Holdfast <id@example.org>',
      HOLDFAST_UNSAFE_ALLOW_PLAIN_SMTP: 'true',
    };
    provider = await startProvider(redis.url, 2, mail);
  });
  after(async () => {
    await provider?.stop();
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
        await provider.parts.factors.browsers.trust(one.id, {
          epoch,
          isStrong: true,
          userAgent: 'Firefox/1 Linux',
        });
      }
      const [theirs] = await provider.parts.factors.browsers.list(owner.id);
      const path = `${security}/browsers/forget`;
      const form = formTo((await visitor.open(security)).body, path);
      expect((await visitor.post(form, { browser: theirs?.id ?? '' })).status).to.equal(404);
      expect(await provider.parts.factors.browsers.list(owner.id)).to.have.length(1);
    });
  });
});
