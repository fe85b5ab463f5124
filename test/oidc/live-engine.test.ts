import { expect } from 'chai';
import { type App, createApp, type Parts } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { authorizationRequest, authorize, Person, send } from '../support/person.ts';
import { testKeys } from '../support/pods.ts';
import { basic, clients } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

describe('an engine that is made anew while the pod runs', () => {
  const issuer = 'http://id.example';
  const credentials = { email: 'ada@example.com', password: 'correct horse battery staple' };
  const client = clients.first;
  let redis: Topology;
  let app: App;
  let parts: Parts;
  let url: string;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    const config = readConfig({
      HOLDFAST_ISSUER: issuer,
      HOLDFAST_KEYS: testKeys,
      REDIS_URL: redis.url,
      HOLDFAST_PORT: '0',
      HOLDFAST_DRAIN_PAUSE_MS: '0',
      HOLDFAST_UNSAFE_ALLOW_HTTP: 'true',
      HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: 'true',
    });
    app = createApp(config, parseRedisUrl(redis.url), createLog('silent', 'test'));
    url = `http://127.0.0.1:${(await app.listen()).port}`;
    parts = await app.ready();
    await parts.clients.put(
      { client_id: client.id, redirect_uris: [client.redirectUri], first_party: true },
      client.secret,
    );
    await parts.accounts.create({ ...credentials, emailVerified: true });
  });
  after(async () => {
    await app?.drain();
    await redis?.stop();
  });

  /** As when another pod has changed the set: this one sees so, and swaps. */
  async function swap(): Promise<void> {
    await parts.store.call('HINCRBY', parts.store.keys.keyRing(), 'set', 1);
    await parts.keySet.refresh();
  }

  const get = (path: string) => send(new URL(path, url), { method: 'GET', headers: { host: 'id.example' } });

  async function token(form: Record<string, string>): Promise<Record<string, string>> {
    const reply = await send(new URL('/token', url), {
      method: 'POST',
      headers: {
        host: 'id.example',
        'content-type': 'application/x-www-form-urlencoded',
        authorization: basic(client),
      },
      body: new URLSearchParams(form).toString(),
    });
    expect(reply.status, reply.body).to.equal(200);
    return JSON.parse(reply.body) as Record<string, string>;
  }

  it('fails none of two hundred sign-ons that are under way while it is swapped twenty times', async () => {
    const person = new Person(issuer, [url]);
    await authorize(person, authorizationRequest(client).path, credentials, client.redirectUri);
    let underWay = 0;
    let done = 0;

    async function signOn(): Promise<void> {
      underWay += 1;
      const { path, verifier } = authorizationRequest(client, { prompt: 'none' });
      const answer = await authorize(person.clone(), path, credentials, client.redirectUri);
      expect(answer.error).to.equal(undefined);
      const tokens = await token({
        grant_type: 'authorization_code',
        code: answer.code ?? '',
        code_verifier: verifier,
        redirect_uri: client.redirectUri,
      });
      await token({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' });
      underWay -= 1;
      done += 1;
    }

    const before = parts.oidc.keySetVersion();
    const signOns = Promise.all(Array.from({ length: 200 }, signOn));
    const seen: number[] = [];
    for (let i = 1; i <= 20; i++) {
      while (done < i * 8) await new Promise((resolve) => setImmediate(resolve));
      seen.push(underWay);
      await swap();
    }
    await signOns;
    expect(done).to.equal(200);
    expect(Math.min(...seen)).to.be.greaterThan(0);
    expect(parts.oidc.keySetVersion()).to.equal(before + 20);
  });

  it('finishes a sign-in that was begun before, with its form and its answer', async () => {
    const person = new Person(issuer, [url]);
    let hops = 0;
    const request = person.request.bind(person);
    person.request = async (...args) => {
      const reply = await request(...args);
      hops += 1;
      await swap();
      return reply;
    };
    const answer = await authorize(
      person,
      authorizationRequest(client).path,
      credentials,
      client.redirectUri,
    );
    expect(answer.code).to.be.a('string');
    expect(hops).to.be.greaterThan(2);
  });

  it('publishes the new keys as soon as it says that it serves them', async () => {
    const before = JSON.parse((await get('/jwks')).body) as { keys: { kid: string }[] };
    expect((await get('/jwks')).headers.get('cache-control')).to.equal('public, max-age=300');
    const rotated = await parts.oidc.keys.rotate('signing');
    expect(rotated.ok).to.equal(true);
    const kids = (JSON.parse((await get('/jwks')).body) as { keys: { kid: string }[] }).keys.map(
      ({ kid }) => kid,
    );
    expect(kids).to.have.lengthOf(before.keys.length + 3);
    expect(kids.slice(0, 3)).to.deep.equal(before.keys.map(({ kid }) => kid));
    expect(parts.oidc.keySetVersion()).to.equal(parts.keySet.current().version);
  });

  it('lets nobody keep the keys of a pod that does not know whether they are the newest', async () => {
    await get('/jwks');
    await redis.processes[0]?.kill('SIGSTOP');
    try {
      while (parts.keySet.isFresh()) await new Promise((resolve) => setTimeout(resolve, 50));
      const reply = await get('/jwks');
      expect(reply.status).to.equal(200);
      expect(reply.headers.get('cache-control')).to.equal('no-cache');
    } finally {
      await redis.processes[0]?.kill('SIGCONT');
    }
    while (!parts.keySet.isFresh()) await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await get('/jwks')).headers.get('cache-control')).to.equal('public, max-age=300');
  });
});
