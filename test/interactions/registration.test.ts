import { expect } from 'chai';
import { decodeJwt } from 'jose';
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

const accepted = { terms: terms.version };

describe('registration', () => {
  let pages: AccountPages;
  before(async () => {
    pages = await startAccountPages();
  });
  after(() => pages?.stop());

  const newPerson = () => pages.provider.person();
  const accountOf = (email: string) => pages.provider.parts.accounts.findByEmail(email);
  const signsIn = async (email: string, tried: string) =>
    (await pages.provider.parts.accounts.attempt(email).checkPassword(tried)).ok;

  async function register(person: Person, email: string, values: Record<string, string> = {}) {
    const form = await person.request('/register');
    return send(person, form, { email, password, ...accepted, ...values });
  }

  async function open(person: Person, link: string) {
    return follow(person, await person.request(link));
  }

  it('brings a newcomer to the application that they came from, signed in', async () => {
    const person = newPerson();
    const { path, verifier } = authorizationRequest(clients.first);
    const started = await person.request(path);
    const uid = started.location?.split('/').at(-1) ?? '';
    const form = await person.request(`/register?interaction=${uid}`);
    expect(form.body).to.include(`href="/interaction/${uid}/back"`);
    const email = 'newcomer@example.com';
    const sent = await follow(
      person,
      await send(person, form, { email, password, name: 'Nia', ...accepted }),
    );
    expect(titleOf(sent)).to.equal('Check your mail');
    expect(sent.body).to.include(email);
    expect(await accountOf(email)).to.equal(undefined);

    const link = await pages.link(email);
    expect((await person.request(link)).location).to.equal('/register/confirm?kept=yes');
    const confirmation = await open(person, link);
    expect(confirmation.body).to.include(email).and.not.include('name="password"');
    expect(formOf(confirmation.body).action).to.equal('/register/confirm');
    const done = await follow(person, await send(person, confirmation));
    expect(titleOf(done), String(problemsOf(done))).to.equal('Your account is ready');
    expect(formOf(done.body).action).to.equal(`/interaction/${uid}/registered`);

    const back = await follow(person, await send(person, done));
    const code = new URL(back.location ?? '').searchParams.get('code') ?? '';
    const { json } = await pages.provider.exchange(clients.first, code, verifier);
    const claims = decodeJwt(String(json.id_token));
    const account = await accountOf(email);
    expect(claims).to.include({ sub: account?.id });
    expect(claims.amr).to.deep.equal(['pwd']);
    expect(account).to.include({ name: 'Nia', emailVerified: true });
    expect(account?.terms?.version).to.equal(terms.version);
    expect(await signsIn(email, password)).to.equal(true);
  });

  it('signs nobody in by the account that another browser made', async () => {
    const [person, thief] = [newPerson(), newPerson()];
    const uid = async (one: Person) =>
      (await one.request(authorizationRequest(clients.first).path)).location?.split('/').at(-1) ?? '';
    const [mine, theirs] = [await uid(person), await uid(thief)];
    await follow(person, await register(person, 'mine@example.com', { interaction: mine }));
    const done = await follow(
      person,
      await send(person, await open(person, await pages.link('mine@example.com'))),
    );
    const { fields } = formOf(done.body);
    // With the form's token, but in another browser, or for another sign-in.
    const stolen = await thief.request(`/interaction/${theirs}/registered`, { form: fields });
    expect(stolen.status).to.equal(400);
    await thief.request('/register');
    const another = await thief.request(`/interaction/${theirs}/registered`, { form: fields });
    expect(another.location).to.equal(`/interaction/${theirs}`);
    const cookies = person.clone();
    expect((await cookies.request(`/interaction/${theirs}/registered`, { form: fields })).location).to.equal(
      '/account',
    );
    const login = await follow(thief, await thief.request(`/interaction/${theirs}`));
    expect(login.body).to.include('name="password"');
  });

  it('is not completed by whoever only opens the link', async () => {
    await register(newPerson(), 'scanned@example.com');
    const link = await pages.link('scanned@example.com');
    for (let visits = 0; visits < 4; visits++) await open(newPerson(), link);
    expect(await accountOf('scanned@example.com')).to.equal(undefined);
  });

  it('asks for a password and the terms in another browser, and takes those', async () => {
    const email = 'elsewhere@example.com';
    await register(newPerson(), email, { interaction: 'abcdefg' });
    const phone = newPerson();
    const page = await open(phone, await pages.link(email));
    expect(page.body).to.include('name="password"').and.include('name="terms"');

    expect(problemsOf(await send(phone, page, { password: '', ...accepted }))).to.deep.equal([
      'Please choose a password.',
    ]);
    expect(problemsOf(await send(phone, page, { password: otherPassword }))).to.deep.equal([
      'Please read the terms of use and accept them to go on.',
    ]);
    const short = await send(phone, page, { password: 'short', ...accepted });
    expect(problemsOf(short)[0]).to.include('at least 15 characters');
    expect(short.body).to.not.include('value="short"');
    expect(await accountOf(email)).to.equal(undefined);

    const done = await follow(phone, await send(phone, page, { password: otherPassword, ...accepted }));
    expect(titleOf(done)).to.equal('Your account is ready');
    expect(done.body).to.include('waits in the other browser');
    expect(await signsIn(email, otherPassword)).to.equal(true);
    expect(await signsIn(email, password)).to.equal(false);
  });

  const long = 'x'.repeat(1500);
  const faults: { what: string; typed: Record<string, string>; told: RegExp }[] = [
    { what: 'no address', typed: { email: '' }, told: /^Please enter your email address/ },
    {
      what: 'an address that is none',
      typed: { email: 'mara' },
      told: /does not look like an email address/,
    },
    { what: 'a far too long address', typed: { email: `${long}@a.example` }, told: /email address/ },
    {
      what: 'a look-alike address',
      typed: { email: 'mаra@example.com' },
      told: /letters of different alphabets/,
    },
    { what: 'no password', typed: { password: '' }, told: /^Please choose a password/ },
    { what: 'a short password', typed: { password: 'kurz' }, told: /at least 15 characters/ },
    { what: 'an endless password', typed: { password: long }, told: /at most 1024 characters/ },
    {
      what: 'a repeated password',
      typed: { password: 'abcabcabcabcabcabcabc' },
      told: /repeats itself|follows a pattern/,
    },
    {
      what: 'the address as password',
      typed: { password: 'typed@example.com' },
      told: /made of your address/,
    },
    {
      what: 'a name with a line break',
      typed: { name: 'Mara\nX' },
      told: /^This name is too long, or has signs/,
    },
    { what: 'an endless name', typed: { name: long }, told: /^This name is too long/ },
    { what: 'terms that were not accepted', typed: { terms: '' }, told: /^Please read the terms/ },
    { what: 'terms of another version', typed: { terms: '2020-01' }, told: /^Please read the terms/ },
  ];
  for (const { what, typed, told } of faults) {
    it(`tells of ${what}, and keeps what was typed`, async () => {
      const person = newPerson();
      const address = `typed-${faults.findIndex((fault) => fault.what === what)}@example.com`;
      const all = { email: address, name: 'Mara L', password, ...accepted, ...typed };
      const page = await register(person, all.email, all);
      expect(page.status).to.equal(400);
      expect(problemsOf(page)).to.have.lengthOf(1);
      expect(problemsOf(page)[0]).to.match(told);
      const { fields } = formOf(page.body);
      expect(fields.email).to.equal(all.email);
      expect(fields.name).to.equal(all.name.replace(/\n/g, '\n'));
      expect(fields.password).to.equal('');
      expect(page.body.includes('checked')).to.equal(all.terms === terms.version);
      if (all.password !== '' && all.password !== all.email) expect(page.body).to.not.include(all.password);
      // Mended, it goes through.
      const mended = { email: address, name: 'Mara L', password, ...accepted };
      expect((await send(person, page, mended)).location).to.equal('/register/sent');
    });
  }

  it('tells of all that is missing at once, each with a way to its field', async () => {
    const page = await register(newPerson(), '', { password: '', terms: '' });
    expect(problemsOf(page)).to.have.lengthOf(3);
    for (const field of ['email', 'password', 'terms']) {
      expect(page.body).to.include(`href="#${field}"`).and.include(`aria-describedby="problem-${field}`);
    }
  });

  it('gives the same answer for an address that has an account, and tells its owner', async () => {
    const { email } = pages.provider.account;
    const pageFor = async (address: string) => {
      const person = newPerson();
      const answer = await register(person, address);
      expect(answer.location).to.equal('/register/sent');
      const { body } = await follow(person, answer);
      return body.replaceAll(address, 'ADDRESS');
    };
    expect(await pageFor(email)).to.equal(await pageFor('nobody-yet@example.com'));
    await pages.smtp.until((received) => received.some(({ to }) => to.includes(email)));
    const mail = pages.smtp.received.find(({ to }) => to.includes(email));
    expect(mail?.email.text).to.include('/forgot-password').and.not.include('token=');
  });

  it('tells a link that was used, replaced or never was apart, and helps with each', async () => {
    const [person, other] = [newPerson(), newPerson()];
    const email = 'links@example.com';
    await register(person, email);
    const first = await pages.link(email);
    await register(person, email);
    const second = await pages.link(email, 2);
    const superseded = await open(person, first);
    expect(superseded.status).to.equal(410);
    expect(titleOf(superseded)).to.equal('There is a newer mail');
    expect(superseded.body).to.include('href="/register"');

    await send(person, await open(person, second));
    const spent = await open(other, second);
    expect(titleOf(spent)).to.equal('This link was used already');
    expect(spent.body).to.include('href="/account"').and.include('href="/forgot-password"');

    for (const broken of [second.slice(0, -3), `${second.split('=')[0]}=`, `${second.split('?')[0]}`]) {
      const page = await open(newPerson(), broken);
      expect(page.status, broken).to.equal(410);
    }
    // What some mail programs make of an address.
    expect((await open(newPerson(), `${first}&utm_source=mail`)).status).to.equal(410);
  });

  it('lets the person send the mail again, with what they typed but for the password', async () => {
    const person = newPerson();
    const sent = await follow(person, await register(person, 'again@example.com', { name: 'Again' }));
    await pages.link('again@example.com');
    const again = /href="(\/register\?again[^"]*)"/.exec(sent.body)?.[1] ?? '';
    const form = await person.request(again);
    expect(formOf(form.body).fields).to.include({ email: 'again@example.com', name: 'Again', password: '' });
    await send(person, form, { password, ...accepted });
    const page = await open(person, await pages.link('again@example.com', 2));
    expect(titleOf(page)).to.equal('Is this your address?');
    // A browser that asked for nothing sees nothing of it.
    expect((await newPerson().request('/register/sent')).location).to.equal('/register');
  });

  it('says what is wrong to a browser without cookies, and to one whose form has grown old', async () => {
    const person = newPerson();
    const form = await person.request('/register');
    const withoutCookies = await send(newPerson(), form, { email: 'x@example.com', password, ...accepted });
    expect(withoutCookies.status).to.equal(400);
    expect(titleOf(withoutCookies)).to.equal('Your browser sent no cookie');
    expect(titleOf(await newPerson().request('/register/confirm?kept=yes'))).to.equal(
      'Your browser sent no cookie',
    );

    const old = await send(person, form, { email: 'x@example.com', password, ...accepted, csrf: 'old' });
    expect(problemsOf(old)[0]).to.match(/open for too long/);
    expect(formOf(old.body).fields.email).to.equal('x@example.com');
    // A form of another browser counts as an old one.
    const other = newPerson();
    await other.request('/register');
    expect(
      problemsOf(await send(other, form, { email: 'x@example.com', password, ...accepted }))[0],
    ).to.match(/open for too long/);
  });

  it('keeps the token out of pages that come after, of addresses and of what other sites hear', async () => {
    const person = newPerson();
    await register(person, 'hidden@example.com');
    const link = await pages.link('hidden@example.com');
    const token = link.split('token=')[1] ?? '';
    const opened = await person.request(link);
    expect(opened.location).to.not.include(token);
    expect(opened.setCookies.find((line) => line.includes(token)))
      .to.match(/httponly/i)
      .and.match(/samesite=lax/i);
    const page = await follow(person, opened);
    expect(page.headers.get('referrer-policy')).to.equal('same-origin');
    expect(page.headers.get('cache-control')).to.equal('no-store');
    // In the one hidden field, and not in the language switcher.
    expect(page.body.split(token)).to.have.lengthOf(2);
    expect(page.body).to.include(`name="token" value="${token}"`);
    const done = await send(person, page);
    expect([...person.cookies.values()].some(({ value }) => value.includes(token))).to.equal(false);
    expect((await follow(person, done)).body).to.not.include(token);
  });

  it('goes on at another pod when one is killed between a page and its form', async () => {
    const doomed = await pages.startPod();
    const addresses = [doomed.url, ...pages.provider.pods.map(({ url }) => url)];
    const person = new Person(pages.provider.issuer, addresses);
    const form = await person.request('/register', { pod: 0 });
    await doomed.kill('SIGKILL');
    const email = 'survivor@example.com';
    const { reply } = await sendAgain(person, form, { email, password, ...accepted });
    expect(reply.location).to.equal('/register/sent');
    const page = await open(new Person(pages.provider.issuer, addresses.slice(1)), await pages.link(email));
    expect(page.status).to.equal(200);
  });

  it('goes on when every pod dies with the answer in its hands, and makes one account', async () => {
    const plan = { points: ['before-answer'], probability: 1, seed: 7, clockMs: 0 } as const;
    const dying = () => pages.startPod(planEnvironment({ ...plan, points: [...plan.points] }));
    const doomed = await Promise.all([dying(), dying(), dying()]);
    const [first = '', second = '', third = ''] = doomed.map(({ url }) => url);
    const [well = ''] = pages.provider.pods.map(({ url }) => url);
    const email = 'phoenix@example.com';

    // The form's answer is lost after all was done: sent again, there is a second mail, whose link holds.
    const person = new Person(pages.provider.issuer, [well, first, well, well]);
    const form = await person.request('/register');
    const registered = await sendAgain(person, form, { email, password, ...accepted });
    expect(registered).to.deep.include({ brokeOff: 1 });
    expect(registered.reply.location).to.equal('/register/sent');
    // Of two mails on their way from two pods either may come first.
    const links = [await pages.link(email), await pages.link(email, 2)];
    const opened = await Promise.all(links.map((one) => open(newPerson(), one)));
    expect(opened.map(({ status }) => status).sort()).to.deep.equal([200, 410]);
    const link = links[opened.findIndex(({ status }) => status === 200)] ?? '';

    // The account is made, and nobody heard of it.
    const browser = person.clone([well, well, second, well]);
    const page = await open(browser, link);
    const confirmed = await sendAgain(browser, page);
    expect(confirmed.brokeOff).to.equal(1);
    expect(titleOf(await follow(browser, confirmed.reply))).to.equal('Your account is ready');
    expect(await signsIn(email, password)).to.equal(true);

    // In another browser with the password chosen there, likewise.
    const elsewhere = 'phoenix-phone@example.com';
    await register(newPerson(), elsewhere);
    const phone = new Person(pages.provider.issuer, [well, well, third, well]);
    const asked = await open(phone, await pages.link(elsewhere));
    const chosen = await sendAgain(phone, asked, { password: otherPassword, ...accepted });
    expect(chosen.brokeOff).to.equal(1);
    expect(titleOf(await follow(phone, chosen.reply))).to.equal('Your account is ready');
    expect(await signsIn(elsewhere, otherPassword)).to.equal(true);
  });

  it('says so where it is off, by invitation, or without mails', async () => {
    const noMail = { HOLDFAST_SMTP_URL: '', HOLDFAST_MAIL_FROM: '' };
    const kinds: [Record<string, string>, string][] = [
      [{ HOLDFAST_REGISTRATION: 'off' }, 'You cannot register here'],
      [{ HOLDFAST_REGISTRATION: 'invitation' }, 'You need an invitation'],
      [noMail, 'You cannot register here'],
    ];
    await Promise.all(
      kinds.map(async ([environment, title]) => {
        const pod = await pages.startPod(environment);
        const person = newPerson();
        const form = await person.request('/register');
        const closed = person.clone([pod.url]);
        const page = await closed.request('/register?interaction=abc');
        expect([page.status, titleOf(page)]).to.deep.equal([200, title]);
        expect(page.body).to.include('href="/interaction/abc/back"');
        const posted = await send(closed, form, { email: 'late@example.com', password, ...accepted });
        expect([posted.status, titleOf(posted)]).to.deep.equal([403, title]);
      }),
    );
  });

  it('finds the way back to the sign-in, or to the account when that is over', async () => {
    const person = newPerson();
    const started = await person.request(authorizationRequest(clients.first).path);
    const path = started.location ?? '';
    expect((await person.request(`${path}/back`)).location).to.equal(path);
    expect((await newPerson().request(`${path}/back`)).location).to.equal('/account');
  });

  it('says how long to wait after too many, and keeps what was typed', async () => {
    const email = 'eager@example.com';
    const person = newPerson();
    let page = await register(person, email);
    for (let n = 0; n < 6 && page.status === 303; n++) page = await register(person, email, { name: 'E' });
    expect(page.status).to.equal(429);
    expect(Number(page.headers.get('retry-after'))).to.be.greaterThan(0);
    expect(problemsOf(page)[0]).to.match(/very often.*Please wait \d+ minutes/);
    expect(formOf(page.body).fields).to.include({ email, name: 'E' });
  });
});
