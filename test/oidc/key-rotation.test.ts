import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { openParts } from '../../src/app.ts';
import { createLog } from '../../src/log.ts';
import type { KeyUse } from '../../src/oidc/oidc.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { startPod } from '../support/pods.ts';
import {
  apiResource,
  clients,
  startProvider,
  type TestClient,
  type TestProvider,
} from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { addClient, claimsOf, refresh } from './relying-party.ts';

const newerKey = { id: 'newer', secret: Buffer.alloc(32, 9) };
const keySetSeconds = 1;
const environment = { HOLDFAST_KEY_SET_SECONDS: String(keySetSeconds) };

describe('keys that are replaced while people sign in', () => {
  let redis: Topology;
  let provider: TestProvider;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    provider = await startProvider(redis.url, 3, environment);
  });
  after(async () => {
    await provider?.stop();
    await redis?.stop();
  });

  const keys = () => provider.parts.oidc.keys;
  const stateOf = async (use: KeyUse, state: string) =>
    (await keys().list()).filter((key) => key.use === use && key.state === state);

  async function untilNonePublished(use: KeyUse): Promise<void> {
    while ((await stateOf(use, 'published')).length > 0) await pause(50);
  }

  /** Asks the pods in turn, and the next where one is gone, as a balancer does. */
  async function patiently<T>(ask: (pod: number) => Promise<T>): Promise<T> {
    for (let pod = Math.floor(Math.random() * 3), tries = 0; ; pod++, tries++) {
      try {
        return await ask(pod % 3);
      } catch (error) {
        if (tries > 50 || !/ECONNREFUSED|ECONNRESET|hang up/.test(String(error))) throw error;
        await pause(10);
      }
    }
  }

  /** A relying party that reads the key set of one of the pods, and keeps it for as long as it is told. */
  function createVerifier() {
    let kept: { until: number; keys: ReturnType<typeof createLocalJWKSet> } | undefined;
    const seen = new Set<string>();
    return {
      seen,
      async verify(token: string): Promise<void> {
        if (!kept || kept.until < performance.now()) {
          const askedAt = performance.now();
          const reply = await patiently((pod) => provider.get('/jwks', {}, pod));
          const [, seconds] = /max-age=(\d+)/.exec(reply.headers.get('cache-control') ?? '') ?? [];
          expect(Number(seconds)).to.equal(keySetSeconds);
          kept = {
            until: askedAt + Number(seconds) * 1000,
            keys: createLocalJWKSet(reply.json as unknown as JSONWebKeySet),
          };
        }
        await jwtVerify(token, kept.keys, { issuer: provider.issuer });
        seen.add(decodeProtectedHeader(token).kid ?? '');
      },
    };
  }

  it('give no token that a relying party cannot verify, and sign nobody out, also when a pod is killed', async function () {
    this.timeout(90_000);
    const verifiers = Array.from({ length: 3 }, createVerifier);
    const person = provider.person();
    await provider.signIn(person, clients.first);
    const isOver = { yes: false };
    const issued = { tokens: 0, signOns: 0 };

    async function services(verifier: (typeof verifiers)[number]): Promise<void> {
      const form = { grant_type: 'client_credentials', resource: apiResource, scope: 'api:read' };
      while (!isOver.yes) {
        const reply = await patiently((pod) =>
          provider.post('/token', form, { client: clients.service, pod }),
        );
        expect(reply.status, reply.body).to.equal(200);
        await verifier.verify(String(reply.json.access_token));
        issued.tokens += 1;
        await pause(2);
      }
    }

    async function refreshes(alg: string, verifier: (typeof verifiers)[number]): Promise<void> {
      const client = await addClient(provider, { id_token_signed_response_alg: alg });
      let { refresh_token: token } = await provider.signIn(provider.person(), client);
      while (!isOver.yes) {
        const reply = await patiently((pod) => refresh(provider, client, token, {}, { pod }));
        expect(reply.status, reply.body).to.equal(200);
        token = String(reply.json.refresh_token);
        await verifier.verify(String(reply.json.id_token));
        issued.tokens += 1;
        await pause(5);
      }
    }

    async function signOns(): Promise<void> {
      while (!isOver.yes) {
        const { answer } = await patiently(() =>
          provider.authorize(person, clients.first, { prompt: 'none' }),
        );
        expect(answer.error).to.equal(undefined);
        issued.signOns += 1;
        await pause(5);
      }
    }

    async function rotations(): Promise<void> {
      const kids = new Set<string>();
      for (let round = 1; round <= 3; round++) {
        for (const use of ['signing', 'cookie'] as const)
          expect((await keys().rotate(use)).ok).to.equal(true);
        const fresh = await stateOf('signing', 'published');
        expect(fresh).to.have.lengthOf(3);
        if (round === 2) await killAndStart();
        await untilNonePublished('signing');
        await untilNonePublished('cookie');
        const active = (await stateOf('signing', 'active')).map(({ id }) => id);
        expect(active).to.deep.equal(fresh.map(({ id }) => id));
        for (const kid of active) kids.add(kid);
        // Each key signs for a while.
        const before = issued.tokens;
        while (issued.tokens < before + 100) await pause(10);
      }
      expect(kids.size).to.equal(9);
      isOver.yes = true;
    }

    async function killAndStart(): Promise<void> {
      const [victim] = provider.pods;
      if (!victim) throw new Error('no pod');
      await victim.kill('SIGKILL');
      provider.pods[0] = await startPod({
        name: 'another',
        issuer: provider.issuer,
        redisUrl: redis.url,
        environment: { ...environment, HOLDFAST_RESOURCES: `${apiResource} api:read api:write` },
      });
      // The one that was killed is waited for until it must be dead.
      expect((await stateOf('signing', 'published'))[0]?.livePods).to.equal(4);
    }

    const [one, two, three] = verifiers as [
      (typeof verifiers)[0],
      (typeof verifiers)[0],
      (typeof verifiers)[0],
    ];
    const ended = rotations().finally(() => {
      isOver.yes = true;
    });
    await Promise.all([
      ended,
      services(one),
      services(two),
      refreshes('ES256', one),
      refreshes('EdDSA', two),
      refreshes('RS256', three),
      signOns(),
    ]);
    expect(issued.tokens).to.be.greaterThan(300);
    expect(issued.signOns).to.be.greaterThan(100);
    expect(one.seen.size).to.be.greaterThanOrEqual(4);
    expect(three.seen.size).to.be.greaterThanOrEqual(4);
    expect(await stateOf('signing', 'retired')).to.have.lengthOf(9);
  });

  it('verify what was signed before: an ID token is still a hint at sign-out after a rotation', async () => {
    const person = provider.person();
    const { id_token: hint } = await provider.signIn(person, clients.first);
    expect((await keys().rotate('signing')).ok).to.equal(true);
    await untilNonePublished('signing');
    const [retired] = (await stateOf('signing', 'retired')).filter(
      ({ id }) => id === decodeProtectedHeader(hint).kid,
    );
    expect(retired?.state).to.equal('retired');
    for (const pod of [0, 1, 2]) expect(await acceptsHint(hint, clients.first, pod)).to.equal(true);
  });

  it('are worth nothing on any pod within a second of their revocation, and others sign at once', async () => {
    const client = await addClient(provider, { id_token_signed_response_alg: 'EdDSA' });
    const { id_token: hint } = await provider.signIn(provider.person(), client);
    const stolen = decodeProtectedHeader(hint).kid ?? '';
    const revoked = await keys().revoke(stolen);
    expect(revoked.ok).to.equal(true);
    await pause(1000);
    for (const pod of [0, 1, 2]) {
      const published = (await provider.get('/jwks', {}, pod)).json as unknown as JSONWebKeySet;
      expect(published.keys.map(({ kid }) => kid)).to.not.include(stolen);
      expect(await acceptsHint(hint, client, pod)).to.equal(false);
    }
    const { id_token: next } = await provider.signIn(provider.person(), client);
    expect(decodeProtectedHeader(next).kid).to.equal(revoked.ok && revoked.replacedBy.id);
    expect(await acceptsHint(next, client, 0)).to.equal(true);
  });

  it('sign people out everywhere when a stolen cookie key is revoked, and sign them in anew', async () => {
    const person = provider.person();
    await provider.signIn(person, clients.first);
    const [active] = await stateOf('cookie', 'active');
    expect((await keys().revoke(active?.id ?? '')).ok).to.equal(true);
    await pause(1000);
    for (let i = 0; i < 3; i++) {
      const { answer } = await provider.authorize(person.clone(), clients.first, { prompt: 'none' });
      expect(answer.error).to.equal('login_required');
    }
    const { id_token: token } = await provider.signIn(person, clients.first);
    expect(claimsOf(token).sub).to.equal(provider.account.id);
  });

  /** Whether a pod takes an ID token as a hint at sign-out. */
  async function acceptsHint(hint: string, client: TestClient, pod: number): Promise<boolean> {
    const query = new URLSearchParams({ id_token_hint: hint, client_id: client.id });
    const { status } = await provider.get(`/session/end?${query}`, { accept: 'text/html' }, pod);
    expect(status).to.be.oneOf([200, 400]);
    return status === 200;
  }

  it('leave a pod that cannot open the one in the place of a revoked one out of service, and nobody else', async () => {
    const own = await startStandalone({ appendOnly: false });
    const behind = await startProvider(own.url, 1, environment);
    try {
      const config = { ...behind.parts.config, vaultKeys: [newerKey, ...behind.parts.config.vaultKeys] };
      const ahead = await openParts(config, parseRedisUrl(own.url), createLog('silent', 'ahead'));
      const stolen = ahead.keySet.current().signing.find(({ alg }) => alg === 'ES256')?.kid ?? '';
      expect(JSON.stringify((await behind.get('/jwks')).json)).to.include(stolen);
      const revoked = await ahead.oidc.keys.revoke(stolen);
      const revokedAt = performance.now();
      expect(revoked.ok).to.equal(true);
      while ((await behind.get('/readyz')).status === 200) await pause(10);
      expect(performance.now() - revokedAt).to.be.lessThan(1500);
      const grant = { grant_type: 'client_credentials', resource: apiResource, scope: 'api:read' };
      const token = await behind.post('/token', grant, { client: clients.service });
      const [jwks, discovery] = [
        await behind.get('/jwks'),
        await behind.get('/.well-known/openid-configuration'),
      ];
      for (const reply of [token, jwks, discovery]) {
        expect(reply.status).to.equal(503);
        expect(reply.body).to.not.include(stolen);
      }
      expect(ahead.keySet.canSign()).to.equal(true);
      await ahead.close();
    } finally {
      await behind.stop();
      await own.stop();
    }
  });
});
