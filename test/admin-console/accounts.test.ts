import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { decode, formTo, headingOf, noticeOf } from '../self-service/console-fixture.ts';
import { Person } from '../support/person.ts';
import { type Administrator, type ConsoleProvider, startConsole } from './console-fixture.ts';

/** A day at the console, in a browser without script; each request goes to the next pod. */
describe('accounts in the console', () => {
  let provider: ConsoleProvider;
  let owner: Administrator;
  let manager: Administrator;

  before(async () => {
    provider = await startConsole();
    owner = await provider.addPerson('odile', { roles: ['owner'] });
    manager = await provider.addPerson('magda', { roles: ['account-manager'] });
  });
  after(() => provider?.stop());

  let made = 0;

  /** An account that nobody is signed in to. */
  async function someone(more: { name?: string; roles?: string[] } = {}) {
    made += 1;
    const { roles = [], name = `Someone ${made}` } = more;
    const email = `someone-${made}@example.com`;
    const created = await provider.parts.accounts.create({ email, name, emailVerified: false });
    if (!created.ok) throw new Error(created.problem);
    const { id } = created.account;
    if (roles.length > 0) await provider.parts.administer.update(id, undefined, { roles });
    return { id, email, path: `/admin/accounts/${id}` };
  }

  const find = (id: string) => provider.parts.accounts.find(id);

  /** Sends the form of a page, and opens where it leads. */
  async function act(
    person: Administrator,
    path: string,
    fields: Record<string, string> = {},
    action = path,
  ) {
    const reply = await person.send(path, fields, action);
    return reply.location ? person.open(reply.location) : reply;
  }

  it('are found by the beginning of a name, by address, by id, and by role', async () => {
    const { id, email } = await someone({ name: 'Zacharias Quill', roles: ['auditor'] });
    for (const query of ['text=quil', `text=${email}`, `text=${id}`, 'role=auditor&text=zach']) {
      const { body } = await owner.open(`/admin/accounts?${query}`);
      expect(body, query).to.include(`/admin/accounts/${id}"`);
    }
    const { body } = await owner.open('/admin/accounts?role=client-manager');
    expect(body).to.not.include(id);
    expect(body).to.include('Nobody fits');
  });

  it('are listed page by page', async () => {
    const before = await provider.parts.admin.accounts.count();
    await Promise.all(Array.from({ length: 55 }, () => someone()));
    const seen = new Set<string>();
    let path: string | undefined = '/admin/accounts';
    for (let page = 0; path !== undefined && page < 10; page++) {
      const { body }: { body: string } = await owner.open(path);
      for (const [, id = ''] of body.matchAll(/type="checkbox" name="id" value="([^"]+)"/g)) seen.add(id);
      path = decode(/href="([^"]+)" rel="next"/.exec(body)?.[1] ?? '') || undefined;
    }
    expect(seen.size).to.equal(before + 55);
  });

  it('are jumped to from the search on top of each page', async () => {
    const { id, email, path } = await someone();
    for (const wanted of [id, email]) {
      const reply = await owner.person.request(`/admin/search?q=${encodeURIComponent(wanted)}`);
      expect(reply.location).to.equal(path);
    }
    expect((await owner.person.request('/admin/search?q=Keys')).location).to.equal('/admin/keys');
    expect((await owner.open('/admin/search?q=nothing-like-it')).body).to.include('Nothing was found');
  });

  it('are made with a temporary password, which their people replace', async () => {
    const page = await owner.open('/admin/accounts/new');
    const reply = await owner.post(formTo(page.body, '/admin/accounts/new'), {
      email: 'newcomer@example.com',
      name: 'New Comer',
      way: 'password',
      password: 'a temporary passphrase',
      role: 'auditor',
    });
    const shown = await owner.open(reply.location ?? '');
    expect(noticeOf(shown)).to.equal('The account is there.');
    const account = await provider.parts.accounts.findByEmail('newcomer@example.com');
    expect(account?.roles).to.deep.equal(['auditor']);
    expect(account?.mustChangePassword).to.equal(true);
  });

  it('are not made twice with one address: the page says so at the field', async () => {
    const { email } = await someone();
    const page = await owner.open('/admin/accounts/new');
    const reply = await owner.post(formTo(page.body, '/admin/accounts/new'), {
      email,
      name: 'Another One',
      way: 'none',
    });
    expect(reply.status).to.be.oneOf([409, 422]);
    expect(reply.body).to.match(/id="email"[^>]*aria-invalid="true"/);
    expect(reply.body).to.include('value="Another One"');
  });

  it('are changed, and the audit has what was before and after', async () => {
    const { id, path } = await someone();
    const shown = await act(owner, `${path}/edit`, { nickname: 'Sam', verified: 'yes' });
    expect(noticeOf(shown)).to.equal('The changes are saved.');
    const account = await find(id);
    expect(account?.nickname).to.equal('Sam');
    expect(account?.emailVerified).to.equal(true);
    expect(shown.body).to.include('Account changed');
    const [, event = ''] = /href="(\/admin\/audit\/[^"]+)">Account changed/.exec(shown.body) ?? [];
    const { body } = await owner.open(event);
    expect(body).to.match(/<code>profile<\/code>|<code>nickname<\/code>/);
    expect(body).to.include('Sam');
  });

  it('are not changed over what somebody else has changed meanwhile', async () => {
    const { id, path } = await someone();
    const page = await owner.open(`${path}/edit`);
    await provider.parts.administer.update(id, undefined, { profile: { nickname: 'First' } });
    const reply = await owner.post(formTo(page.body, `${path}/edit`), { nickname: 'Second' });
    expect(reply.status).to.equal(409);
    expect((await find(id))?.nickname).to.equal('First');
  });

  it('are disabled after a question that says in numbers what ends, and enabled again', async () => {
    const person = await provider.addPerson('disabled-one', { hasApp: false });
    await person.open('/account');
    const path = `/admin/accounts/${person.id}`;
    const question = await owner.open(`${path}/disable`);
    expect(question.body).to.include('1 session, in browsers and apps');
    expect((await find(person.id))?.status).to.equal('active');
    const shown = await act(owner, `${path}/disable`);
    expect(noticeOf(shown)).to.equal('The account is disabled and signed out everywhere.');
    expect((await find(person.id))?.status).to.equal('disabled');
    expect((await person.person.request('/account')).status).to.equal(303);
    await act(owner, `${path}/enable`);
    expect((await find(person.id))?.status).to.equal('active');
  });

  it('lose sessions, one or all, and never one of another account', async () => {
    const person = await provider.addPerson('many-sessions', { hasApp: false });
    const other = await someone();
    await person.open('/account');
    const page = await owner.open(`/admin/accounts/${person.id}`);
    const [, path = ''] = /href="(\/admin\/accounts\/[^"]+\/sessions\/[^"]+\/end)"/.exec(page.body) ?? [];
    expect(path).to.not.equal('');
    const form = formTo((await owner.open(path)).body, path);
    const wrong = path.replace(person.id, other.id);
    const refused = await owner.post({ ...form, action: wrong });
    expect(refused.status).to.equal(404);
    expect((await person.person.request('/account')).status).to.equal(200);
    expect(noticeOf(await act(owner, path))).to.equal('The session has ended.');
    expect((await person.person.request('/account')).status).to.equal(303);
    await person.open('/account');
    expect(noticeOf(await act(owner, `/admin/accounts/${person.id}/end-sessions`))).to.equal(
      'All sessions have ended.',
    );
    expect((await person.person.request('/account')).status).to.equal(303);
  });

  it('are helped when the phone is lost: factors removed, a password set', async () => {
    const person = await provider.addPerson('lost-phone');
    const path = `/admin/accounts/${person.id}`;
    const page = await owner.open(path);
    expect(page.body).to.include('Authenticator app');
    await act(owner, `${path}/reset-factors`);
    expect(await provider.parts.factors.list(person.id)).to.deep.equal([]);
    const shown = await act(owner, `${path}/password`, { password: 'quite another passphrase' });
    expect(noticeOf(shown)).to.equal('The password is set, and everything else is signed out.');
    expect((await find(person.id))?.mustChangePassword).to.equal(true);
  });

  it('are deleted only when their address was typed', async () => {
    const { id, email, path } = await someone();
    const wrong = await owner.send(`${path}/delete`, { typed: 'somebody@else.example' });
    expect(wrong.status).to.equal(422);
    expect(noticeOf(wrong)).to.include('Nothing has been deleted');
    expect(await find(id)).to.not.equal(undefined);
    const shown = await act(owner, `${path}/delete`, { typed: email.toUpperCase() });
    expect(noticeOf(shown)).to.equal('The account is deleted.');
    expect(await find(id)).to.equal(undefined);
    expect((await owner.open(path)).status).to.equal(404);
  });

  it('of an owner are out of reach for whoever may do less', async () => {
    const path = `/admin/accounts/${owner.id}`;
    const page = await manager.open(path);
    expect(page.body).to.include('This person may do more than you');
    expect(page.body).to.not.include(`${path}/disable`);
    const reply = await manager.send(`${path}/disable`);
    expect(reply.status).to.equal(403);
    expect((await find(owner.id))?.status).to.equal('active');
  });

  it('get no role from whoever has less than it gives, and keep those that cannot be changed', async () => {
    const { id, path } = await someone({ roles: ['auditor'] });
    const form = formTo((await manager.open(`${path}/access`)).body, `${path}/access`);
    const refused = await manager.post(form, { role: 'owner' });
    expect(refused.status).to.equal(403);
    expect((await find(id))?.roles).to.deep.equal(['auditor']);
  });

  it('are disabled several at once, with a result for each', async () => {
    const [first, second] = [await someone(), await someone()];
    const list = `id=${first.id}&id=${second.id}&id=${owner.id}`;
    const path = '/admin/accounts/bulk/disable';
    const question = await manager.open(`${path}?${list}`);
    expect(question.body).to.include('Disable 3 accounts?');
    const { body } = await manager.post(formTo(question.body, path));
    expect(body.match(/>done</g)).to.have.lengthOf(2);
    expect(body.match(/>refused</g)).to.have.lengthOf(1);
    expect((await find(first.id))?.status).to.equal('disabled');
    expect((await find(owner.id))?.status).to.equal('active');
  });

  it('are left as they are where the administrator is disabled while many are worked on', async () => {
    const { accounts, administer, access, directory } = provider.parts;
    const short = await provider.addPerson('bulky', { roles: ['account-manager'] });
    const crowd = { name: 'Crowd', description: '', roles: [], claims: {} };
    expect((await access.groups.create('crowd', crowd)).ok).to.equal(true);
    const made = await Promise.all(
      Array.from({ length: 90 }, (_, at) => accounts.create({ email: `crowd-${at}@example.net` })),
    );
    const ids = made.map((one) => (one.ok ? one.account.id : expect.fail(one.problem)));
    const path = '/admin/accounts/bulk/add-to-group';
    const question = await short.open(`${path}?group=crowd&${ids.map((id) => `id=${id}`).join('&')}`);
    const running = short.post(formTo(question.body, path));
    const members = () => directory.count({ group: 'crowd' });
    while ((await members()) === 0) await pause(1);
    expect((await administer.setStatus(short.id, undefined, 'disabled')).ok).to.equal(true);
    const { status, body } = await running;
    expect(status).to.equal(200);
    const done = body.match(/>done</g)?.length ?? 0;
    expect(done).to.be.within(1, 89);
    expect(body.match(/>refused</g)).to.have.lengthOf(90 - done);
    expect(body).to.include('You are not signed in any more');
    expect(await members()).to.equal(done);
  });

  it('show a script in any name as text', async () => {
    const script = `"'><script>alert(1)</script><img src=x onerror=alert(2)>`;
    const { id, path } = await someone({ name: script });
    await provider.parts.administer.update(id, undefined, { profile: { nickname: script, gender: script } });
    await act(owner, `${path}/edit`, { family_name: script });
    const pages = ['', '/edit', '/access', '/password', '/disable', '/delete'].map((end) => `${path}${end}`);
    pages.push('/admin/accounts?text=script', '/admin/search?q=script', `/admin/audit?person=${id}`);
    pages.push(
      `/admin/accounts?text=${encodeURIComponent(script)}`,
      `/admin/search?q=${encodeURIComponent(script)}`,
    );
    for (const page of pages) {
      const { body } = await owner.open(page);
      expect(body, page).to.not.include('<script>alert');
      expect(body, page).to.not.include('<img src=x');
    }
  });

  it('take no form with the token of another session, and none with a field too many', async () => {
    const { id, path } = await someone();
    const stolen = formTo((await manager.open(`${path}/disable`)).body, `${path}/disable`);
    const reply = await owner.post(stolen);
    expect(reply.status).to.equal(400);
    expect(reply.body).to.include('This page was open for too long');
    const own = formTo((await owner.open(`${path}/disable`)).body, `${path}/disable`);
    expect((await owner.post(own, { id: owner.id })).status).to.equal(400);
    expect((await find(id))?.status).to.equal('active');
  });

  it('close the console at once for somebody whose role is taken away', async () => {
    const person = await provider.addPerson('short-lived', { roles: ['auditor'] });
    expect((await person.open('/admin')).status).to.equal(200);
    const path = `/admin/accounts/${person.id}/access`;
    const form = formTo((await owner.open(path)).body, path);
    expect(form.fields.role).to.equal('auditor');
    delete form.fields.role;
    await owner.post(form);
    const { location, status } = await person.person.request('/admin');
    expect(location === undefined ? status : 403).to.equal(403);
    expect((await person.open('/admin')).body).to.include('You have no access to administration');
  });

  it('open the console only with a second factor, which those who have none set up', async () => {
    const person = await provider.addPerson('no-factor', { roles: ['auditor'], hasApp: false });
    const reply = await person.open('/admin');
    expect(reply.body).to.match(/\/enrol\//);
  });

  it('become owners by a link that works once', async () => {
    const [first, second] = [await provider.addPerson('heir'), await provider.addPerson('late')];
    const invited = await provider.parts.admin.accounts.inviteOwner(
      {
        kind: 'operator',
        id: 'root',
        name: 'root',
        permissions: (await provider.parts.access.effectiveNow({ roles: ['owner'], groups: [] })).permissions,
        via: 'cli',
        requestId: '',
        address: '',
      },
      3600,
    );
    if (!invited.ok) throw new Error(invited.message);
    const path = `/admin/owner?token=${invited.value.token}`;
    const [one, two] = [await first.open(path), await second.open(path)];
    const reply = await first.post(formTo(one.body, '/admin/owner'));
    const shown = await first.open(reply.location ?? '');
    expect(noticeOf(shown)).to.equal('You are an owner now. Welcome!');
    expect((await find(first.id))?.roles).to.include('owner');
    const late = await second.post(formTo(two.body, '/admin/owner'));
    expect(late.status).to.equal(409);
    expect((await find(second.id))?.roles ?? []).to.not.include('owner');
    expect(headingOf(await first.open('/admin/owner'))).to.equal('This link is not complete');
  });

  it('lead back to the page that was asked for after signing in, and nowhere else', async () => {
    const addresses = provider.pods.map(({ url }) => url);
    const stranger = new Person(provider.issuer, addresses);
    const asked = await stranger.request('/admin/audit?kind=sign-in.failed');
    expect(asked.location).to.match(/^\/auth\?client_id=holdfast-admin/);
    for (const state of ['forged', '/evil', 'https://evil.example']) {
      const reply = await stranger.request(`/admin/signed-in?state=${encodeURIComponent(state)}`);
      expect(reply.location).to.equal('/admin');
    }
  });
});
