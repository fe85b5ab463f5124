import { expect } from 'chai';
import { formOf, type Person, send } from '../support/person.ts';
import { clients, startProvider, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { isAlive, isSignedIn } from './relying-party.ts';

/** Logout that an application asks for (OpenID Connect RP-Initiated Logout 1.0), and only with the person's word. */
describe('logout', () => {
  let redis: Topology;
  let provider: TestProvider;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    provider = await startProvider(redis.url);
  });
  after(async () => {
    await provider?.stop();
    await redis?.stop();
  });

  const out = 'http://first.example/out';
  const end = (query: Record<string, string>) => `/session/end?${new URLSearchParams(query)}`;

  async function signedIn() {
    const person = provider.person();
    const tokens = await provider.signIn(person, clients.first);
    return { person, tokens };
  }

  const isIn = (person: Person) => isSignedIn(provider, person.clone(), clients.first);

  it('asks first, and goes on to the application with its state', async () => {
    const { person, tokens } = await signedIn();
    const page = await person.request(
      end({ id_token_hint: tokens.id_token, post_logout_redirect_uri: out, state: 's t' }),
    );
    expect(page.status).to.equal(200);
    expect(page.body).to.include(provider.account.email);
    expect(await isIn(person)).to.equal(true);
    const { action, fields } = formOf(page.body);
    const reply = await person.request(action, { form: { ...fields, logout: 'yes' } });
    expect(reply.location).to.equal(`${out}?state=s+t`);
    expect(await isIn(person)).to.equal(false);
  });

  it('needs no hint where client_id says whose address it is', async () => {
    const { person } = await signedIn();
    const page = await person.request(end({ client_id: clients.first.id, post_logout_redirect_uri: out }));
    const { action, fields } = formOf(page.body);
    const reply = await person.request(action, { form: { ...fields, logout: 'yes' } });
    expect(reply.location).to.equal(out);
  });

  it('goes to no address that the client did not register', async () => {
    const { person, tokens } = await signedIn();
    for (const wrong of [
      'https://evil.example/out',
      'http://first.example/out/',
      'http://first.example/out?x=1',
      'http://first.example/out#x',
      'http://first.example@evil.example/out',
      'javascript:alert(1)',
      'http://second.example/out',
    ]) {
      for (const whose of [
        ['id_token_hint', tokens.id_token],
        ['client_id', clients.first.id],
      ] as const) {
        const reply = await person.request(end({ [whose[0]]: whose[1], post_logout_redirect_uri: wrong }));
        expect(reply.status, wrong).to.equal(400);
        expect(reply.location).to.equal(undefined);
      }
    }
    expect(await isIn(person)).to.equal(true);
  });

  it('stays here when nobody says whose address it is', async () => {
    const { person } = await signedIn();
    const page = await person.request(end({ post_logout_redirect_uri: out }));
    const { action, fields } = formOf(page.body);
    const reply = await person.request(action, { form: { ...fields, logout: 'yes' } });
    expect(reply.location).to.equal(`${provider.issuer}/session/end/success`);
    expect((await person.request('/session/end/success')).status).to.equal(200);
  });

  it('refuses a hint that is not ours, or not of that client', async () => {
    const { person, tokens } = await signedIn();
    const [header = '', payload = '', signature = ''] = tokens.id_token.split('.');
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    for (const hint of [
      `${header}.${payload}.${flipped}`,
      `${none}.${payload}.`,
      'x',
      `${header}.${payload}.`,
    ]) {
      expect((await person.request(end({ id_token_hint: hint }))).status, hint).to.equal(400);
    }
    const mixed = end({ id_token_hint: tokens.id_token, client_id: clients.second.id });
    expect((await person.request(mixed)).status).to.equal(400);
  });

  it('can be of one application alone: its tokens end, the session goes on', async () => {
    const { person, tokens } = await signedIn();
    const others = await provider.signIn(person, clients.second);
    const page = await person.request(end({ id_token_hint: tokens.id_token, post_logout_redirect_uri: out }));
    const { action, fields } = formOf(page.body);
    const reply = await person.request(action, { form: fields });
    expect(reply.location).to.equal(out);
    expect(await isAlive(provider, tokens.access_token)).to.equal(false);
    expect(await isAlive(provider, others.access_token)).to.equal(true);
    expect(await isIn(person)).to.equal(true);
    expect(await isAlive(provider, (await provider.signIn(person, clients.first)).access_token)).to.equal(
      true,
    );
  });

  it('is done by nobody else: not without the form token, and not from another site', async () => {
    const { person } = await signedIn();
    const other = await signedIn();
    const { action, fields } = formOf((await person.request('/session/end')).body);
    const theirs = formOf((await other.person.request('/session/end')).body);
    for (const form of [
      { logout: 'yes' },
      { xsrf: '', logout: 'yes' },
      { xsrf: 'x', logout: 'yes' },
      { ...theirs.fields, logout: 'yes' },
    ] as Record<string, string>[]) {
      const reply = await person.request(action, { form });
      expect(reply.status, JSON.stringify(form)).to.equal(400);
    }
    const cookie = [...person.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ');
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      {},
      { origin: provider.issuer, 'sec-fetch-site': 'cross-site' },
      { origin: 'null', 'sec-fetch-site': 'same-site' },
    ] as Record<string, string>[]) {
      const url = new URL('/session/end/confirm', provider.pods[0]?.url);
      const reply = await send(url, {
        method: 'POST',
        headers: {
          host: 'id.example',
          'content-type': 'application/x-www-form-urlencoded',
          cookie,
          ...headers,
        },
        body: new URLSearchParams({ ...fields, logout: 'yes' }).toString(),
      });
      expect(reply.status, JSON.stringify(headers)).to.equal(403);
    }
    expect(await isIn(person)).to.equal(true);
    const done = await person.request(action, { form: { ...fields, logout: 'yes' } });
    expect(done.status).to.equal(303);
  });

  it('without a session goes straight on', async () => {
    const person = provider.person();
    const page = await person.request(end({ client_id: clients.first.id, post_logout_redirect_uri: out }));
    const { action, fields } = formOf(page.body);
    const reply = await person.request(action, { form: fields });
    expect(reply.location).to.equal(out);
  });
});
