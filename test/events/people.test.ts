import { expect } from 'chai';
import type { EventKind } from '../../src/events/events.ts';
import { follow, send } from '../interactions/account-pages-fixture.ts';
import { startSmtp, type TestSmtp } from '../mail/smtp-fixture.ts';
import { addApp, newVisitor } from '../self-service/console-fixture.ts';
import { startProvider, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

describe('what the audit trail has of people and their accounts', () => {
  let redis: Topology;
  let smtp: TestSmtp;
  let provider: TestProvider;
  before(async () => {
    [redis, smtp] = await Promise.all([startStandalone({ appendOnly: false }), startSmtp()]);
    provider = await startProvider(redis.url, 2, {
      HOLDFAST_SMTP_URL: `smtp://127.0.0.1:${smtp.port}`,
      HOLDFAST_MAIL_FROM: 'Holdfast <id@example.org>',
      HOLDFAST_UNSAFE_ALLOW_PLAIN_SMTP: 'true',
      HOLDFAST_REGISTRATION: 'open',
    });
  });
  after(async () => {
    await provider?.stop();
    await Promise.all([redis?.stop(), smtp?.stop()]);
  });

  const of = async (accountId: string, kind: EventKind) =>
    (await provider.parts.events.list({ accountId, kinds: [kind] })).events;

  /** What nobody waits for may be there a moment after the answer. */
  async function soon(accountId: string, kind: EventKind) {
    for (;;) {
      const [event] = await of(accountId, kind);
      if (event) return event;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async function link(to: string): Promise<string> {
    const mails = () => smtp.received.filter((mail) => mail.to.includes(to));
    await smtp.until(() => mails().length > 0);
    return /https?:\/\/\S+token=[\w.-]+/.exec(mails()[0]?.email.text ?? '')?.[0] ?? '';
  }

  it('is a changed password, and one that somebody only tried to change', async () => {
    const visitor = await newVisitor(provider);
    const page = '/account/password';
    const password = 'another long passphrase of somebody';
    await visitor.send(page, { current: 'not the one', password });
    const [failed] = await of(visitor.id, 'sign-in.failed');
    expect(failed).to.include({ reason: 'wrong-password', via: 'account', outcome: 'failure' });
    expect(await of(visitor.id, 'password.changed')).to.deep.equal([]);
    await visitor.send(page, { current: visitor.password, password });
    const [changed, ...more] = await of(visitor.id, 'password.changed');
    expect(more).to.deep.equal([]);
    expect(changed).to.deep.include({
      actor: { kind: 'account', id: visitor.id, name: visitor.email },
      via: 'account',
      address: '127.0.0.1',
    });
    expect(changed?.requestId).to.match(/^[\w-]{8,}$/);
    expect(JSON.stringify([failed, changed]))
      .to.not.include('passphrase')
      .and.not.include('not the one');
  });

  it('is a second factor, and never its seed', async () => {
    const visitor = await newVisitor(provider);
    await addApp(visitor, 'Phone');
    const [added] = await of(visitor.id, 'factor.added');
    expect(added?.after?.what).to.include('Phone');
    expect(JSON.stringify(added)).to.not.include(visitor.secret ?? 'none');
  });

  it('is the end of other sessions', async () => {
    const visitor = await newVisitor(provider);
    await visitor.open('/account');
    const other = Object.assign(await newVisitor(provider), {
      email: visitor.email,
      password: visitor.password,
    });
    await other.open('/account');
    await visitor.send('/account/sessions', {}, '/account/sessions/end-others');
    expect(await of(visitor.id, 'sign-out')).to.have.length(1);
  });

  it('is an account that its owner deleted', async () => {
    const visitor = await newVisitor(provider);
    await visitor.send('/account/delete', { email: visitor.email });
    expect(await provider.parts.accounts.find(visitor.id)).to.equal(undefined);
    const [deleted] = await of(visitor.id, 'account.deleted-by-owner');
    expect(deleted?.target).to.deep.equal({ kind: 'account', id: visitor.id, name: visitor.email });
  });

  it('is a registration, and a password that was forgotten', async () => {
    const email = 'newcomer@example.org';
    const person = provider.person();
    const form = await person.request('/register');
    await send(person, form, { email, password: 'seven lanterns under violet rain' });
    const confirm = await follow(person, await person.request(await link(email)));
    await send(person, confirm);
    const account = await provider.parts.accounts.findByEmail(email);
    const registered = await soon(account?.id ?? '', 'registration');
    expect(registered.actor.name).to.equal(email);

    const before = smtp.received.length;
    const ask = await person.request('/forgot-password');
    await send(person, ask, { email });
    await smtp.until((received) => received.length > before);
    const mail = smtp.received.at(-1)?.email.text ?? '';
    const reset = await follow(
      person,
      await person.request(/https?:\/\/\S+token=[\w.-]+/.exec(mail)?.[0] ?? ''),
    );
    await send(person, reset, { password: 'a quiet harbour keeps nine boats', everywhere: 'yes' });
    const done = await soon(account?.id ?? '', 'password.reset');
    expect(done.after).to.deep.equal({ endsSessions: true });
    expect(JSON.stringify([registered, done])).to.not.match(/lanterns|harbour|token/);
  });
});
