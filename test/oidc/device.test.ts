import { expect } from 'chai';
import { authorize, formOf, type Person, type Reply } from '../support/person.ts';
import type { Pod } from '../support/pods.ts';
import {
  clients,
  type JsonReply,
  startProvider,
  type TestClient,
  type TestProvider,
} from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { startPodAhead } from './odd-pods.ts';
import { isAlive, refresh } from './relying-party.ts';

/** Sign-in of a device without a browser (RFC 8628). */
describe('a device', () => {
  let redis: Topology;
  let provider: TestProvider;
  /** When device codes have expired. */
  let late: Pod;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    provider = await startProvider(redis.url);
    late = await startPodAhead(provider, redis.url, 601);
  });
  after(async () => {
    await Promise.all([provider?.stop(), late?.kill('SIGKILL')]);
    await redis?.stop();
  });

  const grantType = 'urn:ietf:params:oauth:grant-type:device_code';

  async function begin(client: TestClient = clients.first, scope = 'openid email') {
    const reply = await provider.post('/device/auth', { client_id: client.id, scope }, { client });
    expect(reply.status, reply.body).to.equal(200);
    return { deviceCode: String(reply.json.device_code), userCode: String(reply.json.user_code), reply };
  }

  const poll = (deviceCode: string, client: TestClient = clients.first): Promise<JsonReply> =>
    provider.post('/token', { grant_type: grantType, device_code: deviceCode }, { client });

  /** Types the code in, up to the page that asks for confirmation. */
  async function typed(person: Person, userCode: string): Promise<Reply> {
    const { action, fields } = formOf((await person.request('/device')).body);
    return person.request(action, { form: { ...fields, user_code: userCode } });
  }

  async function decide(person: Person, userCode: string, decision: 'confirm' | 'abort'): Promise<Reply> {
    const { action, fields } = formOf((await typed(person, userCode)).body);
    return person.request(action, { form: { ...fields, [decision]: 'yes' } });
  }

  async function signedIn(): Promise<Person> {
    const person = provider.person();
    await provider.signIn(person, clients.second);
    return person;
  }

  it('waits until the person has confirmed, and gets its tokens once', async () => {
    const { deviceCode, userCode, reply } = await begin();
    expect(reply.json).to.include({ verification_uri: `${provider.issuer}/device`, expires_in: 600 });
    expect(userCode).to.match(/^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/);
    expect((await poll(deviceCode)).json.error).to.equal('authorization_pending');
    const done = await decide(await signedIn(), userCode, 'confirm');
    expect(done.status, done.body).to.equal(200);
    const tokens = await poll(deviceCode);
    expect(tokens.status, tokens.body).to.equal(200);
    expect(await isAlive(provider, String(tokens.json.access_token))).to.equal(true);
    expect((await refresh(provider, clients.first, String(tokens.json.refresh_token))).status).to.equal(200);
  });

  it('is shown to the person: who asks, and what for', async () => {
    const { userCode } = await begin(clients.third);
    const page = await typed(await signedIn(), userCode.toLowerCase().replace('-', ' '));
    expect(page.status).to.equal(200);
    expect(page.body).to.include('third').and.include(userCode);
  });

  it('that the person signs in for on the way gets tokens of that person', async () => {
    const { deviceCode, userCode } = await begin();
    const person = provider.person();
    const { email, password } = provider.account;
    let reply = await decide(person, userCode, 'confirm');
    for (let hop = 0; hop < 6 && reply.status !== 200; hop++)
      reply = await person.request(reply.location ?? '');
    const { action, fields } = formOf(reply.body);
    reply = await person.request(action, { form: { ...fields, email, password } });
    while (reply.location) reply = await person.request(reply.location);
    expect(reply.status, reply.body).to.equal(200);
    const tokens = await poll(deviceCode);
    expect(tokens.status, tokens.body).to.equal(200);
    const me = await provider.get('/me', { authorization: `Bearer ${tokens.json.access_token}` });
    expect(me.json.email).to.equal(email);
  });

  it('of somebody else asks for consent', async () => {
    const { deviceCode, userCode } = await begin(clients.third);
    const person = await signedIn();
    let reply = await decide(person, userCode, 'confirm');
    while (reply.location) reply = await person.request(reply.location);
    expect(reply.body).to.include('value="allow"');
    expect((await poll(deviceCode, clients.third)).json.error).to.equal('authorization_pending');
    const { action, fields } = formOf(reply.body);
    reply = await person.request(action, { form: { ...fields, decision: 'deny' } });
    while (reply.location) reply = await person.request(reply.location);
    const refused = await poll(deviceCode, clients.third);
    expect(refused.json.error).to.equal('access_denied');
  });

  it('that the person turns away is told so, and stays turned away', async () => {
    const { deviceCode, userCode } = await begin();
    const person = await signedIn();
    const page = await decide(person, userCode, 'abort');
    expect(page.status).to.be.lessThan(500);
    for (let i = 0; i < 2; i++) expect((await poll(deviceCode)).json.error).to.equal('access_denied');
    expect((await typed(person, userCode)).body).not.to.include('name="confirm"');
    expect((await poll(deviceCode)).json.error).to.equal('access_denied');
  });

  it('is confirmed once: the user code is spent with it', async () => {
    const { deviceCode, userCode } = await begin();
    await decide(await signedIn(), userCode, 'confirm');
    const again = await typed(await signedIn(), userCode);
    expect(again.body).not.to.include('name="confirm"');
    expect(again.body).to.include('name="user_code"');
    expect((await poll(deviceCode)).status).to.equal(200);
  });

  it('code is for its client alone', async () => {
    const { deviceCode, userCode } = await begin();
    await decide(await signedIn(), userCode, 'confirm');
    expect((await poll(deviceCode, clients.second)).json.error).to.equal('invalid_grant');
    expect((await poll(deviceCode)).status).to.equal(200);
  });

  it('code expires', async () => {
    const { deviceCode } = await begin();
    provider.pods.push(late);
    try {
      const reply = await provider.post(
        '/token',
        { grant_type: grantType, device_code: deviceCode },
        { client: clients.first, pod: provider.pods.length - 1 },
      );
      expect(reply.json.error).to.equal('expired_token');
    } finally {
      provider.pods.pop();
    }
  });

  it('is confirmed by nobody else: not without the form token, not from another site', async () => {
    const { deviceCode, userCode } = await begin();
    const person = await signedIn();
    await person.request('/device');
    for (const xsrf of ['', 'x']) {
      const reply = await person.request('/device', { form: { xsrf, user_code: userCode, confirm: 'yes' } });
      expect(reply.status).to.equal(400);
    }
    expect((await poll(deviceCode)).json.error).to.equal('authorization_pending');
  });

  it('page works again for a browser that has lost its session meanwhile', async () => {
    const { deviceCode, userCode } = await begin();
    const person = provider.person();
    const lost = await person.request('/device', { form: { xsrf: 'of another time', user_code: userCode } });
    expect(lost.status).to.equal(400);
    const { action, fields } = formOf(lost.body);
    const page = await person.request(action, { form: { ...fields, user_code: userCode } });
    expect(page.status, page.body).to.equal(200);
    const confirm = formOf(page.body);
    const { email, password } = provider.account;
    let reply = await person.request(confirm.action, { form: { ...confirm.fields, confirm: 'yes' } });
    while (reply.location) reply = await person.request(reply.location);
    const login = formOf(reply.body);
    reply = await person.request(login.action, { form: { ...login.fields, email, password } });
    while (reply.location) reply = await person.request(reply.location);
    expect((await poll(deviceCode)).status).to.equal(200);
  });

  it('address with the code in it fills the form in, as text', async () => {
    const page = await provider.person().request('/device?user_code=%22%3E%3Cscript%3Ealert(1)%3C/script%3E');
    expect(page.status).to.equal(200);
    expect(page.body).not.to.include('<script>alert');
  });

  it('flow is not for a client without that grant', async () => {
    const reply = await provider.post('/device/auth', { client_id: 'service' }, { client: clients.service });
    expect(reply.status).to.equal(400);
  });

  it('flow ends in no sign-in of the browser that only aborted it', async () => {
    const { userCode } = await begin();
    const person = provider.person();
    await decide(person, userCode, 'abort');
    const answer = authorize(
      person,
      `/auth?client_id=first&response_type=code&prompt=none&redirect_uri=${encodeURIComponent(clients.first.redirectUri)}&scope=openid&code_challenge=${'x'.repeat(43)}&code_challenge_method=S256`,
      { email: '', password: '' },
      clients.first.redirectUri,
    );
    expect((await answer).error).to.equal('login_required');
  });
});
