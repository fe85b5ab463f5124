import { expect } from 'chai';
import { planEnvironment } from '../chaos/pod-plan.ts';
import type { Person } from '../support/person.ts';
import {
  type AccountPages,
  follow,
  otherPassword,
  password,
  problemsOf,
  send,
  sendAgain,
  startAccountPages,
  terms,
  titleOf,
} from './account-pages-fixture.ts';

const from = { address: '198.51.100.7' };

describe('links in mails about an account', () => {
  let pages: AccountPages;
  let made = 0;
  before(async () => {
    pages = await startAccountPages();
  });
  after(() => pages?.stop());

  const newPerson = () => pages.provider.person();
  const find = (id: string) => pages.provider.parts.accounts.find(id);

  async function newAccount(): Promise<{ email: string; id: string }> {
    const email = `linked-${++made}@example.com`;
    const created = await pages.provider.parts.accounts.create({ email, password });
    if (!created.ok) throw new Error(created.problem);
    return { email, id: created.account.id };
  }

  async function open(person: Person, link: string) {
    return follow(person, await person.request(link));
  }

  it('confirm the address by a press, not by being opened', async () => {
    const { email, id } = await newAccount();
    await pages.provider.parts.flows.verifyEmail.request(id, from);
    const link = await pages.link(email);
    const person = newPerson();
    const page = await open(person, link);
    expect(titleOf(page)).to.equal('Confirm your address');
    expect(page.body).to.include(email);
    expect((await find(id))?.emailVerified).to.equal(false);
    // An old form does nothing either, and can be sent again from the page that it brings.
    const old = await send(person, page, { csrf: 'old' });
    expect([old.status, problemsOf(old).length]).to.deep.equal([400, 1]);
    expect((await find(id))?.emailVerified).to.equal(false);
    const done = await follow(person, await send(person, old));
    expect(titleOf(done)).to.equal('Your address is confirmed');
    expect((await find(id))?.emailVerified).to.equal(true);
    expect(titleOf(await open(newPerson(), link))).to.equal('This link was used already');
  });

  it('change the address, and take the change back', async () => {
    const { email, id } = await newAccount();
    const newEmail = `moved-${made}@example.com`;
    const { changeEmail } = pages.provider.parts.flows;
    expect(await changeEmail.request(id, newEmail, from)).to.deep.equal({ ok: true });
    const person = newPerson();
    const page = await open(person, await pages.link(newEmail));
    expect(titleOf(page)).to.equal('Change your address?');
    expect(page.body).to.include(email).and.include(newEmail);
    expect((await find(id))?.email).to.equal(email);
    const done = await follow(person, await send(person, page));
    expect(titleOf(done)).to.equal('Your address is changed');
    expect((await find(id))?.email).to.equal(newEmail);

    const undo = await open(newPerson(), await pages.link(email));
    expect(titleOf(undo)).to.equal('Take the change back?');
    expect((await find(id))?.email).to.equal(newEmail);
    const owner = newPerson();
    const undone = await follow(owner, await send(owner, await open(owner, await pages.link(email))));
    expect(titleOf(undone)).to.equal('The change is taken back');
    expect((await find(id))?.email).to.equal(email);
    // And a link for a new password.
    expect(new URL(await pages.link(email, 2)).pathname).to.equal('/reset-password');
    const changes = await pages.provider.parts.activity.list(id);
    expect(changes.map(({ kind, what }) => [kind, what])).to.deep.equal([
      ['email-changed', email],
      ['email-changed', newEmail],
    ]);
  });

  it('do what they say once more when the pod died before it could answer', async () => {
    const { email, id } = await newAccount();
    await pages.provider.parts.flows.verifyEmail.request(id, from);
    const plan = { points: ['before-answer' as const], probability: 1, seed: 5, clockMs: 0 };
    const dying = await pages.startPod(planEnvironment(plan));
    const [well = ''] = pages.provider.pods.map(({ url }) => url);
    const person = newPerson().clone([well, well, dying.url, well]);
    const page = await open(person, await pages.link(email));
    const { reply, brokeOff } = await sendAgain(person, page);
    expect(brokeOff).to.equal(1);
    expect(titleOf(await follow(person, reply))).to.equal('Your address is confirmed');
  });

  it('tell of a link that is outdated, or for another page', async () => {
    const { email, id } = await newAccount();
    const { flows, accounts } = pages.provider.parts;
    await flows.verifyEmail.request(id, from);
    const link = await pages.link(email);
    const elsewhere = link.replace('/verify-email', '/change-email');
    expect((await open(newPerson(), elsewhere)).status).to.equal(410);
    const person = newPerson();
    const page = await open(person, link);
    await accounts.setPassword(id, otherPassword);
    for (const late of [await send(person, page), await open(newPerson(), link)]) {
      expect([late.status, titleOf(late)]).to.deep.equal([410, 'This link no longer fits']);
      expect(late.body).to.include('href="/account"');
    }
  });

  it('say that an address was taken meanwhile', async () => {
    const { id } = await newAccount();
    const wanted = `wanted-${made}@example.com`;
    await pages.provider.parts.flows.changeEmail.request(id, wanted, from);
    const link = await pages.link(wanted);
    await pages.provider.parts.accounts.create({ email: wanted, password });
    const person = newPerson();
    const page = await send(person, await open(person, link));
    expect([page.status, titleOf(page)]).to.deep.equal([410, 'This address has an account already']);
  });

  it('make the account of somebody who was invited', async () => {
    const email = 'guest@example.com';
    const { invitations } = pages.provider.parts.flows;
    const invite = () => invitations.invite({ email, inviter: 'Jonas Weber', locale: 'en' });
    expect(await invite()).to.include({ ok: true });
    const first = await pages.link(email);
    expect(await invite()).to.include({ ok: true });
    const person = newPerson();
    expect(titleOf(await open(person, first))).to.equal('There is a newer mail');
    const page = await open(person, await pages.link(email, 2));
    expect(page.body).to.include('Jonas Weber').and.include(email);

    const nothing = await send(person, page, { password: '' });
    expect(problemsOf(nothing)).to.have.lengthOf(2);
    const unnamed = await send(person, page, { password, name: 'Ga\nst', terms: terms.version });
    expect(problemsOf(unnamed)[0]).to.match(/^This name/);
    expect(unnamed.body).to.match(/name="terms"[^>]*checked/);
    const repeated = await send(person, page, { password: 'na na na na na na na na', name: 'Gast' });
    expect(repeated.body).to.include('value="Gast"').and.not.include('na na na');

    const all = { password: otherPassword, name: 'Gast', terms: terms.version };
    const done = await follow(person, await send(person, page, all));
    expect(titleOf(done)).to.equal('Your account is ready');
    const { accounts } = pages.provider.parts;
    expect((await accounts.attempt(email).checkPassword(otherPassword)).ok).to.equal(true);
    expect(await accounts.findByEmail(email)).to.include({ name: 'Gast', emailVerified: true });
    expect(titleOf(await open(newPerson(), await pages.link(email, 2)))).to.equal(
      'This link was used already',
    );
  });

  it('say that no accounts are made any more', async () => {
    const pod = await pages.startPod({ HOLDFAST_REGISTRATION: 'off' });
    const { invitations } = pages.provider.parts.flows;
    await invitations.invite({ email: 'late@example.com', inviter: 'Jonas', locale: 'en' });
    const link = await pages.link('late@example.com');
    expect(titleOf(await open(newPerson().clone([pod.url]), link))).to.equal('No accounts are made here now');
  });
});
