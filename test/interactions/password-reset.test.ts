import { expect } from 'chai';
import { planEnvironment } from '../chaos/pod-plan.ts';
import { authorizationRequest, formOf, Person } from '../support/person.ts';
import { clients } from '../support/provider.ts';
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

describe('a forgotten password', () => {
  let pages: AccountPages;
  let made = 0;
  before(async () => {
    pages = await startAccountPages();
  });
  after(() => pages?.stop());

  const newPerson = () => pages.provider.person();
  const signsIn = async (email: string, tried: string) =>
    (await pages.provider.parts.accounts.attempt(email).checkPassword(tried)).ok;

  /** A person with an account of their own, so that the limits of one do not hold up another. */
  async function newAccount(): Promise<{ email: string; id: string }> {
    const email = `forgetful-${++made}@example.com`;
    const { accounts, flows } = pages.provider.parts;
    const created = await accounts.create({ email, password, emailVerified: true });
    if (!created.ok) throw new Error(created.problem);
    await flows.terms.accept(created.account.id, terms.version);
    return { email, id: created.account.id };
  }

  async function ask(person: Person, email: string, interaction = '') {
    const form = await person.request(`/forgot-password?interaction=${interaction}`);
    return send(person, form, { email });
  }

  async function open(person: Person, link: string) {
    return follow(person, await person.request(link));
  }

  it('is replaced by way of the mail, and leads back to the sign-in that the person came from', async () => {
    const { email, id } = await newAccount();
    const person = newPerson();
    const { path } = authorizationRequest(clients.first);
    const uid = (await person.request(path)).location?.split('/').at(-1) ?? '';
    const sent = await follow(person, await ask(person, email, uid));
    expect(titleOf(sent)).to.equal('Check your mail');

    const before = await pages.provider.parts.accounts.find(id);
    const form = await open(person, await pages.link(email));
    expect(form.body).to.include(`value="${email}"`);
    const done = await follow(
      person,
      await send(person, form, { password: otherPassword, everywhere: 'yes' }),
    );
    expect(titleOf(done)).to.equal('Your password is changed');
    expect(done.body).to.include(`href="/interaction/${uid}/back"`);
    expect((await person.request(`/interaction/${uid}/back`)).location).to.equal(`/interaction/${uid}`);
    expect(await signsIn(email, otherPassword)).to.equal(true);
    expect(await signsIn(email, password)).to.equal(false);
    const after = await pages.provider.parts.accounts.find(id);
    expect(after?.epoch).to.be.greaterThan(before?.epoch ?? 0);
    // The owner hears of it.
    await pages.smtp.until((received) => received.filter(({ to }) => to.includes(email)).length >= 2);
  });

  it('leaves signed in what is signed in when the person wants that', async () => {
    const { email, id } = await newAccount();
    const person = newPerson();
    await ask(person, email);
    const form = await open(person, await pages.link(email));
    expect(form.body).to.match(/name="everywhere"[^>]*checked/);
    const before = await pages.provider.parts.accounts.find(id);
    // Not ticked: a browser leaves the field out. It stays so when something else has to be mended.
    const short = await send(person, form, { password: 'short' });
    expect(problemsOf(short)[0]).to.match(/at least 15 characters/);
    expect(short.body).to.not.match(/name="everywhere"[^>]*checked/);
    const done = await send(person, short, { password: otherPassword });
    expect(done.location).to.equal('/reset-password/done');
    expect((await pages.provider.parts.accounts.find(id))?.epoch).to.equal(before?.epoch);
  });

  it('is answered the same whether or not there is an account', async () => {
    const { email } = await newAccount();
    const pageFor = async (address: string) => {
      const person = newPerson();
      const answer = await ask(person, address);
      const { body } = await follow(person, answer);
      expect(answer.location).to.equal('/forgot-password/sent');
      return body.replaceAll(address, 'ADDRESS').replaceAll(formOf(body).fields.csrf ?? '', 'CSRF');
    };
    expect(await pageFor(email)).to.equal(await pageFor('not-there@example.com'));
    await pages.link(email);
    expect(pages.smtp.received.filter(({ to }) => to.includes('not-there@example.com'))).to.have.lengthOf(0);
  });

  it('is mailed for again by one press', async () => {
    const { email } = await newAccount();
    const person = newPerson();
    const sent = await follow(person, await ask(person, email));
    const first = await pages.link(email);
    expect((await send(person, sent)).location).to.equal('/forgot-password/sent');
    const second = await pages.link(email, 2);
    expect(titleOf(await open(person, first))).to.equal('There is a newer mail');
    expect(titleOf(await open(person, second))).to.equal('Choose your new password');
  });

  it('has words and a way on for each link that no longer works', async () => {
    const { email, id } = await newAccount();
    const [person, stranger] = [newPerson(), newPerson()];
    await ask(person, email);
    const link = await pages.link(email);
    const form = await open(person, link);
    await send(person, form, { password: otherPassword });
    const spent = await open(stranger, link);
    expect([spent.status, titleOf(spent)]).to.deep.equal([410, 'This link was used already']);

    await ask(person, email);
    await pages.smtp.until((received) => received.filter(({ to }) => to.includes(email)).length >= 3);
    const mails = pages.smtp.received.filter(({ to }) => to.includes(email));
    const newer = mails
      .flatMap(({ email: { text = '' } }) => text.match(/https?:\S+reset-password\S+/g) ?? [])
      .at(-1);
    await pages.provider.parts.accounts.setPassword(id, 'four grey ponies below the mill');
    const outdated = await open(stranger, newer ?? '');
    expect([outdated.status, titleOf(outdated)]).to.deep.equal([410, 'This link no longer fits']);
    const gone = await open(stranger, '/reset-password?token=made-up');
    expect([gone.status, titleOf(gone)]).to.deep.equal([410, 'This link no longer works']);
    for (const page of [spent, outdated, gone]) expect(page.body).to.include('href="/forgot-password"');

    // The form that was open when it happened says the same.
    const late = await send(person, form, { password });
    expect(late.status).to.equal(410);
  });

  const faults: [string, string, RegExp][] = [
    ['no address', '', /^Please enter your email address/],
    ['an address that is none', 'mara at example', /does not look like an email address/],
  ];
  for (const [what, typed, told] of faults) {
    it(`tells of ${what}, and keeps what was typed`, async () => {
      const page = await ask(newPerson(), typed, 'abc');
      expect(page.status).to.equal(400);
      expect(problemsOf(page)[0]).to.match(told);
      expect(formOf(page.body).fields).to.include({ email: typed, interaction: 'abc' });
    });
  }

  it('tells of a bad new password, and never shows it', async () => {
    const { email } = await newAccount();
    const person = newPerson();
    await ask(person, email);
    const form = await open(person, await pages.link(email));
    const bad: [string, RegExp][] = [
      ['', /^Please choose a password/],
      ['twelve chars', /at least 15/],
      [`${email}${email}`, /made of your address/],
    ];
    for (const [typed, told] of bad) {
      const page = await send(person, form, { password: typed, everywhere: 'yes' });
      expect([page.status, problemsOf(page).length]).to.deep.equal([400, 1]);
      expect(problemsOf(page)[0]).to.match(told);
      expect(formOf(page.body).fields.password).to.equal('');
    }
    const old = await send(person, form, { password: otherPassword, csrf: 'x' });
    expect(problemsOf(old)[0]).to.match(/open for too long/);
    expect(await signsIn(email, password)).to.equal(true);
    expect((await send(person, form, { password: otherPassword })).status).to.equal(303);
  });

  it('does not depend on a pod: killed between page and form, or with the answer in its hands', async () => {
    const { email } = await newAccount();
    const plan = { points: ['before-answer' as const], probability: 1, seed: 3, clockMs: 0 };
    const [doomed, dying] = await Promise.all([
      pages.startPod(),
      pages.startPod(planEnvironment({ ...plan })),
    ]);
    const [well = ''] = pages.provider.pods.map(({ url }) => url);
    const person = new Person(pages.provider.issuer, [doomed.url, well]);
    const asking = await person.request('/forgot-password', { pod: 0 });
    await doomed.kill('SIGKILL');
    expect((await sendAgain(person, asking, { email })).reply.location).to.equal('/forgot-password/sent');

    const browser = person.clone([well, well, dying.url, well]);
    const form = await open(browser, await pages.link(email));
    const chosen = await sendAgain(browser, form, { password: otherPassword, everywhere: 'yes' });
    expect(chosen.brokeOff).to.equal(1);
    expect(titleOf(await follow(browser, chosen.reply))).to.equal('Your password is changed');
    expect(await signsIn(email, otherPassword)).to.equal(true);
    // One notice, although it was done twice.
    await pages.smtp.until((received) => received.filter(({ to }) => to.includes(email)).length >= 2);
    const notices = pages.smtp.received.filter(
      ({ to, email: { text = '' } }) => to.includes(email) && !text.includes('token='),
    );
    expect(notices).to.have.lengthOf(1);
  });

  it('says so where no mails are sent', async () => {
    const pod = await pages.startPod({ HOLDFAST_SMTP_URL: '', HOLDFAST_MAIL_FROM: '' });
    const person = new Person(pages.provider.issuer, [pod.url]);
    const page = await person.request('/forgot-password?interaction=abc');
    expect([page.status, titleOf(page)]).to.deep.equal([200, 'We cannot send mails here']);
    expect(page.body).to.include('href="/interaction/abc/back"');
  });
});
