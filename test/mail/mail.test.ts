import { expect } from 'chai';
import { locales } from '../../src/locale.ts';
import { createComposer } from '../../src/mail/compose.ts';
import { createMail, type Mail } from '../../src/mail/mail.ts';
import { createOutboxStore } from '../../src/mail/outbox-store.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { dump, type MailPod, openMailPod, reset, until, waiting } from './mail-fixture.ts';
import { kinds, sample } from './samples.ts';
import { startSmtp, type TestSmtp } from './smtp-fixture.ts';

describe('mails', () => {
  let redis: Topology;
  const open: { close?: () => Promise<void>; stop?: () => Promise<void> }[] = [];

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
  });
  after(() => redis?.stop());
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await (one.close ?? one.stop)?.();
  });

  async function smtpServer(options: Parameters<typeof startSmtp>[0] = {}): Promise<TestSmtp> {
    const server = await startSmtp(options);
    open.push({ stop: server.stop });
    return server;
  }

  async function pod(options: Parameters<typeof openMailPod>[1] = {}): Promise<MailPod> {
    const opened = await openMailPod(redis.url, options);
    open.push({ close: opened.close });
    return opened;
  }

  const url = ({ port }: TestSmtp) => `smtp://127.0.0.1:${port}`;

  it('of every kind and language arrive as they were written', async () => {
    const smtp = await smtpServer();
    const { mails, store } = await pod({ smtp: url(smtp) });
    mails.start();
    const sent: Mail[] = locales.flatMap((locale) =>
      kinds.map((kind) => sample(kind, locale, `${kind}.${locale}@example.com`)),
    );
    for (const mail of sent) await mails.enqueue(mail);
    await smtp.until((received) => received.length === sent.length);

    const compose = createComposer('https://id.example.com');
    for (const mail of sent) {
      const [got] = smtp.received.filter(({ to }) => to[0] === mail.to);
      expect(got, mail.to).not.to.equal(undefined);
      if (!got) continue;
      const expected = compose(mail);
      const lines = (text = '') => text.replaceAll('\r\n', '\n').trimEnd();
      expect(got.email.subject).to.equal(expected.subject);
      expect(lines(got.email.text)).to.equal(lines(expected.text));
      expect(lines(got.email.html)).to.equal(lines(expected.html));
      expect(got.email.from).to.deep.include({ name: 'Häuser & Söhne', address: 'id@example.com' });
      expect(got.email.to?.map(({ address }) => address)).to.deep.equal([mail.to]);
      expect(got.to).to.deep.equal([mail.to]);
      expect(got.from).to.equal('id@example.com');
      const header = (name: string) => got.email.headers.find(({ key }) => key === name)?.value;
      expect(header('auto-submitted')).to.equal('auto-generated');
      expect(header('content-language')).to.equal(mail.locale);
      expect(got.email.messageId).to.match(/^<[\w-]{22}@example\.com>$/);
      expect(got.email.attachments).to.deep.equal([]);
      // On the wire it is seven bits and short lines, whatever the language.
      expect(got.raw).to.match(/^[\t\r\n\x20-\x7e]*$/);
      expect(got.raw.split('\r\n').every((line) => line.length <= 998)).to.equal(true);
    }
    await until(async () => Number(await store.call('EXISTS', store.keys.outbox())) === 0);
  });

  it('leave nothing behind once they are sent', async () => {
    const smtp = await smtpServer();
    const { mails, store, prefix } = await pod({ smtp: url(smtp) });
    mails.start();
    await mails.enqueue(reset('ada@example.com'));
    await smtp.until((received) => received.length === 1);
    await until(async () => ((await store.call('KEYS', `${prefix}{mail}*`)) as string[]).length === 0);
  });

  it('arrive once each, with twenty workers at once', async () => {
    const smtp = await smtpServer();
    const first = await pod({ smtp: url(smtp) });
    const pods = [first];
    while (pods.length < 20) pods.push(await pod({ smtp: url(smtp), prefix: first.prefix }));
    await Promise.all(
      Array.from({ length: 50 }, (_, n) => pods[n % 20]?.mails.enqueue(reset(`p${n}@example.com`))),
    );
    expect(await waiting(first.store)).to.equal(50);
    for (const { mails } of pods) mails.start();
    await smtp.until((received) => received.length >= 50);
    await until(async () => (await waiting(first.store)) === 0);
    for (const one of pods) await one.mails.close();
    expect(new Set(smtp.received.map(({ to }) => to[0])).size).to.equal(50);
    expect(smtp.received).to.have.lengthOf(50);
  });

  it('enqueued under one id twenty times at once are one mail, and stay one when it was sent', async () => {
    const smtp = await smtpServer();
    const one = await pod({ smtp: url(smtp) });
    const other = await pod({ smtp: url(smtp), prefix: one.prefix });
    const enqueue = () =>
      Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          (n % 2 ? one : other).mails.enqueue(reset(`p${n}@example.com`), { id: 'reset:1' }),
        ),
      );
    await enqueue();
    expect(await waiting(one.store)).to.equal(1);
    one.mails.start();
    await smtp.until((received) => received.length === 1);
    await until(async () => (await waiting(one.store)) === 0);
    await enqueue();
    expect(await waiting(one.store)).to.equal(0);
    await one.mails.enqueue(reset('another@example.com'), { id: 'reset:2' });
    await smtp.until((received) => received.length === 2);
    expect(smtp.received.map(({ to }) => to[0])).to.include('another@example.com');
    // What is left is a mark without content, and not for ever.
    const left = (await one.store.call('KEYS', `${one.prefix}{mail}:*`)) as string[];
    for (const key of left) {
      await until(async () => (await one.store.read(key))?.p === undefined);
      expect(Number(await one.store.call('PTTL', key))).to.be.within(1, 7 * 24 * 3600 * 1000);
    }
  });

  it('wait while the server is down, and arrive when it is back', async () => {
    const down = await startSmtp();
    await down.stop();
    const { mails, store, lines } = await pod({ smtp: url(down) });
    mails.start();
    await mails.enqueue(reset('ada@example.com'));
    const failures = () => lines.filter(({ msg }) => msg === 'a mail could not be sent now');
    await until(() => failures().length >= 3);
    expect(failures()[2]).to.deep.include({ kind: 'reset-password', tries: 3 });
    expect(failures()[0]?.why).to.include('ECONNREFUSED');

    const back = await smtpServer({ port: down.port });
    await back.until((received) => received.length === 1);
    await until(async () => Number(await store.call('EXISTS', store.keys.outbox())) === 0);
  });

  it('refused for the moment are tried again', async () => {
    const answers = ['451 4.7.1 Greylisted', '452 4.2.2 Full'];
    const smtp = await smtpServer({ refuse: () => answers.shift() });
    const { mails } = await pod({ smtp: url(smtp) });
    mails.start();
    await mails.enqueue(reset('ada@example.com'));
    await smtp.until((received) => received.length === 1);
    expect(answers).to.deep.equal([]);
  });

  it('to somebody whom the server does not know are given up at once, and kept without a word in the log', async () => {
    let asked = 0;
    const smtp = await smtpServer({
      refuse: (address) => {
        asked += 1;
        return `550 5.1.1 <${address}> unknown`;
      },
    });
    const { mails, store, prefix, lines } = await pod({ smtp: url(smtp) });
    mails.start();
    await mails.enqueue(reset('nobody@example.com'), { id: 'reset:nobody' });
    await until(async () => (await mails.deadLetters()).length === 1);
    const [letter] = await mails.deadLetters();
    expect(letter).to.deep.include({ kind: 'reset-password', to: 'nobody@example.com', tries: 1 });
    expect(letter?.why).to.include('550').and.include('RCPT TO');
    expect(asked).to.equal(1);
    expect(await waiting(store)).to.equal(0);
    expect(lines.filter(({ msg }) => msg.includes('given up'))).to.have.lengthOf(1);
    expect(JSON.stringify(lines)).not.to.include('nobody@');
    for (const key of (await store.call('KEYS', `${prefix}{mail}*`)) as string[]) {
      const days = Number(await store.call('PTTL', key)) / (24 * 3600 * 1000);
      expect(days, key).to.be.within(29, 30);
    }
  });

  it('refused for reasons that somebody may put right are kept', async () => {
    const answers = ['550 5.7.1 Relaying denied', '530 Authentication required', '554 5.7.0 Blocked'];
    const smtp = await smtpServer({ refuse: () => answers.shift() });
    const { mails } = await pod({ smtp: url(smtp) });
    mails.start();
    await mails.enqueue(reset('ada@example.com'));
    await smtp.until((received) => received.length === 1);
    expect(answers).to.deep.equal([]);
    expect(await mails.deadLetters()).to.deep.equal([]);
  });

  it('that cannot be sent for too long are given up', async () => {
    const down = await startSmtp();
    await down.stop();
    const { mails, lines } = await pod({ smtp: url(down), times: { giveUpMs: 400 } });
    mails.start();
    await mails.enqueue(reset('ada@example.com'));
    await until(async () => (await mails.deadLetters()).length === 1);
    const [letter] = await mails.deadLetters();
    expect(letter?.tries).to.be.greaterThan(1);
    expect(lines.some(({ msg }) => msg.includes('given up'))).to.equal(true);
  });

  it('can be read nowhere in Redis, and in no line of the log', async () => {
    const link = 'https://id.example.com/reset?token=Zq81-secret';
    const secrets = ['Zq81', '771942', 'ada.lovelace', 'Lovelace-Key', 'example.com/reset', 'reset-case-7'];
    const readable = (text: string) => secrets.filter((secret) => text.includes(secret));
    const smtp = await smtpServer({
      refuse: (to) => (to.startsWith('dead') ? '550 5.1.1 no such user' : '451 later'),
    });
    const { mails, store, prefix, lines } = await pod({ smtp: url(smtp) });
    const written: Mail[] = [
      reset('ada.lovelace@example.com', link),
      {
        kind: 'email-code',
        to: 'ada.lovelace@example.com',
        locale: 'en',
        values: { code: '771942', minutes: 5 },
      },
      {
        kind: 'factor-added',
        to: 'dead.ada.lovelace@example.com',
        locale: 'en',
        values: { name: 'Lovelace-Key', when: 0 },
      },
    ];
    for (const [n, mail] of written.entries()) await mails.enqueue(mail, { id: `reset-case-7:${n}` });
    expect(readable(await dump(store, prefix))).to.deep.equal([]);
    mails.start();
    await until(async () => (await mails.deadLetters()).length === 1 && lines.length >= 6);
    const text = await dump(store, prefix);
    expect(text).to.include('RCPT TO');
    expect(readable(text)).to.deep.equal([]);
    expect(readable(JSON.stringify(lines))).to.deep.equal([]);
    // The same search does find them where they may be.
    expect(readable(JSON.stringify(written))).to.include.members(secrets.slice(0, 4));

    const local = await pod();
    const shown = localPod(local);
    for (const mail of written) await shown.enqueue(mail);
    const kept = await dump(local.store, local.prefix);
    expect(kept).to.include(local.store.keys.mailsShown());
    expect(readable(kept)).to.deep.equal([]);
  });

  /** Mails as local mode has them: no Redis of its own was named, and no SMTP server. */
  function localPod(on: MailPod) {
    const config = { ...on.config, mail: { ...on.config.mail, areShown: true } };
    return createMail({ store: on.store, ring: on.ring, log: on.log, config });
  }

  it('of local mode are shown instead of sent: the last fifty, the latest first, each once', async () => {
    const mails = localPod(await pod());
    expect(mails.isOn).to.equal(true);
    mails.start();
    for (let n = 0; n < 55; n += 1) {
      await mails.enqueue(reset(`p${n}@example.com`), { id: `m${n}` });
      await mails.enqueue(reset(`p${n}@example.com`), { id: `m${n}` });
    }
    const shown = await mails.localMails();
    expect(shown).to.have.lengthOf(50);
    const numbers = shown.map(({ to }) => Number(/\d+/.exec(to)?.[0]));
    expect(numbers).to.deep.equal(Array.from({ length: 50 }, (_, n) => 54 - n));
    expect(Math.abs((shown[0]?.at ?? 0) - Date.now())).to.be.lessThan(60_000);
    expect(shown[0]).to.include({ kind: 'reset-password', subject: 'Choose a new password' });
    expect(shown[0]?.text).to.include('https://id.example.com/reset?token=ab_c-1');
    expect(shown[0]?.html).to.include('<html');
    expect(await mails.localMails(3)).to.have.lengthOf(3);
    await mails.close();
  });

  it('are off in production without an SMTP server: nothing is kept, nothing is asked of Redis', async () => {
    const { mails, store, prefix, lines } = await pod();
    expect(mails.isOn).to.equal(false);
    const commands = async () =>
      Number(/total_commands_processed:(\d+)/.exec(String(await store.call('INFO', 'stats')))?.[1]);
    const before = await commands();
    mails.start();
    await mails.enqueue(reset('ada@example.com'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    // Our own two INFO, and perhaps those with which ioredis looks after its connections.
    expect((await commands()) - before).to.be.lessThan(3);
    expect(await store.call('KEYS', `${prefix}{mail}*`)).to.deep.equal([]);
    expect(lines.some(({ msg }) => msg.includes('mails are off'))).to.equal(true);
    expect(await mails.verify()).to.equal(undefined);
    expect(await mails.localMails()).to.deep.equal([]);
  });

  it('cost one read of Redis at each look while there is nothing to send', async () => {
    const smtp = await smtpServer();
    const { mails, store } = await pod({ smtp: url(smtp), times: { pollMs: 50 } });
    const commands = async () => {
      const stats = String(await store.call('INFO', 'commandstats'));
      const calls = (name: string) =>
        Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
      return { looks: calls('evalsha') + calls('eval'), writes: calls('zadd') + calls('hset') };
    };
    const before = await commands();
    mails.start();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const after = await commands();
    expect(after.looks - before.looks).to.be.within(1, 12);
    expect(after.writes).to.equal(before.writes);
  });

  it('go to one address and nothing else', async () => {
    const { mails } = await pod();
    const bad = [
      'a@example.com, b@example.com',
      'a@example.com\r\nBcc: b@example.com',
      'a@example.com>\r\nRCPT TO:<b@example.com',
      'Ada <a@example.com>',
      'a b@example.com',
      'example.com',
      '',
    ];
    for (const to of bad) {
      const failure = await mails.enqueue(reset(to)).catch((error: unknown) => error);
      expect(failure, to).to.be.instanceOf(Error);
      expect((failure as Error).message).to.equal('a mail must go to one address');
    }
  });

  it('survive a kind that this version does not know, for one that does', async () => {
    const smtp = await smtpServer();
    const { mails, lines, store } = await pod({ smtp: url(smtp) });
    mails.start();
    await mails.enqueue({ ...reset('ada@example.com'), kind: 'from-tomorrow' } as unknown as Mail);
    await mails.enqueue(reset('bob@example.com'));
    await smtp.until((received) => received.length === 1);
    await until(() => lines.filter(({ msg }) => msg.includes('cannot be composed')).length > 1);
    await until(async () => (await waiting(store)) === 1);
    expect(await mails.deadLetters()).to.deep.equal([]);
  });

  it('are sent to the end when a pod closes', async () => {
    let taken = () => {};
    let release = () => {};
    const atServer = new Promise<void>((resolve) => {
      taken = resolve;
    });
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const smtp = await smtpServer({
      beforeTaking: () => {
        taken();
        return released;
      },
    });
    const { mails, store } = await pod({ smtp: url(smtp) });
    mails.start();
    await mails.enqueue(reset('ada@example.com'));
    await atServer;
    const closed = mails.close();
    release();
    await closed;
    expect(smtp.received).to.have.lengthOf(1);
    expect(await waiting(store)).to.equal(0);
  });

  it('whose lease has passed to another worker are his alone to put off or give up', async () => {
    const { store, ring, log } = await pod();
    const times = { leaseMs: 30, giveUpMs: 60_000, keepGivenUpMs: 60_000, keepMarkMs: 60_000 };
    const outbox = createOutboxStore(store, ring, log, times);
    await outbox.enqueue(reset('ada@example.com'), undefined);
    const [first] = await outbox.claim(5);
    expect(await outbox.claim(5)).to.deep.equal([]);
    let taken = first;
    await until(async () => {
      [taken] = await outbox.claim(5);
      return taken !== undefined;
    });
    if (!first || !taken) throw new Error('nothing was claimed');
    expect(taken.id).to.equal(first.id);
    const failure = { delayMs: 0, hopeless: true, why: 'late' };
    expect(await outbox.hold(first)).to.equal(false);
    expect(await outbox.failed(first, failure)).to.equal('lost');
    expect(await outbox.hold(taken)).to.equal(true);
    expect(await outbox.failed(taken, { ...failure, hopeless: false })).to.equal('again');
    expect(await outbox.listGivenUp(5)).to.deep.equal([]);
  });

  it('go to addresses in the letters of any script', async () => {
    const smtp = await smtpServer();
    const { mails } = await pod({ smtp: url(smtp) });
    mails.start();
    const addresses = ['jürgen@example.com', '太郎@xn--wgv71a119e.example', "o'hara+tag@example.com"];
    for (const to of addresses) await mails.enqueue(reset(to));
    await smtp.until((received) => received.length === 3);
    // Beside a local part that needs SMTPUTF8 (RFC 6531) the domain is in its own letters too.
    const arrived = smtp.received.map(({ to }) => to[0]?.replace('日本語', 'xn--wgv71a119e'));
    expect(arrived.sort()).to.deep.equal(addresses.sort());
  });

  it('that take longer than a lease stay with their worker', async () => {
    const smtp = await smtpServer({
      beforeTaking: () => new Promise((resolve) => setTimeout(resolve, 900)),
    });
    const times = { leaseMs: 300 };
    const one = await pod({ smtp: url(smtp), times });
    const other = await pod({ smtp: url(smtp), prefix: one.prefix, times });
    await one.mails.enqueue(reset('ada@example.com'));
    one.mails.start();
    other.mails.start();
    await until(async () => (await waiting(one.store)) === 0);
    await one.mails.close();
    await other.mails.close();
    expect(smtp.received).to.have.lengthOf(1);
  });
});
