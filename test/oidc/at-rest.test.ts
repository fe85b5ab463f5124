import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { createCanaries, type DumpedKey, dumpRedis } from '../support/canaries.ts';
import { authorizationRequest, formOf, type Person } from '../support/person.ts';
import { type Pod, startPod, testKeys } from '../support/pods.ts';
import {
  apiResource,
  clients,
  createClientKey,
  startProvider,
  type TestProvider,
} from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { addClient } from './relying-party.ts';

/**
 * A stolen copy of Redis opens nothing, and neither do the logs. A whole life is lived, every secret in it is
 * noted as a canary, and then looked for: in all that was ever sent to Redis, in all that is there, in all logs.
 */
describe('what is kept', () => {
  let redis: Topology;
  let provider: TestProvider;
  /** Logs everything that it can. */
  let talkative: Pod;
  let client: Redis;
  /** Every command that Redis was sent, as MONITOR shows it. */
  let commands = '';
  let dump: DumpedKey[];
  const canaries = createCanaries(() => provider.issuer);
  const { note: canary, harvest, found } = canaries;

  before(async function () {
    this.timeout(30_000);
    redis = await startStandalone({ appendOnly: false });
    client = new Redis(redis.url, { enableReadyCheck: false }); // its INFO would be mixed up with what MONITOR shows
    const monitor = await client.monitor();
    monitor.on('monitor', (_time: string, args: string[]) => {
      commands += `${args.join(' ')}\n`;
    });
    provider = await startProvider(redis.url, 1);
    talkative = await startPod({
      name: 'pod-talkative',
      issuer: provider.issuer,
      redisUrl: redis.url,
      environment: { HOLDFAST_LOG_LEVEL: 'trace', HOLDFAST_RESOURCES: `${apiResource} api:read api:write` },
    });
    provider.pods.push(talkative);
    await live();
    await untilLogged();
    dump = await dumpRedis(client);
    await monitor.disconnect();
  });
  after(async () => {
    client?.disconnect();
    await provider?.stop();
    await redis?.stop();
  });

  const { email, password } = { email: 'ada@example.com', password: 'correct horse battery staple' };

  async function live(): Promise<void> {
    for (const { secret } of Object.values(clients)) canary('client secret', secret);
    canary('password', password);
    canary('HOLDFAST_KEYS', testKeys.split(':')[1]);
    await noteRingSecrets();

    const person = provider.person();
    await signInWithConsent(person);
    await signOutHalfWay(person);
    await pushedAndProven(person);
    await device(person);
    await refusals();
    await commandLine();
  }

  async function noteRingSecrets(): Promise<void> {
    for (const { name, use, secret } of provider.parts.keySet.current().records) {
      if (use === 'cookie') {
        canary('cookie key', secret);
        continue;
      }
      const jwk = JSON.parse(secret) as Record<string, string>;
      for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi']) {
        if (jwk[member] !== undefined) canary(`private key ${name}`, jwk[member]);
      }
    }
  }

  async function exchange(code: string, verifier: string, credentials: (typeof clients)['third']) {
    canary('code verifier', verifier);
    const reply = harvest(await provider.exchange(credentials, code, verifier));
    expect(reply.status, reply.body).to.equal(200);
    return (reply as typeof reply & { json: Record<string, string> }).json;
  }

  async function signInWithConsent(person: Person): Promise<void> {
    const { path, verifier } = authorizationRequest(clients.third, {
      scope: 'openid email offline_access',
      prompt: 'consent',
    });
    let reply = harvest(await person.request(path));
    reply = harvest(await person.request(reply.location ?? ''));
    let form = formOf(reply.body);
    harvest(await person.request(form.action, { form: { ...form.fields, email, password: wrongPassword } }));
    canary('mistyped password', wrongPassword);
    reply = harvest(
      await person.request(form.action, { form: { ...form.fields, email, password, remember: 'yes' } }),
    );
    reply = harvest(await person.request(reply.location ?? ''));
    form = formOf(reply.body);
    reply = harvest(await person.request(form.action, { form: { ...form.fields, decision: 'allow' } }));
    const code = new URL(reply.location ?? '').searchParams.get('code') ?? '';
    const tokens = await exchange(code, verifier, clients.third);
    const refresh = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' };
    for (let i = 0; i < 3; i++) harvest(await provider.post('/token', refresh, { client: clients.third }));
    await provider.get('/me', { authorization: `Bearer ${tokens.access_token}` });
    await provider.get(`/me?access_token=${tokens.access_token}`);
    const form2 = { token: tokens.refresh_token ?? '' };
    await provider.post('/token/introspection', form2, { client: clients.third });
    // Replays, which are logged.
    harvest(await provider.exchange(clients.third, code, verifier));
  }

  async function signOutHalfWay(person: Person): Promise<void> {
    harvest(await person.request('/session/end'));
    const again = authorizationRequest(clients.first, { prompt: 'login', login_hint: email, nonce: 'nonce' });
    const reply = harvest(await person.request(again.path));
    harvest(await person.request(reply.location ?? ''));
  }

  async function pushedAndProven(person: Person): Promise<void> {
    const key = await createClientKey();
    const { path, verifier } = authorizationRequest(clients.first);
    const form = Object.fromEntries(new URL(path, provider.issuer).searchParams);
    const posted = { ...form, client_secret: clients.first.secret };
    const pushed = harvest(await provider.post('/request', posted)) as Awaited<
      ReturnType<typeof provider.post>
    >;
    const query = { client_id: clients.first.id, request_uri: String(pushed.json.request_uri) };
    const reply = harvest(await person.request(`/auth?${new URLSearchParams(query)}`));
    await exchange(new URL(reply.location ?? '').searchParams.get('code') ?? '', verifier, clients.first);

    const keyClient = await addClient(provider, {
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [key.jwk] },
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      post_logout_redirect_uris: [],
    });
    const assertion = await key.assertion(keyClient.id, provider.issuer);
    const dpop = await key.proof('POST', `${provider.issuer}/token`);
    canary('client assertion', assertion);
    canary('DPoP proof', dpop);
    harvest(
      await provider.post(
        '/token',
        {
          grant_type: 'client_credentials',
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: assertion,
        },
        { headers: { dpop } },
      ),
    );
  }

  async function device(person: Person): Promise<void> {
    for (const decision of ['confirm', 'abort', 'nothing']) {
      const begun = harvest(
        await provider.post(
          '/device/auth',
          { client_id: 'first', scope: 'openid' },
          { client: clients.first },
        ),
      ) as Awaited<ReturnType<typeof provider.post>>;
      const entry = formOf(harvest(await person.request('/device')).body);
      const confirm = await person.request(entry.action, {
        form: { ...entry.fields, user_code: String(begun.json.user_code) },
      });
      const { action, fields } = formOf(harvest(confirm).body);
      if (decision !== 'nothing') {
        harvest(await person.request(action, { form: { ...fields, [decision]: 'yes' } }));
      }
      const poll = {
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        device_code: String(begun.json.device_code),
      };
      for (let i = 0; i < 2; i++) harvest(await provider.post('/token', poll, { client: clients.first }));
      await person.request(`/device?user_code=${begun.json.user_code}`);
    }
  }

  /** What is refused is logged, too. */
  async function refusals(): Promise<void> {
    const stranger = provider.person();
    for (const secret of canaries.secrets().slice(0, 20)) {
      await provider.post('/token', {
        grant_type: secret,
        code: secret,
        client_id: 'nobody',
        client_secret: secret,
      });
      await provider.post('/token/revocation', { token: secret }, { client: clients.second });
      await provider.get('/me', { authorization: `Bearer ${secret}` });
      await stranger.request(`/interaction/${secret}`);
      await stranger.request(`/auth/${secret}`);
      await stranger.request(`/device/${secret}`);
      await stranger.request(`/session/end?id_token_hint=${secret}`);
    }
  }

  async function commandLine(): Promise<void> {
    const run = async (args: string[], input: string): Promise<string> => {
      const child = spawn(process.execPath, ['src/cli/holdfast.ts', ...args], {
        env: {
          PATH: process.env.PATH,
          REDIS_URL: redis.url,
          HOLDFAST_ISSUER: provider.issuer,
          HOLDFAST_KEYS: testKeys,
          HOLDFAST_UNSAFE_ALLOW_HTTP: 'true',
          HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: 'true',
        },
      });
      child.stdin.end(input);
      const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
      expect(child.exitCode, err).to.equal(0);
      return out;
    };
    const bobs = 'the passphrase of bob';
    canary('password', bobs);
    const [made] = await Promise.all([
      run(['client', 'create', 'Notes', '--redirect-uri', 'https://notes.example/cb', '--json'], ''),
      run(['account', 'create', 'bob@example.com'], bobs),
    ]);
    canary('client secret', (JSON.parse(made) as { client_secret: string }).client_secret);
  }

  const wrongPassword = 'correct horse battery stable';

  /** Pods write their logs a moment later. */
  async function untilLogged(): Promise<void> {
    for (const [i, pod] of provider.pods.entries()) {
      const { headers } = await provider.get('/me', {}, i);
      const requestId = headers.get('x-request-id') ?? '-';
      while (!pod.log().includes(requestId)) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  it('was looked for in the right way: with secrets of every kind, and what may be found is found', () => {
    expect([...canaries.kinds()]).to.include.members([
      'password',
      'mistyped password',
      'client secret',
      'cookie holdfast_session',
      'cookie holdfast_session.sig',
      'cookie holdfast_interaction.sig',
      'cookie holdfast_resume.sig',
      'interaction uid',
      'code',
      'code verifier',
      'access_token',
      'refresh_token',
      'id_token',
      'request_uri',
      'device_code',
      'user code',
      'form token',
      'client assertion',
      'DPoP proof',
      'private key signing:RS256:1',
      'private key signing:ES256:1',
      'private key signing:EdDSA:1',
      'cookie key',
      'HOLDFAST_KEYS',
    ]);
    expect(dump.some(({ content }) => content.includes(email))).to.equal(true);
    expect(commands).to.include(email);
    for (const pod of provider.pods) expect(pod.log()).to.include('"path":"/token"');
    expect(found(`x${Buffer.from(password).toString('hex')}x`)).to.have.lengthOf(1);
  });

  it('holds no secret in the name or value of any key', () => {
    for (const { key, content } of dump) expect(found(`${key}\n${content}`), key).to.deep.equal([]);
  });

  it('was never told a secret, not even for a moment', () => {
    expect(commands.length).to.be.greaterThan(10_000);
    expect(found(commands)).to.deep.equal([]);
  });

  it('is forgotten after a time, but for what somebody owns', () => {
    const owned =
      /^hf:(\{a:[^}]+\}|\{c:[^}]+\}|\{e:[^}]+\}|\{k\}|\{accounts\}(:index(ed)?)?|\{clients\}(:words)?|\{schema\}|\{audit\}:\w+:begun)$/;
    // Let go of by pods as it ages, whole blocks at a time; see events/pruner.ts.
    const pruned = /^hf:\{audit\}:(admin|people|last|(admin|people):(chain|anchor))$/;
    const lasting = dump.filter(({ lifetimeMs }) => lifetimeMs === -1).map(({ key }) => key);
    expect(lasting.filter((key) => !owned.test(key) && !pruned.test(key))).to.deep.equal([]);
    const letters = new Set(dump.map(({ key }) => /^hf:\{(\w)/.exec(key)?.[1]));
    expect([...letters]).to.include.members(['a', 'c', 'e', 'g', 'i', 'j', 'k', 'p', 's', 'u']);
  });

  it('is no secret in the logs of any pod, however much it logs', () => {
    expect(talkative.log()).to.include('"level":"warn"');
    for (const pod of provider.pods) expect(found(pod.log()), pod.name).to.deep.equal([]);
  });
});
