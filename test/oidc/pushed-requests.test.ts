import { expect } from 'chai';
import { authorizationRequest, authorize, formOf, Person } from '../support/person.ts';
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
import { addClient } from './relying-party.ts';

/** Pushed authorization requests (RFC 9126): one authorization each, for the client that pushed it. */
describe('a pushed authorization request', () => {
  let redis: Topology;
  let provider: TestProvider;
  /** Two minutes later: past the minute for which a request_uri is good. */
  let late: Pod;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    provider = await startProvider(redis.url);
    late = await startPodAhead(provider, redis.url, 120);
  });
  after(async () => {
    await Promise.all([provider?.stop(), late?.kill('SIGKILL')]);
    await redis?.stop();
  });

  function push(client: TestClient, extra: Record<string, string> = {}): Promise<JsonReply> {
    const { path } = authorizationRequest(client, extra);
    const form = Object.fromEntries(new URL(path, provider.issuer).searchParams);
    return provider.post('/request', form, { client });
  }

  async function pushed(client: TestClient, extra: Record<string, string> = {}): Promise<string> {
    const reply = await push(client, extra);
    expect(reply.status, reply.body).to.equal(201);
    return String(reply.json.request_uri);
  }

  const pathFor = (clientId: string, requestUri: string, extra: Record<string, string> = {}) =>
    `/auth?${new URLSearchParams({ client_id: clientId, request_uri: requestUri, ...extra })}`;

  async function signedIn(): Promise<Person> {
    const person = provider.person();
    await provider.signIn(person, clients.first);
    return person;
  }

  it('is used once', async () => {
    const path = pathFor(clients.first.id, await pushed(clients.first));
    const [person, thief] = [await signedIn(), await signedIn()];
    expect((await person.request(path)).location).to.match(/[?&]code=/);
    const again = await thief.request(path);
    expect(again.status).to.equal(400);
    expect(again.location).to.equal(undefined);
  });

  it('is used once also where people sign in only after it expired', async () => {
    const path = pathFor(clients.first.id, await pushed(clients.first));
    const people = [provider.person(), provider.person()];
    const pages = [];
    for (const person of people)
      pages.push(await person.request((await person.request(path)).location ?? ''));
    const { email, password } = provider.account;
    const answers = [];
    for (const [i, person] of people.entries()) {
      const { action, fields } = formOf(pages[i]?.body ?? '');
      answers.push(await person.request(action, { form: { ...fields, email, password } }));
    }
    expect(answers.filter(({ location }) => /[?&]code=/.test(location ?? ''))).to.have.lengthOf(1);
  });

  it('is for the client that pushed it', async () => {
    const requestUri = await pushed(clients.first);
    const reply = await (await signedIn()).request(pathFor(clients.second.id, requestUri));
    expect(reply.location ?? '').not.to.match(/[?&]code=/);
    expect(reply.status).to.equal(400);
    const rightful = await (await signedIn()).request(pathFor(clients.first.id, requestUri));
    expect(rightful.location).to.match(/^http:\/\/first\.example\/cb\?code=/);
  });

  it('is good for a minute', async () => {
    const requestUri = await pushed(clients.first);
    const path = pathFor(clients.first.id, requestUri);
    const tooLate = await new Person(provider.issuer, [late.url]).request(path);
    expect(tooLate.status).to.equal(400);
    expect(tooLate.body).to.match(/invalid_request_uri/);
    expect((await provider.person().request(path)).location).to.match(/\/interaction\//);
  });

  it('leaves no room for parameters beside it', async () => {
    const person = await signedIn();
    const requestUri = await pushed(clients.first, { state: 'pushed', scope: 'openid' });
    const beside = {
      redirect_uri: 'https://evil.example/cb',
      state: 'other',
      scope: 'openid email',
      prompt: 'login',
    };
    const reply = await person.request(pathFor(clients.first.id, requestUri, beside));
    expect(reply.location).to.match(/^http:\/\/first\.example\/cb\?/);
    const answer = new URL(reply.location ?? '').searchParams;
    expect(answer.get('state')).to.equal('pushed');
    expect(answer.get('code')).to.be.a('string');
  });

  it('is checked when it is pushed', async () => {
    for (const [extra, error] of [
      [{ redirect_uri: 'https://evil.example/cb' }, 'invalid_request'],
      [{ response_type: 'token' }, 'unsupported_response_type'],
      [{ code_challenge_method: 'plain' }, 'invalid_request'],
      [{ request_uri: 'urn:ietf:params:oauth:request_uri:x' }, 'request_uri_not_supported'],
      [{ client_id: clients.second.id }, 'invalid_request'],
    ] as const) {
      const reply = await push(clients.first, extra);
      expect(reply.status, reply.body).to.equal(400);
      expect(reply.json.error).to.equal(error);
    }
  });

  it('is taken from an authenticated client alone', async () => {
    const wrong = await push({ ...clients.first, secret: 'wrong' });
    expect(wrong.status).to.equal(401);
    const form = Object.fromEntries(
      new URL(authorizationRequest(clients.first).path, provider.issuer).searchParams,
    );
    expect((await provider.post('/request', form)).status).to.equal(401);
  });

  it('works for a public client, which has only PKCE to go by', async () => {
    const client = await addClient(provider, { token_endpoint_auth_method: 'none' });
    const { path, verifier } = authorizationRequest(client);
    const form = Object.fromEntries(new URL(path, provider.issuer).searchParams);
    const requestUri = String((await provider.post('/request', form)).json.request_uri);
    const { email, password } = provider.account;
    const start = pathFor(client.id, requestUri);
    const answer = await authorize(provider.person(), start, { email, password }, client.redirectUri);
    const tokens = await provider.post('/token', {
      grant_type: 'authorization_code',
      client_id: client.id,
      code: answer.code ?? '',
      code_verifier: verifier,
      redirect_uri: client.redirectUri,
    });
    expect(tokens.status, tokens.body).to.equal(200);
  });

  it('cannot be made up', async () => {
    for (const id of ['', 'x', 'A'.repeat(43), '%00', '__proto__', '{p:x}']) {
      const path = pathFor(clients.first.id, `urn:ietf:params:oauth:request_uri:${id}`);
      expect((await provider.person().request(path)).status, id).to.equal(400);
    }
  });
});
