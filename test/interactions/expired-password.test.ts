import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { TOTP } from 'otpauth';
import { authorizationRequest, formOf, type Person, type Reply } from '../support/person.ts';
import { clients, startProvider, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { problemsOf, titleOf } from './account-pages-fixture.ts';

const password = 'correct horse battery staple';
const otherPassword = 'nine boats in a quiet harbour';
const title = 'Choose a new password';

describe('a password that must be changed, each step of the sign-in on another pod', () => {
  let redis: Topology;
  let provider: TestProvider;
  let people = 0;

  before(async function () {
    this.timeout(60_000);
    redis = await startStandalone({ appendOnly: false });
    provider = await startProvider(redis.url, 3);
  });
  after(async () => {
    await provider?.stop();
    await redis?.stop();
  });

  async function newcomer() {
    const email = `expired-${people++}@example.com`;
    const made = await provider.parts.accounts.create({ email, password, emailVerified: true });
    if (!made.ok) throw new Error(made.problem);
    return { email, id: made.account.id };
  }

  async function open(person: Person) {
    const { path, verifier } = authorizationRequest(clients.first);
    return { page: await follow(person, await person.request(path)), verifier };
  }

  async function follow(person: Person, reply: Reply): Promise<Reply> {
    let now = reply;
    for (let hop = 0; now.location && !now.location.startsWith(clients.first.redirectUri) && hop < 8; hop++) {
      now = await person.request(now.location);
    }
    return now;
  }

  async function submit(person: Person, page: Reply, values: Record<string, string>): Promise<Reply> {
    const { action, fields } = formOf(page.body);
    return follow(person, await person.request(action, { form: { ...fields, ...values } }));
  }

  const isBack = ({ location }: Reply) => location?.startsWith(clients.first.redirectUri) ?? false;
  const signIn = (person: Person, page: Reply, email: string, secret = password) =>
    submit(person, page, { email, password: secret, decision: 'sign-in' });

  async function subjectOf(reply: Reply, verifier: string) {
    const code = new URL(reply.location ?? 'http://nowhere').searchParams.get('code') ?? '';
    const tokens = await provider.exchange(clients.first, code, verifier);
    expect(tokens.status, tokens.body).to.equal(200);
    return decodeJwt(String(tokens.json.id_token)) as { sub: string; amr: string[] };
  }

  it('is asked for once, and the sign-in goes on; what was signed in before has ended', async () => {
    const { email, id } = await newcomer();
    const before = provider.person();
    const first = await open(before);
    expect(isBack(await signIn(before, first.page, email))).to.equal(true);

    await provider.parts.administer.expirePassword(id, undefined);
    const silent = await follow(
      before,
      await before.request(authorizationRequest(clients.first, { prompt: 'none' }).path),
    );
    expect(silent.location).to.include('error=login_required');

    const person = provider.person();
    const { page, verifier } = await open(person);
    const asked = await signIn(person, page, email);
    expect(titleOf(asked)).to.equal(title);
    const done = await submit(person, asked, { password: otherPassword });
    expect((await subjectOf(done, verifier)).sub).to.equal(id);
    expect((await provider.parts.accounts.find(id))?.mustChangePassword).to.equal(undefined);

    // The session of this very sign-in holds, and nobody is asked again.
    const again = await person.request(authorizationRequest(clients.first, { prompt: 'none' }).path);
    expect(again.location).to.include('code=');
    const next = provider.person();
    const opened = await open(next);
    expect(titleOf(await signIn(next, opened.page, email))).to.not.equal(title);
    expect(isBack(await signIn(next, opened.page, email, otherPassword))).to.equal(true);
  });

  it('comes after the second factor, and no page further on leads past it', async () => {
    const { email, id } = await newcomer();
    const { administer, factors } = provider.parts;
    const { sealed, uri } = factors.totp.begin(id, email);
    const totp = new TOTP({ secret: new URL(uri).searchParams.get('secret') ?? '' });
    const at = Date.now();
    const codeOf = (step: number) => totp.generate({ timestamp: at + step * 30_000 });
    expect((await factors.totp.confirm(id, sealed, codeOf(-1))).ok).to.equal(true);
    await administer.setPassword(id, password, { mustChange: true });

    const person = provider.person();
    const { page, verifier } = await open(person);
    const factor = await signIn(person, page, email);
    expect(factor.body).to.include('/factor/otp');
    const { action, fields } = formOf(factor.body);
    const base = action.split('/factor/')[0];
    const early = await person.request(`${base}/new-password`, {
      form: { csrf: fields.csrf ?? '', password: otherPassword },
    });
    expect(early.location).to.equal(base);
    expect((await provider.parts.accounts.checkPassword(email, password)).ok).to.equal(true);

    const asked = await submit(person, factor, { code: codeOf(0) });
    expect(titleOf(asked)).to.equal(title);
    for (const path of ['consent', 'terms']) {
      const skipped = await person.request(`${base}/${path}`, {
        form: { csrf: fields.csrf ?? '', decision: path === 'terms' ? 'accept' : 'allow', version: '1' },
      });
      expect(skipped.location ?? '').to.not.include('code=');
    }
    const done = await submit(person, asked, { password: otherPassword });
    expect((await subjectOf(done, verifier)).amr).to.have.members(['pwd', 'otp', 'mfa']);
  });

  it('must be another one, and one that may be chosen', async () => {
    const { email, id } = await newcomer();
    await provider.parts.administer.expirePassword(id, undefined);
    const person = provider.person();
    const asked = await signIn(person, (await open(person)).page, email);
    const refused: [typed: string, says: string][] = [
      ['', 'Please choose a password'],
      ['short', 'too short'],
      [password, 'the password that you have now'],
      ['passwordpassword', 'repeats itself'],
    ];
    for (const [typed, says] of refused) {
      const again = await submit(person, asked, { password: typed });
      expect(again.status, typed).to.equal(400);
      expect(titleOf(again)).to.equal(title);
      expect(problemsOf(again).join(' ')).to.include(says);
    }
    const forged = await person.request(formOf(asked.body).action, {
      form: { csrf: 'forged', password: otherPassword },
    });
    expect(forged.status).to.equal(400);
    expect((await provider.parts.accounts.checkPassword(email, otherPassword)).ok).to.equal(false);
    expect(isBack(await submit(person, asked, { password: otherPassword }))).to.equal(true);
  });

  it('goes on when the form is sent again after its pod died with the password set', async () => {
    const { email, id } = await newcomer();
    await provider.parts.administer.expirePassword(id, undefined);
    const person = provider.person();
    const { page, verifier } = await open(person);
    const asked = await signIn(person, page, email);
    const signInId = formOf(asked.body).action.split('/')[2] ?? '';
    const { epoch = 0 } = (await provider.parts.accounts.find(id)) ?? {};
    // All that the pod had done by then.
    const replaced = await provider.parts.accounts.replaceExpired(id, otherPassword, {
      epoch,
      signIn: signInId,
    });
    expect(replaced.ok).to.equal(true);
    const other = await submit(person, asked, { password: 'something else entirely here' });
    expect(isBack(other)).to.equal(false);
    const done = await submit(person, asked, { password: otherPassword });
    expect((await subjectOf(done, verifier)).sub).to.equal(id);
  });

  it('is replaced once by twenty forms that are sent at once', async () => {
    const { email, id } = await newcomer();
    await provider.parts.administer.expirePassword(id, undefined);
    const { epoch = 0 } = (await provider.parts.accounts.find(id)) ?? {};
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        provider.parts.accounts.replaceExpired(id, `${otherPassword} ${i}`, { epoch, signIn: `s${i}` }),
      ),
    );
    expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
    for (const one of outcomes) if (!one.ok) expect(one.problem).to.equal('changed');
    expect((await provider.parts.accounts.find(id))?.epoch).to.equal(epoch + 1);
    const winner = outcomes.findIndex(({ ok }) => ok);
    expect((await provider.parts.accounts.checkPassword(email, `${otherPassword} ${winner}`)).ok).to.equal(
      true,
    );
  });
});
