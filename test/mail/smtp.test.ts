import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readConfig } from '../../src/config.ts';
import { createComposer } from '../../src/mail/compose.ts';
import { openSmtp, refusalOf, type Sent, type Smtp } from '../../src/mail/smtp.ts';
import { testKeys } from '../support/pods.ts';
import { makeTls } from '../support/redis-tls.ts';
import { sample } from './samples.ts';
import { startSmtp, type TestSmtp } from './smtp-fixture.ts';

const compose = createComposer('https://id.example.com');
const mail = compose(sample('reset-password', 'en'));

describe('the SMTP connection', () => {
  let directory: string;
  let tls: { key: Buffer; cert: Buffer };
  let server: TestSmtp | undefined;
  let smtp: Smtp | undefined;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-smtp-'));
    await makeTls(directory);
    const read = (name: string) => readFileSync(join(directory, name));
    tls = { key: read('server.key'), cert: read('server.pem') };
  });
  after(() => rmSync(directory, { recursive: true, force: true }));
  afterEach(async () => {
    smtp?.close();
    await server?.stop();
  });

  // An address that leads to this machine and is not a loopback address, as that of any other server.
  const far = '0.0.0.0';
  const near = '127.0.0.1';

  type Reach = { scheme?: string; user?: string; host: string; allowPlain?: boolean };

  function connect({ scheme = 'smtp', user = '', host, allowPlain = false }: Reach): Smtp {
    const { mail: settings } = readConfig({
      HOLDFAST_ISSUER: 'https://id.example.com',
      HOLDFAST_KEYS: testKeys,
      REDIS_URL: 'redis://127.0.0.1:6379',
      HOLDFAST_SMTP_URL: `${scheme}://${user}${host}:${server?.port}`,
      HOLDFAST_MAIL_FROM: 'id@example.com',
    });
    if (!settings.smtp || !settings.from) throw new Error('no SMTP server');
    smtp = openSmtp(settings.smtp, settings.from, { connections: 1, allowPlain });
    return smtp;
  }

  const send = (reach: Reach): Promise<Sent> => connect(reach).send(mail, 'AAAAAAAAAAAAAAAAAAAAAA', 0);

  it('sends nothing to another machine without TLS', async () => {
    server = await startSmtp();
    const sent = await send({ host: far });
    expect(sent).to.deep.include({ ok: false, hopeless: false });
    expect(server.received).to.deep.equal([]);
  });

  it('does so where that was allowed by name', async () => {
    server = await startSmtp();
    expect(await send({ host: far, allowPlain: true })).to.deep.equal({ ok: true });
    expect(server.received[0]?.isEncrypted).to.equal(false);
  });

  it('trusts no certificate of another machine that nobody vouches for', async () => {
    server = await startSmtp({ server: { ...tls, disabledCommands: [] } });
    expect(await send({ host: far })).to.deep.include({ ok: false, hopeless: false });
    smtp?.close();
    expect(await send({ host: far, allowPlain: true })).to.deep.include({ ok: false });
    expect(server.received).to.deep.equal([]);
  });

  it('uses STARTTLS on loopback where it is offered, whoever the certificate is made out to', async () => {
    server = await startSmtp({ server: { ...tls, disabledCommands: [] } });
    expect(await send({ host: near })).to.deep.equal({ ok: true });
    expect(server.received[0]?.isEncrypted).to.equal(true);
  });

  it('speaks TLS from the start with smtps', async () => {
    server = await startSmtp({ server: { ...tls, secure: true } });
    expect(await send({ scheme: 'smtps', host: near })).to.deep.equal({ ok: true });
    expect(server.received[0]?.isEncrypted).to.equal(true);
  });

  describe('with a name and a password', () => {
    beforeEach(async () => {
      server = await startSmtp({
        server: {
          ...tls,
          disabledCommands: [],
          authOptional: false,
          onAuth: ({ username, password }, _session, answer) =>
            username === 'mailer' && password === 'p@ss:/word'
              ? answer(null, { user: username })
              : answer(new Error('wrong')),
        },
      });
    });

    it('gives them, and can be asked whether they are right', async () => {
      const right = { host: near, user: 'mailer:p%40ss%3A%2Fword@' };
      expect(await connect(right).verify()).to.deep.equal({ ok: true });
      smtp?.close();
      expect(await send(right)).to.deep.equal({ ok: true });
      expect(server?.received).to.have.lengthOf(1);
    });

    it('tells that they are wrong without repeating them, and that there is hope', async () => {
      const wrong = { host: near, user: 'mailer:not-the-one@' };
      for (const sent of [await connect(wrong).verify(), await send(wrong)]) {
        expect(sent).to.deep.include({ ok: false, hopeless: false });
        expect(JSON.stringify(sent)).to.include('EAUTH').and.not.include('not-the-one');
      }
    });
  });

  it('tells in codes alone why a mail was refused', () => {
    const refused = (responseCode: number, response: string, command = 'RCPT TO') =>
      refusalOf(Object.assign(new Error(response), { code: 'EENVELOPE', responseCode, response, command }));
    expect(refused(550, '550 5.1.1 <ada@example.com> no such user')).to.deep.equal({
      ok: false,
      hopeless: true,
      why: 'EENVELOPE 550 RCPT TO',
    });
    expect(refused(550, '550 no such user').hopeless).to.equal(true);
    expect(refused(552, '552-5.2.2 full\r\n552 5.2.2 really').hopeless).to.equal(true);
    expect(refused(550, '550 5.7.1 relaying denied').hopeless).to.equal(false);
    expect(refused(530, '530 Must issue STARTTLS').hopeless).to.equal(false);
    expect(refused(450, '450 4.2.1 busy').hopeless).to.equal(false);
    expect(refused(550, '550 5.1.8 bad sender', 'MAIL FROM').hopeless).to.equal(false);
    expect(refused(554, '554 5.6.0 bad content', 'DATA').hopeless).to.equal(false);
    expect(refusalOf(new Error('connect to ada@example.com'))).to.deep.equal({
      ok: false,
      hopeless: false,
      why: 'unknown',
    });
  });
});

describe('the settings of mails', () => {
  const least = {
    HOLDFAST_ISSUER: 'https://id.example.com',
    HOLDFAST_KEYS: testKeys,
    REDIS_URL: 'redis://127.0.0.1:6379',
  };
  const from = 'Ada <id@example.com>';
  const read = (smtp?: string, sender: string | undefined = from) =>
    readConfig({ ...least, HOLDFAST_SMTP_URL: smtp, HOLDFAST_MAIL_FROM: sender }).mail;

  it('are a server and a sender', () => {
    expect(read('smtp://mail.example.com')).to.deep.include({
      smtp: { host: 'mail.example.com', port: 587, isSecure: false, user: '', password: '' },
      from: { name: 'Ada', address: 'id@example.com' },
    });
    expect(read('smtps://a%40b:c%2Fd@[::1]/').smtp).to.deep.equal({
      host: '::1',
      port: 465,
      isSecure: true,
      user: 'a@b',
      password: 'c/d',
    });
    expect(read('smtp://mail.example.com:2525').smtp?.port).to.equal(2525);
    expect(read(undefined).smtp).to.equal(undefined);
    expect(read(undefined, 'id@example.com').from).to.deep.equal({ name: '', address: 'id@example.com' });
    expect(read(undefined, '"Ada, of Example" <id@example.com>').from?.name).to.equal('Ada, of Example');
  });

  it('that are wrong are told without the password', () => {
    for (const wrong of [
      'mail.example.com',
      'http://u:hushhush@host',
      'smtp://u:hushhush@host/x',
      'smtp://u:%zz@h',
    ]) {
      const fault = faultsOf(() => read(wrong));
      expect(fault, wrong).to.match(/^HOLDFAST_SMTP_URL must/);
      expect(fault).not.to.include('hushhush');
    }
    for (const wrong of [
      'Ada',
      'Ada <>',
      'Ada <a@b>\r\nBcc: c@d',
      'a@b, c@d',
      'a@',
      '<a b@c>',
      'A\nB <a@b>',
    ]) {
      expect(
        faultsOf(() => read(undefined, wrong)),
        wrong,
      ).to.match(/^HOLDFAST_MAIL_FROM must/);
    }
    expect(faultsOf(() => readConfig({ ...least, HOLDFAST_SMTP_URL: 'smtp://h' }))).to.match(
      /^HOLDFAST_MAIL_FROM is required/,
    );
  });

  function faultsOf(work: () => unknown): string {
    try {
      work();
    } catch (error) {
      return (error as { faults: string[] }).faults.join('\n');
    }
    return '';
  }
});
