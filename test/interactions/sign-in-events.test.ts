import { expect } from 'chai';
import { TOTP } from 'otpauth';
import type { EventQuery, RecordedEvent } from '../../src/events/events.ts';
import { authorizationRequest, formOf, type Person, type Reply } from '../support/person.ts';
import { clients, startProvider, type TestClient, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

const password = 'correct horse battery staple';

describe('what the audit trail has of people at the pages', () => {
  let redis: Topology;
  let provider: TestProvider;
  let people = 0;

  before(async function () {
    this.timeout(60_000);
    redis = await startStandalone({ appendOnly: false });
    provider = await startProvider(redis.url, 2);
  });
  after(async () => {
    await provider?.stop();
    await redis?.stop();
  });

  async function newcomer() {
    const email = `person-${people++}@example.com`;
    const made = await provider.parts.accounts.create({ email, password, emailVerified: true });
    if (!made.ok) throw new Error(made.problem);
    return { email, id: made.account.id };
  }

  async function open(person: Person, client: TestClient = clients.first) {
    return follow(person, client, await person.request(authorizationRequest(client, {}).path));
  }

  async function follow(person: Person, client: TestClient, reply: Reply): Promise<Reply> {
    let now = reply;
    for (let hop = 0; now.location && !now.location.startsWith(client.redirectUri) && hop < 8; hop++) {
      now = await person.request(now.location);
    }
    return now;
  }

  async function submit(person: Person, page: Reply, form: Record<string, string>, client = clients.first) {
    const { action, fields } = formOf(page.body);
    return follow(person, client, await person.request(action, { form: { ...fields, ...form } }));
  }

  const numberOn = ({ body }: Reply) => /request-number[\s\S]*?<bdi dir="ltr">([\w.-]+)</.exec(body)?.[1];

  /** The first that fits; what goes beside an answer may be there a moment after it. */
  async function eventOf(query: EventQuery): Promise<RecordedEvent> {
    for (;;) {
      const [event] = (await provider.parts.events.list(query)).events;
      if (event) return event;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async function failedWith(form: { email: string; password?: string }) {
    const person = provider.person();
    const page = await submit(person, await open(person), { password, decision: 'sign-in', ...form });
    const requestId = numberOn(page);
    expect(requestId, page.body.slice(0, 2000)).to.be.a('string');
    return { page, event: await eventOf({ requestId: requestId ?? '' }) };
  }

  it('says who signed in where, with what they proved', async () => {
    const { email, id } = await newcomer();
    const person = provider.person();
    const done = await submit(person, await open(person), { email, password, decision: 'sign-in' });
    expect(done.location).to.include('code=');
    const event = await eventOf({ accountId: id, kinds: ['sign-in.succeeded'] });
    expect(event).to.deep.include({
      outcome: 'success',
      actor: { kind: 'account', id, name: email },
      clientId: 'first',
      via: 'sign-in',
      address: '127.0.0.1',
    });
    expect(event.after?.amr).to.deep.equal(['pwd']);
    expect(event.pod).to.match(/^pod-\d$/);
    expect((await provider.parts.events.list({ accountId: id })).events).to.have.length(1);
  });

  it('has the true reason of a failure under the number on the page, which is the same for all', async () => {
    const known = await newcomer();
    const disabled = await newcomer();
    await provider.parts.store.call(
      'HSET',
      provider.parts.store.keys.account(disabled.id),
      'status',
      'disabled',
    );
    const wrong = await failedWith({ email: known.email, password: 'not it at all' });
    expect(wrong.event).to.deep.include({
      kind: 'sign-in.failed',
      outcome: 'failure',
      reason: 'wrong-password',
      actor: { kind: 'anonymous', name: known.email },
      target: { kind: 'account', id: known.id, name: known.email },
      clientId: 'first',
    });
    const nobody = await failedWith({ email: 'nobody@example.com' });
    expect(nobody.event).to.deep.include({
      reason: 'no-account',
      actor: { kind: 'anonymous', name: 'nobody@example.com' },
    });
    expect(nobody.event).to.not.have.property('target');
    const off = await failedWith({ email: disabled.email });
    expect(off.event).to.include({ reason: 'disabled' });

    const neutral = ({ page }: { page: Reply }) =>
      page.body
        .replace(/[\w-]+@example\.com/g, '<email>')
        .replace(/(name="(csrf|sealed)" value|action|href|data-options)="[^"]*"/g, '$1')
        .replace(/<bdi dir="ltr">[\w.-]+<\/bdi>/, '<number>')
        .replace(/\/interaction\/[\w-]+|[\w-]{20,}/g, '<secret>');
    expect(wrong.page.status).to.equal(400);
    expect(neutral(nobody)).to.equal(neutral(wrong));
    expect(neutral(off)).to.equal(neutral(wrong));
  });

  it('does not keep what was typed in place of an address', async () => {
    const { event } = await failedWith({ email: 'hunter2 is my password' });
    expect(event).to.include({ reason: 'no-account' });
    expect(event.actor).to.deep.equal({ kind: 'anonymous' });
    expect(JSON.stringify(event)).to.not.include('hunter2');
  });

  it('says that an account is locked', async () => {
    const { email, id } = await newcomer();
    let last: Awaited<ReturnType<typeof failedWith>> | undefined;
    for (let i = 0; i < 30 && last?.page.status !== 429; i++) {
      last = await failedWith({ email, password: `wrong ${i}` });
    }
    expect(last?.page.status).to.equal(429);
    expect(last?.event).to.include({ kind: 'sign-in.locked', reason: 'too-many-attempts' });
    expect(last?.event.target?.id).to.equal(id);
  });

  it('says which code was wrong, and whose', async () => {
    const { email, id } = await newcomer();
    const { totp } = provider.parts.factors;
    const { sealed, uri } = totp.begin(id, email);
    const app = new TOTP({ secret: new URL(uri).searchParams.get('secret') ?? '' });
    expect((await totp.confirm(id, sealed, app.generate())).ok).to.equal(true);
    const person = provider.person();
    const asked = await submit(person, await open(person), { email, password, decision: 'sign-in' });
    const page = await submit(person, asked, { code: '000000' });
    const event = await eventOf({ requestId: numberOn(page) ?? 'none' });
    expect(event).to.deep.include({
      kind: 'sign-in.factor-failed',
      reason: 'wrong-code',
      target: { kind: 'account', id, name: email },
      after: { factor: 'otp' },
    });
  });

  it('says what was consented to, or refused', async () => {
    const { email, id } = await newcomer();
    const person = provider.person();
    const form = { email, password, decision: 'sign-in' };
    const consent = await submit(person, await open(person, clients.third), form, clients.third);
    await submit(person, consent, { decision: 'deny' }, clients.third);
    expect(await eventOf({ actorId: id, kinds: ['consent.refused'] })).to.include({ clientId: 'third' });
    const again = await open(person, clients.third);
    const done = await submit(person, again, { decision: 'allow' }, clients.third);
    expect(done.location).to.include('code=');
    const given = await eventOf({ actorId: id, kinds: ['consent.given'] });
    expect(given.after?.scopes).to.include('openid');
    expect(given.target?.id).to.equal('third');
  });

  it('says that somebody signed out', async () => {
    const { email, id } = await newcomer();
    const person = provider.person();
    await submit(person, await open(person), { email, password, decision: 'sign-in' });
    const page = await person.request('/session/end?client_id=first');
    await submit(person, page, { logout: 'yes' });
    const event = await eventOf({ actorId: id, kinds: ['sign-out'] });
    expect(event).to.include({ clientId: 'first', outcome: 'success' });
  });

  it('shows no number where the person only has to fill in the form', async () => {
    const person = provider.person();
    const page = await submit(person, await open(person), { email: '', password: '', decision: 'sign-in' });
    expect(page.status).to.equal(400);
    expect(numberOn(page)).to.equal(undefined);
  });

  it('is chained by the pods themselves', async () => {
    for (;;) {
      const found = await provider.parts.events.verify();
      expect(found.every(({ isIntact }) => isIntact)).to.equal(true);
      if (found.every(({ unchained }) => unchained === 0)) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });
});
