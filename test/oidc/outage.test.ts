import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { authorizationRequest, formOf, type Person, type Reply, send } from '../support/person.ts';
import { freePort, type Pod, startPod, testKeys } from '../support/pods.ts';
import { startProcess } from '../support/processes.ts';
import { basic, clients, startProvider, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { isAlive, isSignedIn, refresh } from './relying-party.ts';

/** Redis is away: everything that needs it says so at once, nobody is let in, and nothing is lost. */
describe('while Redis is away', () => {
  let redis: Topology;
  let provider: TestProvider;

  before(async () => {
    redis = await startStandalone({ appendOnly: true, extraArgs: ['--appendfsync', 'always'] });
    provider = await startProvider(redis.url);
  });
  after(async () => {
    await provider?.stop();
    await redis?.stop();
  });

  const primary = () => {
    const [process] = redis.processes;
    if (!process) throw new Error('there is no Redis');
    return process;
  };

  /** What somebody is in the middle of, at every place where a request needs Redis. */
  async function inTheMiddle() {
    const person = provider.person();
    const tokens = await provider.signIn(person, clients.first);
    const { answer, verifier } = await provider.authorize(person, clients.first);
    const waiting = provider.person();
    const request = authorizationRequest(clients.first);
    const page = await waiting.request((await waiting.request(request.path)).location ?? '');
    const login = formOf(page.body);
    const logout = formOf((await person.request('/session/end')).body);
    const begun = await provider.post(
      '/device/auth',
      { client_id: 'first', scope: 'openid' },
      { client: clients.first },
    );
    return { person, tokens, code: answer.code ?? '', verifier, waiting, request, login, logout, begun };
  }

  type Middle = Awaited<ReturnType<typeof inTheMiddle>>;

  const cookiesOf = (person: Person) =>
    [...person.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ');

  /** A request at every endpoint that keeps state. Cookies that come back are left aside. */
  function statefulRequests(middle: Middle): [what: string, ask: (pod: Pod) => Promise<Reply>][] {
    const { tokens, login, logout, begun } = middle;
    const get =
      (path: string, person: Person, headers = {}) =>
      (pod: Pod) =>
        send(new URL(path, pod.url), {
          method: 'GET',
          headers: { host: 'id.example', accept: 'text/html', cookie: cookiesOf(person), ...headers },
        });
    const post =
      (path: string, form: Record<string, string>, headers: Record<string, string>) => (pod: Pod) =>
        send(new URL(new URL(path, provider.issuer).pathname, pod.url), {
          method: 'POST',
          headers: {
            host: 'id.example',
            'content-type': 'application/x-www-form-urlencoded',
            ...(headers.cookie === undefined ? {} : { origin: provider.issuer }),
            ...headers,
          },
          body: new URLSearchParams(form).toString(),
        });
    const client = { authorization: basic(clients.first), accept: 'application/json' };
    const { email, password } = provider.account;
    const uid = login.action.split('/')[2] ?? '';
    const pushed = new URL(authorizationRequest(clients.first).path, provider.issuer).searchParams;
    return [
      ['silent sign-on', get(authorizationRequest(clients.first).path, middle.person)],
      ['new sign-in', get(authorizationRequest(clients.first).path, provider.person())],
      ['sign-in page', get(`/interaction/${uid}`, middle.waiting)],
      [
        'right password',
        post(login.action, { ...login.fields, email, password }, { cookie: cookiesOf(middle.waiting) }),
      ],
      ['resume', get(`/auth/${uid}`, middle.waiting)],
      ['logout page', get('/session/end', middle.person)],
      [
        'logout',
        post(logout.action, { ...logout.fields, logout: 'yes' }, { cookie: cookiesOf(middle.person) }),
      ],
      ['device page', get('/device', middle.person)],
      ['device form', post('/device', { xsrf: 'x' }, { cookie: cookiesOf(middle.person) })],
      [
        'code exchange',
        post(
          '/token',
          {
            grant_type: 'authorization_code',
            code: middle.code,
            code_verifier: middle.verifier,
            redirect_uri: clients.first.redirectUri,
          },
          client,
        ),
      ],
      [
        'refresh',
        post('/token', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }, client),
      ],
      [
        'device poll',
        post(
          '/token',
          {
            grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
            device_code: String(begun.json.device_code),
          },
          client,
        ),
      ],
      [
        'client credentials',
        post(
          '/token',
          { grant_type: 'client_credentials' },
          { ...client, authorization: basic(clients.service) },
        ),
      ],
      ['userinfo', get('/me', provider.person(), { authorization: `Bearer ${tokens.access_token}` })],
      ['introspection', post('/token/introspection', { token: tokens.access_token }, client)],
      ['revocation', post('/token/revocation', { token: tokens.refresh_token }, client)],
      ['pushed request', post('/request', Object.fromEntries(pushed), client)],
      ['device authorization', post('/device/auth', { client_id: 'first', scope: 'openid' }, client)],
    ];
  }

  async function expectRefusals(middle: Middle, withinMs: number): Promise<void> {
    await Promise.all(
      statefulRequests(middle).map(async ([what, ask], i) => {
        const started = Date.now();
        const reply = await ask(provider.pods[i % provider.pods.length] as Pod);
        expect(reply.status, `${what}: ${reply.location} ${reply.body.slice(0, 200)}`).to.equal(503);
        expect(Date.now() - started, what).to.be.lessThan(withinMs);
        expect(Number(reply.headers.get('retry-after')), what).to.be.within(1, 30);
        expect(reply.setCookies, what).to.deep.equal([]);
        expect(reply.location, what).to.equal(undefined);
        expect(reply.body, what).not.to.match(/ECONNREFUSED|ioredis|\n\s+at /);
      }),
    );
  }

  async function expectPublished(): Promise<void> {
    for (const i of provider.pods.keys()) {
      for (const path of ['/.well-known/openid-configuration', '/jwks']) {
        const reply = await provider.get(path, {}, i);
        expect(reply.status, path).to.equal(200);
      }
      for (const probe of ['/livez', '/readyz']) {
        expect((await provider.get(probe, {}, i)).status, probe).to.equal(200);
      }
      expect((await provider.get('/', { accept: 'text/html' }, i)).status).to.equal(200);
    }
  }

  /** Everything that was begun goes on as if nothing had been. */
  async function expectAllWell(middle: Middle): Promise<void> {
    const { email, password } = provider.account;
    expect(await isAlive(provider, middle.tokens.access_token)).to.equal(true);
    expect(await isSignedIn(provider, middle.person, clients.first)).to.equal(true);
    const exchanged = await provider.exchange(clients.first, middle.code, middle.verifier);
    expect(exchanged.status, exchanged.body).to.equal(200);
    const refreshed = await refresh(provider, clients.first, middle.tokens.refresh_token);
    expect(refreshed.status, refreshed.body).to.equal(200);
    const signedIn = await middle.waiting.request(middle.login.action, {
      form: { ...middle.login.fields, email, password },
    });
    expect(signedIn.location).to.match(/[?&]code=/);
    for (const pod of provider.pods) expect(pod.process.exitCode).to.equal(null);
  }

  async function untilServed(): Promise<void> {
    for (const i of provider.pods.keys()) {
      const grant = { grant_type: 'client_credentials' };
      while ((await provider.post('/token', grant, { client: clients.service, pod: i })).status !== 200) {
        await pause(20);
      }
    }
  }

  it('answers 503 with Retry-After everywhere, lets nobody in, and goes on by itself when it is back', async () => {
    const middle = await inTheMiddle();
    // One pod has served discovery before, the other has not.
    await provider.get('/jwks', {}, 0);
    await primary().kill('SIGKILL');
    try {
      await expectRefusals(middle, 1000);
      await expectPublished();
      await expectRefusals(middle, 1000);
    } finally {
      await primary().start();
      await untilServed();
    }
    await expectAllWell(middle);
  });

  it('does the same when Redis hangs', async () => {
    const middle = await inTheMiddle();
    await primary().kill('SIGSTOP');
    try {
      await expectRefusals(middle, 3500);
      await expectPublished();
    } finally {
      await primary().kill('SIGCONT');
      await untilServed();
    }
    // Nobody knows whether a write was carried out that was sent before; but what was signed in still is.
    expect(await isSignedIn(provider, provider.person(), clients.first)).to.equal(false);
  });

  it('writes what it could not do as a warning, not as a failure', () => {
    for (const pod of provider.pods) {
      const failures = pod
        .log()
        .split('\n')
        .filter((line) => /"level":"(error|fatal)"/.test(line));
      expect(failures).to.deep.equal([]);
    }
  });

  describe('at the start', () => {
    it('listens, answers 503, and works once Redis comes', async () => {
      const away = await startStandalone({ appendOnly: true });
      const [process] = away.processes;
      await process?.kill('SIGKILL');
      const port = await freePort();
      const url = `http://127.0.0.1:${port}`;
      const ask = (path: string) =>
        send(new URL(path, url), { method: 'GET', headers: { host: 'id.example' } }).catch(() => undefined);
      const starting = startPod({ name: 'early', issuer: provider.issuer, redisUrl: away.url, port });
      try {
        while ((await ask('/livez'))?.status !== 200) await pause(20);
        for (const probe of ['/readyz', '/startupz']) expect((await ask(probe))?.status).to.equal(503);
        for (const path of ['/auth', '/jwks', '/.well-known/openid-configuration']) {
          const reply = await ask(path);
          expect(reply?.status, path).to.equal(503);
          expect(Number(reply?.headers.get('retry-after')), path).to.be.greaterThan(0);
        }
        await process?.start();
        await starting;
        expect((await ask('/jwks'))?.status).to.equal(200);
        expect((await ask('/auth'))?.status).to.equal(400);
      } finally {
        await (await starting).kill('SIGKILL');
        await away.stop();
      }
    });

    /** Runs a pod that ends by itself. @returns its exit code and all it said */
    async function runToEnd(
      environment: Record<string, string>,
    ): Promise<{ code: number | null; output: string }> {
      const pod = startProcess(process.execPath, ['src/main.ts'], {
        HOLDFAST_ISSUER: 'https://id.example',
        HOLDFAST_PORT: '0',
        HOLDFAST_KEYS: testKeys,
        ...environment,
      });
      const tooLong = setTimeout(() => void pod.stop('SIGKILL'), 15_000);
      const code = await pod.ended;
      clearTimeout(tooLong);
      return { code, output: pod.output() };
    }

    it('refuses keys that do not open what is there, and names the variable', async () => {
      const other = `test:${Buffer.alloc(32, 8).toString('base64url')}`;
      const { code, output } = await runToEnd({ REDIS_URL: redis.url, HOLDFAST_KEYS: other });
      expect(code).to.equal(1);
      expect(output).to.include('HOLDFAST_KEYS');
      expect(output).not.to.include(other.split(':')[1]);
    });

    it('refuses a Redis that evicts or keeps nothing on disk, unless that is accepted', async () => {
      const careless = await startStandalone({
        appendOnly: false,
        extraArgs: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'],
      });
      try {
        const { code, output } = await runToEnd({ REDIS_URL: careless.url });
        expect(code).to.equal(1);
        for (const name of ['HOLDFAST_UNSAFE_ALLOW_EVICTION', 'HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY']) {
          expect(output).to.include(name);
        }
        const half = await runToEnd({ REDIS_URL: careless.url, HOLDFAST_UNSAFE_ALLOW_EVICTION: 'true' });
        expect(half.code).to.equal(1);
        const pod = await startPod({
          name: 'careless',
          issuer: provider.issuer,
          redisUrl: careless.url,
          environment: { HOLDFAST_UNSAFE_ALLOW_EVICTION: 'true' },
        });
        await pod.kill('SIGKILL');
      } finally {
        await careless.stop();
      }
    });
  });
});
