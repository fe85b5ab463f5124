import { expect } from 'chai';
import { Redis } from 'ioredis';
import type { Person } from '../support/person.ts';
import { authorizationRequest, formOf } from '../support/person.ts';
import {
  clients,
  createClientKey,
  type JsonReply,
  startProvider,
  type TestClient,
  type TestProvider,
} from '../support/provider.ts';
import { startCluster, startStandalone, type Topology } from '../support/redis-topologies.ts';

/**
 * What may happen once happens once, however many pods see it at the same moment: each race is run by twenty
 * requests, spread over two processes. Take the script behind one of them away and its test goes red.
 */
const twenty = Array.from({ length: 20 }, (_, i) => i);

const topologies: [name: string, start: () => Promise<Topology>][] = [
  ['standalone', () => startStandalone({ appendOnly: false })],
  ['Cluster', () => startCluster({ primaries: 3 })],
];

for (const [name, start] of topologies) {
  describe(`two pods on one Redis (${name})`, () => {
    let redis: Topology;
    let provider: TestProvider;

    before(async function () {
      this.timeout(60_000);
      redis = await start();
      provider = await startProvider(redis.url);
    });
    after(async () => {
      await provider?.stop();
      await redis?.stop();
    });

    it('turn one code into one set of tokens', async () => {
      const { answer, verifier } = await provider.authorize(provider.person(), clients.first);
      const replies = await Promise.all(
        twenty.map(() => provider.exchange(clients.first, answer.code ?? '', verifier)),
      );
      expect(distinctTokens(replies)).to.equal(1);
      expect(refusals(replies)).to.deep.equal(new Set(refusals(replies).size === 0 ? [] : ['invalid_grant']));
    });

    it('turn one code into one answer for a client that wants none twice, and revoke on the second', async () => {
      const { answer, verifier } = await provider.authorize(provider.person(), clients.strict);
      const replies = await Promise.all(
        twenty.map(() => provider.exchange(clients.strict, answer.code ?? '', verifier)),
      );
      expect(replies.filter(({ status }) => status === 200)).to.have.lengthOf(1);
      expect(refusals(replies)).to.deep.equal(new Set(['invalid_grant']));
      expect(await isAlive(provider, replies)).to.equal(false);
    });

    it('turn one refresh token into one successor, which works', async () => {
      const tokens = await provider.signIn(provider.person(), clients.first);
      const replies = await Promise.all(
        twenty.map(() => refresh(provider, clients.first, tokens.refresh_token)),
      );
      expect(replies.map(({ status }) => status)).to.deep.equal(twenty.map(() => 200));
      expect(distinctTokens(replies)).to.equal(1);
      expect(await isAlive(provider, replies)).to.equal(true);
      const next = await refresh(provider, clients.first, String(replies[0]?.json.refresh_token));
      expect(next.status).to.equal(200);
    });

    it('give a client that wants no answer twice one successor at the most', async () => {
      const tokens = await provider.signIn(provider.person(), clients.strict);
      const replies = await Promise.all(
        twenty.map(() => refresh(provider, clients.strict, tokens.refresh_token)),
      );
      expect(replies.filter(({ status }) => status === 200)).to.have.lengthOf(1);
      expect(await isAlive(provider, replies)).to.equal(false);
    });

    it('take a client assertion once', async () => {
      const key = await createClientKey();
      const client = await addKeyClient(provider, key.jwk);
      const assertion = await key.assertion(client, provider.issuer);
      const replies = await Promise.all(
        twenty.map(() =>
          provider.post('/token', {
            grant_type: 'client_credentials',
            client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
            client_assertion: assertion,
          }),
        ),
      );
      expect(replies.filter(({ status }) => status === 200)).to.have.lengthOf(1);
      expect(refusals(replies)).to.deep.equal(new Set(['invalid_client']));
    });

    it('take a DPoP proof once', async () => {
      const key = await createClientKey();
      const proof = await key.proof('POST', `${provider.issuer}/token`);
      const replies = await Promise.all(
        twenty.map(() =>
          provider.post(
            '/token',
            { grant_type: 'client_credentials' },
            { client: clients.service, headers: { dpop: proof } },
          ),
        ),
      );
      expect(replies.filter(({ status }) => status === 200)).to.have.lengthOf(1);
    });

    it('give the device that polls one set of tokens', async () => {
      const started = await provider.post(
        '/device/auth',
        { client_id: clients.first.id, scope: 'openid' },
        { client: clients.first },
      );
      await approveDevice(provider, String(started.json.user_code));
      const replies = await Promise.all(
        twenty.map(() =>
          provider.post(
            '/token',
            {
              grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
              device_code: String(started.json.device_code),
            },
            { client: clients.first },
          ),
        ),
      );
      expect(distinctTokens(replies)).to.equal(1);
      expect(await isAlive(provider, replies)).to.equal(true);
    });

    it('let one browser of twenty use a pushed authorization request', async () => {
      const people = await Promise.all(
        twenty.map(async () => {
          const person = provider.person();
          await provider.signIn(person, clients.first);
          return person;
        }),
      );
      const { path } = await pushRequest(provider, clients.first);
      const replies = await Promise.all(people.map((person) => person.request(path)));
      const codes = replies.map(({ location }) => codeIn(location, clients.first)).filter(Boolean);
      expect(codes).to.have.lengthOf(1);
    });

    it('give one browser that sends a pushed authorization request twenty times one code', async () => {
      const person = provider.person();
      await provider.signIn(person, clients.first);
      const { path } = await pushRequest(provider, clients.first);
      const replies = await Promise.all(twenty.map(() => person.clone().request(path)));
      const codes = new Set(replies.map(({ location }) => codeIn(location, clients.first)).filter(Boolean));
      expect(codes.size).to.equal(1);
    });

    it('turn one sign-in form that is sent twenty times into one code and one session', async () => {
      const { person, action, form } = await atSignInPage(provider, clients.first);
      const tabs = twenty.map(() => person.clone());
      const sessionsBefore = await countSessions(redis);
      const answers = await Promise.all(
        tabs.map(async (tab) => {
          const { status, location } = await tab.request(action, { form });
          // More at once than anybody may try passwords: the sign-in limits turn the rest away.
          return status === 429 ? [] : [await codeAfter(tab, location ?? '', clients.first)];
        }),
      );
      expect(answers.flat().length).to.be.at.least(5);
      const codes = new Set(answers.flat());
      expect(codes.size).to.equal(1);
      expect([...codes][0]).to.be.a('string');
      const through = tabs.filter((_, i) => answers[i]?.length);
      const uids = new Set(through.map((tab) => tab.cookies.get('holdfast_session')?.value.split('.')[0]));
      expect(uids.size).to.equal(1);
      expect(await countSessions(redis), 'a session that nobody was given').to.equal(sessionsBefore + 1);
    });

    it('let the first of two answers to one sign-in page count', async () => {
      const bob = { email: `bob-${name}@example.com`.toLowerCase(), password: 'bob has a long passphrase' };
      await provider.parts.accounts.create({ ...bob, emailVerified: true });
      for (let round = 0; round < 5; round++) {
        const { person, action, form } = await atSignInPage(provider, clients.first);
        const codes = await Promise.all(
          [provider.account, bob].map(async ({ email, password }) => {
            const tab = person.clone();
            const { location } = await tab.request(action, { form: { ...form, email, password } });
            return codeAfter(tab, location ?? '', clients.first);
          }),
        );
        expect(new Set(codes).size).to.equal(1);
        expect(codes[0]).to.be.a('string');
      }
    });

    it('keep both clients when two tabs come to new ones at the same moment', async () => {
      for (let round = 0; round < 10; round++) {
        const person = provider.person();
        await provider.signIn(person, clients.strict);
        const answers = await Promise.all(
          [clients.first, clients.second].map(async (client) => ({
            client,
            ...(await provider.authorize(person.clone(), client)),
          })),
        );
        for (const { client, answer, verifier } of answers) {
          const reply = await provider.exchange(client, answer.code ?? '', verifier);
          expect(reply.status, reply.body).to.equal(200);
        }
      }
    });

    it('keep both tabs that approve two consents at the same moment', async () => {
      const person = provider.person();
      await provider.signIn(person, clients.first);
      const scopes = ['openid', 'openid email'];
      const answers = await Promise.all(
        scopes.map((scope) => provider.authorize(person.clone(), clients.third, { scope })),
      );
      for (const { answer, verifier } of answers) {
        const reply = await provider.exchange(clients.third, answer.code ?? '', verifier);
        expect(reply.status, reply.body).to.equal(200);
      }
    });

    it('give both tabs a code that open the same new client at the same moment', async () => {
      for (let round = 0; round < 10; round++) {
        const person = provider.person();
        await provider.signIn(person, clients.second);
        const answers = await Promise.all(
          [0, 1].map(() => provider.authorize(person.clone(), clients.first)),
        );
        for (const { answer, verifier } of answers) {
          const reply = await provider.exchange(clients.first, answer.code ?? '', verifier);
          expect(reply.status, reply.body).to.equal(200);
        }
      }
    });

    it('never bring a session back that was signed out while a request was in flight', async () => {
      for (const round of twenty) {
        const person = provider.person();
        await provider.signIn(person, clients.first);
        const old = person.clone();
        const inFlight = person.clone();
        const form = formOf((await person.request('/session/end')).body);
        const [loggedOut] = await Promise.all([
          person.request(form.action, { form: { ...form.fields, logout: 'yes' } }),
          inFlight.request(authorizationRequest(clients.second).path, { pod: round }),
          inFlight.request(authorizationRequest(clients.first).path, { pod: round + 1 }),
        ]);
        expect(loggedOut.status).to.equal(303);
        for (const browser of [old, inFlight]) {
          const { answer } = await provider.authorize(browser, clients.first, { prompt: 'none' });
          expect(answer.error).to.equal('login_required');
        }
      }
    });
  });
}

/** Sessions in all of Redis, on every primary of it. */
async function countSessions({ processes }: Topology): Promise<number> {
  const counts = await Promise.all(
    processes.map(async ({ port }) => {
      const client = new Redis({ port });
      const keys = await client.keys('*{s:*');
      client.disconnect();
      return keys.length;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** How many different successes there are. */
function distinctTokens(replies: JsonReply[]): number {
  return new Set(replies.filter(({ status }) => status === 200).map(({ body }) => body)).size;
}

function refusals(replies: JsonReply[]): Set<unknown> {
  return new Set(replies.filter(({ status }) => status !== 200).map(({ json }) => json.error));
}

async function isAlive(provider: TestProvider, replies: JsonReply[]): Promise<boolean> {
  const token = replies.find(({ status }) => status === 200)?.json.access_token;
  const { status } = await provider.get('/me', { authorization: `Bearer ${token}` });
  return status === 200;
}

function refresh(provider: TestProvider, client: TestClient, token: string): Promise<JsonReply> {
  return provider.post('/token', { grant_type: 'refresh_token', refresh_token: token }, { client });
}

function codeIn(location: string | undefined, client: TestClient): string | undefined {
  if (!location?.startsWith(client.redirectUri)) return undefined;
  return new URL(location).searchParams.get('code') ?? undefined;
}

/** Follows redirects of the provider up to the one to the client. */
async function codeAfter(person: Person, path: string, client: TestClient): Promise<string | undefined> {
  let location: string | undefined = path;
  for (let hop = 0; hop < 5 && location !== undefined && !location.startsWith(client.redirectUri); hop++) {
    location = (await person.request(location)).location;
  }
  return codeIn(location, client);
}

async function addKeyClient(provider: TestProvider, jwk: object): Promise<string> {
  const id = `key-${Math.random().toString(36).slice(2)}`;
  const made = await provider.parts.clients.create(
    {
      client_id: id,
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [jwk] },
    },
    undefined,
  );
  expect(made).to.equal(true);
  return id;
}

async function pushRequest(provider: TestProvider, client: TestClient): Promise<{ path: string }> {
  const { path } = authorizationRequest(client);
  const form = Object.fromEntries(new URL(path, provider.issuer).searchParams);
  const pushed = await provider.post('/request', form, { client });
  expect(pushed.status, pushed.body).to.equal(201);
  return {
    path: `/auth?${new URLSearchParams({ client_id: client.id, request_uri: String(pushed.json.request_uri) })}`,
  };
}

/** At the sign-in page, with the form filled in but not sent. */
async function atSignInPage(
  provider: TestProvider,
  client: TestClient,
): Promise<{ person: Person; action: string; form: Record<string, string> }> {
  const person = provider.person();
  const page = await person.request((await person.request(authorizationRequest(client).path)).location ?? '');
  const { action, fields } = formOf(page.body);
  const { email, password } = provider.account;
  return { person, action, form: { ...fields, email, password, decision: 'sign-in' } };
}

async function approveDevice(provider: TestProvider, userCode: string): Promise<void> {
  const person = provider.person();
  await provider.signIn(person, clients.second);
  const entry = formOf((await person.request('/device')).body);
  const confirm = formOf(
    (await person.request(entry.action, { form: { ...entry.fields, user_code: userCode } })).body,
  );
  const done = await person.request(confirm.action, { form: { ...confirm.fields, confirm: 'yes' } });
  expect(done.status, done.body).to.equal(200);
}
