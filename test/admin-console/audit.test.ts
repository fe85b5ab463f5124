import { expect } from 'chai';
import { changesOf } from '../../src/admin/console/event-changes.ts';
import { decode, formTo } from '../self-service/console-fixture.ts';
import { Person } from '../support/person.ts';
import { type Administrator, type ConsoleProvider, startConsole } from './console-fixture.ts';

describe('the audit in the console', () => {
  let provider: ConsoleProvider;
  let owner: Administrator;

  before(async () => {
    provider = await startConsole();
    owner = await provider.addPerson('odile', { roles: ['owner'] });
  });
  after(() => provider?.stop());

  /** Asks until what was just recorded can be found. */
  async function until(path: string, holds: (body: string) => boolean): Promise<string> {
    const deadline = AbortSignal.timeout(10_000);
    for (;;) {
      const { body } = await owner.open(path);
      if (holds(body)) return body;
      if (deadline.aborted) throw new Error(`not found at ${path}:\n${body.slice(0, 5000)}`);
    }
  }

  /** Tries to sign in with a wrong password. @returns the number of the request, as the answer carries it */
  async function failToSignIn(email: string): Promise<string> {
    const person = new Person(
      provider.issuer,
      provider.pods.map(({ url }) => url),
    );
    let reply = await person.request('/account');
    while (reply.location) reply = await person.request(reply.location);
    const { action, fields } = formTo(reply.body, /\/login$/);
    const form = { ...fields, email, password: 'not the right one', decision: 'sign-in' };
    const failed = await person.request(action, { form });
    return failed.headers.get('x-request-id') ?? '';
  }

  it('says in words why a sign-in failed, when the number of its request is searched for', async () => {
    const person = await provider.addPerson('forgetful', { hasApp: false });
    const number = await failToSignIn(person.email);
    expect(number).to.match(/^[\w.-]{8,64}$/);
    const path = `/admin/audit?request=${number}`;
    const body = await until(path, (found) => found.includes('Why it failed'));
    expect(body).to.include('The password was wrong.');
    expect(body).to.include(person.email);
    const jump = await owner.person.request(`/admin/search?q=${number}`);
    expect(jump.location).to.equal(path);
  });

  it('finds who tried with an address that nobody has', async () => {
    const number = await failToSignIn('misspelled@example.org');
    await until(`/admin/audit?request=${number}`, (found) => found.includes('Why it failed'));
    const { body } = await owner.open('/admin/audit?person=misspelled@example.org');
    expect(body).to.include('Nobody here has the address');
    expect(body).to.include('no-account');
  });

  it('shows what an act has changed, before and after, and is filtered by kind, outcome and person', async () => {
    const person = await provider.addPerson('changed', { roles: ['auditor'] });
    const path = `/admin/accounts/${person.id}/access`;
    const form = formTo((await owner.open(path)).body, path);
    await owner.post(form, { role: 'client-manager' });
    const query = `/admin/audit?person=${person.id}&kind=account.roles-changed&outcome=success`;
    const body = await until(query, (found) => found.includes('Roles or groups changed</a>'));
    const event = decode(/href="(\/admin\/audit\/[^"]+)">Roles or groups changed/.exec(body)?.[1] ?? '');
    const detail = await owner.open(event);
    expect(detail.body).to.include('<del><bdi>auditor</bdi></del>');
    expect(detail.body).to.include('<ins><bdi>client-manager</bdi></ins>');
    expect(detail.body).to.include(owner.email);
    const none = await owner.open(`/admin/audit?person=${person.id}&outcome=failure&trail=admin`);
    expect(none.body).to.include('Nothing fits');
  });

  it('can be taken out as NDJSON, which is recorded itself', async () => {
    const reply = await owner.person.request('/admin/audit/export?trail=admin');
    expect(reply.status).to.equal(200);
    expect(reply.headers.get('content-type')).to.include('application/x-ndjson');
    expect(reply.headers.get('content-disposition')).to.include('attachment');
    const events = reply.body
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { trail: string; kind: string });
    expect(events.length).to.be.greaterThan(0);
    expect(new Set(events.map(({ trail }) => trail))).to.deep.equal(new Set(['admin']));
    await until('/admin/audit?kind=audit.exported', (found) => found.includes('Audit exported</a>'));
  });

  it('can be verified', async () => {
    const path = '/admin/audit/verify';
    const question = await owner.open(path);
    expect(question.body, 'only asks').to.not.include('The audit is intact');
    const { body } = await owner.post(formTo(question.body, path));
    expect(body).to.include('The audit is intact');
  });

  it('is verified once at a time on a pod', async () => {
    const path = '/admin/audit/verify';
    const form = formTo((await owner.open(path)).body, path);
    const send = (pod: number) => owner.person.request(form.action, { form: form.fields, pod });
    // Enough to read for one proof to be at it when the next ones come.
    const event = { kind: 'sign-in.succeeded', outcome: 'success', actor: { kind: 'system' } } as const;
    for (let made = 0; made < 3000; made += 300) {
      await Promise.all(Array.from({ length: 300 }, () => provider.parts.events.record(event)));
    }
    const replies = await Promise.all(Array.from({ length: 12 }, () => send(0)));
    const busy = replies.filter(({ status }) => status === 429);
    expect(busy.length).to.be.within(1, 11);
    expect(replies.filter(({ status }) => status === 200).length).to.equal(12 - busy.length);
    expect(busy[0]?.headers.get('retry-after')).to.equal('10');
    expect(busy[0]?.body).to.include('being verified already');
    expect((await send(0)).status).to.equal(200);
  });

  it('has it when somebody opens a page that they may not', async () => {
    const person = await provider.addPerson('curious', { roles: ['client-manager'] });
    expect((await person.open('/admin/audit')).status).to.equal(403);
    const path = `/admin/audit?person=${person.id}&kind=access.refused`;
    await until(path, (found) => found.includes('audit:read'));
  });

  it('takes nonsense in its filters for nothing, and a forged cursor for an empty page', async () => {
    for (const query of ['kind=nonsense&trail=x&from=yesterday', 'cursor=forged', 'person=%00'.slice(0, 7)]) {
      expect((await owner.open(`/admin/audit?${query}`)).status, query).to.equal(200);
    }
    expect((await owner.open('/admin/audit/no-such-event')).status).to.equal(404);
  });

  it('tells of a list only what was taken out and put in', () => {
    const before = { roles: ['a', 'b'], name: 'Same', nickname: '' };
    const after = { roles: ['b', 'c'], name: 'Same', nickname: 'Sam', isOn: false };
    expect(changesOf({ before, after })).to.deep.equal([
      { field: 'isOn', removed: [], added: ['false'] },
      { field: 'nickname', removed: [], added: ['Sam'] },
      { field: 'roles', removed: ['a'], added: ['c'] },
    ]);
    expect(changesOf({})).to.deep.equal([]);
  });
});
