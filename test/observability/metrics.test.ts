import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { routeNames } from '../../src/http/route-name.ts';
import { addClient, refresh, userinfo } from '../oidc/relying-party.ts';
import { authorizationRequest, formOf, send } from '../support/person.ts';
import { freePort, type Pod, startPod } from '../support/pods.ts';
import { basic, clients, createClientKey, startProvider, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { type Scraped, scrape } from './scrape.ts';

describe('the metrics of a pod', () => {
  let redis: Topology;
  let provider: TestProvider;
  let port: number;

  before(async function () {
    this.timeout(30_000);
    redis = await startStandalone({ appendOnly: false });
    port = await freePort();
    provider = await startProvider(redis.url, 1, { HOLDFAST_METRICS_PORT: String(port) });
  });
  after(async () => {
    await provider?.stop();
    await redis?.stop();
  });

  /** What has changed in between; an answer is counted when its last byte has left, which is a moment later. */
  async function grownBy(work: () => Promise<unknown>, is: (grown: Scraped['sum']) => boolean) {
    const before = await scrape(port);
    await work();
    for (;;) {
      const now = await scrape(port);
      const grown: Scraped['sum'] = (name, labels) => now.sum(name, labels) - before.sum(name, labels);
      if (is(grown)) return grown;
      await pause(20);
    }
  }

  it('count answers by route and how they ended', async () => {
    const count = 'holdfast_http_requests_total';
    const tokens = await provider.signIn(provider.person(), clients.first);
    const grown = await grownBy(
      async () => {
        await userinfo(provider, tokens.access_token);
        await userinfo(provider, 'wrong');
        await provider.get('/.well-known/openid-configuration');
        await provider.get('/nowhere/at-all?secret=1');
        await provider.get('/nowhere/else');
      },
      (by) => by(count, { route: 'other' }) === 2,
    );
    expect(grown(count, { route: 'userinfo', outcome: 'ok', status: '200' })).to.equal(1);
    expect(grown(count, { route: 'userinfo', outcome: 'refused', status: '401' })).to.equal(1);
    expect(grown(count, { route: 'discovery' })).to.equal(1);
    expect(grown('holdfast_http_request_duration_seconds_count', { route: 'userinfo' })).to.equal(2);
  });

  it('say how often a request waited for Redis, one time after the other', async () => {
    const trips = (of: Scraped['sum'], route: string) => [
      of('holdfast_redis_round_trips_sum', { route }),
      of('holdfast_redis_round_trips_count', { route }),
    ];
    const { access_token, refresh_token } = await provider.signIn(provider.person(), clients.first);
    const grown = await grownBy(
      async () => {
        await userinfo(provider, access_token);
        await refresh(provider, clients.first, refresh_token);
        await provider.get('/jwks');
      },
      (by) => by('holdfast_redis_round_trips_count', { route: 'jwks' }) === 1,
    );
    expect(trips(grown, 'userinfo')).to.deep.be.oneOf([
      [1, 1],
      [2, 1],
    ]);
    // One more where the client has to be read again.
    expect(trips(grown, 'token')).to.deep.be.oneOf([
      [2, 1],
      [3, 1],
    ]);
    expect(trips(grown, 'jwks')).to.deep.equal([0, 1]);
    expect(grown('holdfast_redis_command_duration_seconds_count', { kind: 'commit' })).to.be.at.least(1);
  });

  it('count sign-ins, and why they failed, but not whether there is such an account', async () => {
    const name = 'holdfast_sign_ins_total';
    const grown = await grownBy(
      async () => {
        const person = provider.person();
        const { path } = authorizationRequest(clients.first);
        let reply = await person.request((await person.request(path)).location ?? '');
        for (const email of [provider.account.email, 'nobody@example.com']) {
          const { action, fields } = formOf(reply.body);
          reply = await person.request(action, { form: { ...fields, email, password: 'not the password' } });
        }
        await provider.signIn(provider.person(), clients.first);
      },
      (by) => by(name) === 3,
    );
    expect(grown(name, { outcome: 'failed', reason: 'credentials' })).to.equal(2);
    expect(grown(name, { outcome: 'succeeded', reason: 'none' })).to.equal(1);
    const { sum } = await scrape(port);
    expect(sum('holdfast_hash_duration_seconds_count')).to.be.at.least(3);
  });

  it('count what is shown twice, and retries that were answered', async () => {
    const { answer, verifier } = await provider.authorize(provider.person(), clients.strict);
    const key = await createClientKey();
    const machine = await addClient(provider, {
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [key.jwk] },
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      post_logout_redirect_uris: [],
    });
    const assertion = await key.assertion(machine.id, provider.issuer);
    const grown = await grownBy(
      async () => {
        for (let i = 0; i < 2; i++) await provider.exchange(clients.strict, answer.code ?? '', verifier);
        const first = await provider.signIn(provider.person(), clients.first);
        const second = await refresh(provider, clients.first, first.refresh_token);
        await refresh(provider, clients.first, first.refresh_token);
        await refresh(provider, clients.first, String(second.json.refresh_token));
        await refresh(provider, clients.first, first.refresh_token);
        for (let i = 0; i < 2; i++) {
          await provider.post('/token', {
            grant_type: 'client_credentials',
            client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
            client_assertion: assertion,
          });
        }
      },
      () => true,
    );
    const replays = (kind: string) => grown('holdfast_replays_total', { kind });
    expect({ code: replays('code'), refresh: replays('refresh'), proof: replays('proof') }).to.deep.equal({
      code: 1,
      refresh: 1,
      proof: 1,
    });
    expect(grown('holdfast_retries_answered_total')).to.equal(1);
  });

  it('count commits that Redis refused', async () => {
    const spent = { rank: 'grant', reason: 'spent' };
    for (let conflicts = 0; conflicts === 0; ) {
      const { refresh_token } = await provider.signIn(provider.person(), clients.first);
      const grown = await grownBy(
        () => Promise.all(Array.from({ length: 20 }, () => refresh(provider, clients.first, refresh_token))),
        () => true,
      );
      conflicts = grown('holdfast_commit_conflicts_total', spent);
    }
  });

  it('say how the pod and what it shares with the others are', async () => {
    await provider.signIn(provider.person(), clients.first);
    await provider.parts.mail.enqueue({
      kind: 'email-code',
      to: 'ada@example.com',
      locale: 'en',
      values: { code: '12345678', minutes: 10 },
    });
    const now = await scrape(port);
    expect(now.sum('holdfast_ready')).to.equal(1);
    expect(now.sum('holdfast_redis_up')).to.equal(1);
    expect(now.sum('holdfast_pods_live')).to.equal(1);
    expect(now.sum('holdfast_sessions')).to.be.at.least(1);
    expect(now.sum('holdfast_key_rotation_state')).to.equal(0);
    expect(Math.abs(now.sum('holdfast_clock_offset_seconds'))).to.be.lessThan(1);
    for (const alg of ['ES256', 'EdDSA', 'RS256']) {
      expect(now.text).to.match(new RegExp(`holdfast_signing_key_age_seconds\\{alg="${alg}"\\} \\d`));
    }
    for (const name of [
      'build_info',
      'event_loop_lag_seconds',
      'hash_running',
      'hash_queue_length',
      'mail_outbox_length',
      'delivery_age_seconds',
      'audit_chain_lag_seconds',
    ]) {
      expect(now.has(`holdfast_${name}`), name).to.equal(true);
    }
    expect(now.has('process_cpu_seconds_total')).to.equal(true);

    await provider.parts.oidc.keys.rotate('signing');
    while ((await scrape(port)).sum('holdfast_key_rotation_state', { use: 'signing' }) !== 1) await pause(20);
  });

  it('have labels from fixed lists alone', async () => {
    for (const path of ['/a-made-up-path', '/account/xyzzy-1', '/admin/accounts/xyzzy-2', '/auth/xyzzy-3']) {
      await provider.get(path);
    }
    const { text, labelValues } = await scrape(port);
    expect(text).not.to.include('xyzzy');
    expect(text).not.to.include('made-up');
    const routes = new Set([...text.matchAll(/route="([^"]*)"/g)].map(([, route]) => route));
    expect([...routes].filter((route) => !routeNames.includes(route ?? ''))).to.deep.equal([]);
    expect(new Set(labelValues()).size).to.be.lessThan(150);
  });

  it('are on a port of their own, with the probes, and nowhere else', async () => {
    const at = (path: string, options: RequestInit = {}) =>
      fetch(`http://127.0.0.1:${port}${path}`, options).then(({ status }) => status);
    for (const probe of ['/livez', '/readyz', '/startupz']) expect(await at(probe), probe).to.equal(200);
    expect(await at('/')).to.equal(404);
    expect(await at('/metrics', { method: 'POST' })).to.equal(405);
    expect((await provider.get('/metrics')).status).to.equal(404);
  });

  it('tell of durable writes that too few replicas held', async () => {
    const shortPort = await freePort();
    const short = await startPod({
      name: 'pod-short',
      issuer: provider.issuer,
      redisUrl: redis.url,
      environment: {
        HOLDFAST_METRICS_PORT: String(shortPort),
        HOLDFAST_DURABLE_REPLICAS: '1',
        HOLDFAST_DURABLE_TIMEOUT_MS: '50',
      },
    });
    try {
      const { answer, verifier } = await provider.authorize(provider.person(), clients.first);
      const reply = await send(new URL('/token', short.url), {
        method: 'POST',
        headers: {
          host: 'id.example',
          authorization: basic(clients.first),
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          code: answer.code ?? '',
          code_verifier: verifier,
          redirect_uri: clients.first.redirectUri,
        }).toString(),
      });
      expect(reply.status).to.equal(503);
      expect((await scrape(shortPort)).sum('holdfast_redis_wait_short_total')).to.be.at.least(1);
    } finally {
      await short.kill('SIGKILL');
    }
  });

  it('go on without Redis, and leave out what they do not know then', async function () {
    this.timeout(20_000);
    const other = await startStandalone({ appendOnly: false });
    const otherPort = await freePort();
    let pod: Pod | undefined;
    try {
      pod = await startPod({
        name: 'pod-alone',
        issuer: provider.issuer,
        redisUrl: other.url,
        environment: { HOLDFAST_METRICS_PORT: String(otherPort) },
      });
      await other.processes[0]?.kill('SIGKILL');
      let now = await scrape(otherPort);
      while (now.sum('holdfast_redis_up') === 1 || now.has('holdfast_sessions')) {
        await pause(100);
        now = await scrape(otherPort);
      }
      expect(now.sum('holdfast_ready')).to.equal(1);
      expect(now.sum('holdfast_redis_failures_total')).to.be.at.least(1);
    } finally {
      await pod?.kill('SIGKILL');
      await other.stop();
    }
  });
});
