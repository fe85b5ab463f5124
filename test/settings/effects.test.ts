import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import type { Settings } from '../../src/settings/settings.ts';
import { addClient, isSignedIn } from '../oidc/relying-party.ts';
import { authorizationRequest, authorize, formOf, type Person, type Reply } from '../support/person.ts';
import { basic, clients, startProvider, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

/** What settings do, on pods that run: each is changed elsewhere, and seen on both within a second. */
describe('a setting that is changed', () => {
  let redis: Topology;
  let provider: TestProvider;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    provider = await startProvider(redis.url, 2, {
      HOLDFAST_UNSAFE_SHOW_MAILS: 'true',
      HOLDFAST_REGISTRATION: 'open',
    });
  });
  after(async () => {
    await provider?.stop();
    await redis?.stop();
  });

  const settings = () => provider.parts.settings;
  const credentials = () => ({ email: provider.account.email, password: provider.account.password });

  async function change(changes: { [N in keyof Settings]?: Settings[N] | null }): Promise<void> {
    const changed = await settings().change(undefined, changes);
    if (!changed.ok) throw new Error(JSON.stringify(changed));
  }

  afterEach(() =>
    changeEverywhere({
      registration: null,
      terms_url: null,
      terms_version: null,
      second_factor: null,
      console_second_factor: null,
      session_idle_seconds: null,
      session_absolute_seconds: null,
    }),
  );

  let mark = 100;

  /** Waits until both pods go by it, which the lifetime of a token tells. */
  async function changeEverywhere(changes: { [N in keyof Settings]?: Settings[N] | null }): Promise<void> {
    mark += 1;
    await change({ ...changes, access_token_seconds: mark });
    await onEveryPod(async (pod) => (await tokenSeconds(pod)) === mark);
  }

  async function tokenSeconds(pod: number): Promise<unknown> {
    const headers = { authorization: basic(clients.service) };
    const reply = await provider.post('/token', { grant_type: 'client_credentials' }, { headers, pod });
    return reply.json.expires_in;
  }

  /** On every pod, within a second of now. */
  async function onEveryPod(is: (pod: number) => Promise<boolean>): Promise<void> {
    const since = performance.now();
    for (const pod of [0, 1]) {
      while (!(await is(pod))) {
        expect(performance.now() - since, 'ms').to.be.lessThan(1000);
        await pause(20);
      }
    }
  }

  /** The same browser, with this pod alone to ask. */
  const at = (person: Person, pod: number) => person.clone([provider.pods[pod]?.url ?? '']);

  const page = (path: string, pod: number) => provider.get(path, { accept: 'text/html' }, pod);

  it('closes and opens registration', async () => {
    await onEveryPod(async (pod) => (await page('/register', pod)).body.includes('name="email"'));
    await change({ registration: 'off' });
    await onEveryPod(async (pod) => !(await page('/register', pod)).body.includes('name="email"'));
    await change({ registration: 'open' });
    await onEveryPod(async (pod) => (await page('/register', pod)).body.includes('name="email"'));
  });

  it('asks for new terms at registration, and at the next sign-in', async () => {
    await change({ terms_url: 'https://example.com/terms', terms_version: 'v2' });
    await onEveryPod(async (pod) =>
      (await page('/register', pod)).body.includes('https://example.com/terms'),
    );
    const person = provider.person();
    let reply = await open(person, authorizationRequest(clients.first).path);
    const { action, fields } = formOf(reply.body);
    reply = await follow(
      person,
      await person.request(action, { form: { ...fields, ...credentials(), decision: 'sign-in' } }),
    );
    expect(reply.body).to.include('https://example.com/terms').and.include('value="v2"');
    const terms = formOf(reply.body);
    reply = await person.request(terms.action, { form: { ...terms.fields, decision: 'accept' } });
    expect((await follow(person, reply)).location).to.include('code=');
  });

  it('shortens tokens that are issued from then on', async () => {
    await change({ access_token_seconds: 77 });
    await onEveryPod(async (pod) => (await tokenSeconds(pod)) === 77);
  });

  it('ends sessions that are older than they may be now', async () => {
    const person = provider.person();
    await provider.signIn(person, clients.first);
    const [session] = await provider.parts.oidc.signedIn.sessions(provider.account.id);
    const key = provider.parts.store.keys.session(session?.uid ?? '');
    await provider.parts.store.call('HSET', key, 'c', Date.now() - 7200_000);
    expect(await isSignedIn(provider, person.clone(), clients.first)).to.equal(true);
    await change({ session_absolute_seconds: 3600, session_idle_seconds: 600 });
    await onEveryPod(async (pod) => !(await isSignedIn(provider, at(person, pod), clients.first)));
    expect(await provider.parts.oidc.signedIn.sessions(provider.account.id)).to.not.deep.include(session);
  });

  it('ends sessions that were not used for longer than they may be now', async () => {
    const person = provider.person();
    await provider.signIn(person, clients.first);
    await changeEverywhere({ session_idle_seconds: 120 });
    expect(await isSignedIn(provider, person.clone(), clients.first)).to.equal(true);
    for (const { uid } of await provider.parts.oidc.signedIn.sessions(provider.account.id)) {
      const usedAt = Math.floor(Date.now() / 1000) - 300;
      await provider.parts.store.call('HSET', provider.parts.store.keys.session(uid), 'u', usedAt);
    }
    for (const pod of [0, 1]) {
      expect(await isSignedIn(provider, at(person, pod), clients.first)).to.equal(false);
    }
  });

  it('asks for a second factor of clients that do not say', async () => {
    const silent = await addClient(provider);
    const outspoken = await addClient(provider, { second_factor: 'none' });
    const person = provider.person();
    await provider.signIn(person, silent);
    expect(await isSignedIn(provider, person, silent)).to.equal(true);
    await change({ second_factor: 'required' });
    await onEveryPod(async (pod) => !(await isSignedIn(provider, at(person, pod), silent)));
    expect(await isSignedIn(provider, person, outspoken)).to.equal(true);
    // And an account that has none confirms by mail.
    const other = provider.person();
    const reply = await open(other, authorizationRequest(silent).path);
    const { action, fields } = formOf(reply.body);
    const next = await other.request(action, {
      form: { ...fields, ...credentials(), decision: 'sign-in' },
    });
    expect((await follow(other, next)).body).to.include('/factor/email-code/send');
  });

  it('asks for the second factor of the console alone, or leaves it out', async () => {
    const person = provider.person();
    await provider.signIn(person, clients.first);
    const goesIn = async (clientId: string, path: string, pod: number) => {
      const client = { id: clientId, redirectUri: `${provider.issuer}${path}` };
      const request = authorizationRequest(client, { prompt: 'none', scope: 'openid' });
      const answer = await authorize(at(person, pod), request.path, credentials(), client.redirectUri);
      return answer.code !== undefined;
    };
    const console = (pod: number) => goesIn('holdfast-admin', '/admin/signed-in', pod);
    const account = (pod: number) => goesIn('holdfast-account', '/account/signed-in', pod);
    expect([await console(0), await account(1)]).to.deep.equal([false, true]);
    await change({ console_second_factor: 'optional' });
    await onEveryPod(console);
    await change({ console_second_factor: 'required-always' });
    await onEveryPod(async (pod) => !(await console(pod)));
    await changeEverywhere({ second_factor: 'none' });
    for (const pod of [0, 1]) expect(await account(pod)).to.equal(true);
  });

  async function open(person: Person, path: string): Promise<Reply> {
    return follow(person, await person.request(path));
  }

  /** Goes where it leads, up to a page or the client. */
  async function follow(person: Person, first: Reply): Promise<Reply> {
    let reply = first;
    while (reply.location && new URL(reply.location, provider.issuer).origin === provider.issuer) {
      reply = await person.request(reply.location);
    }
    return reply;
  }
});
