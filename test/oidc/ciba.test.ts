import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import Koa from 'koa';
import compose from 'koa-compose';
import type { Provider } from 'oidc-provider';
import { createAccess } from '../../src/access/access.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { unobserved } from '../../src/observer.ts';
import { createClientStore } from '../../src/oidc/client-store.ts';
import { commitRequest } from '../../src/oidc/commit-request.ts';
import { createCookieKeys } from '../../src/oidc/cookie-keys.ts';
import { createEngine } from '../../src/oidc/engine.ts';
import { createInteractionStore } from '../../src/oidc/interaction-store.ts';
import { createResources, openKeySet } from '../../src/oidc/oidc.ts';
import type { EnginePages } from '../../src/oidc/pages.ts';
import { createPushedRequestStore } from '../../src/oidc/pushed-request-store.ts';
import { createSessionStore } from '../../src/oidc/session-store.ts';
import { createTokenStore, mintTag } from '../../src/oidc/token-store.ts';
import { inUnitOfWork, UnitOfWork, unitOfWork } from '../../src/oidc/unit-of-work.ts';
import { openKeyRing } from '../../src/redis/key-ring.ts';
import { openStore, type Store } from '../../src/redis/redis.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { createVault } from '../../src/redis/vault.ts';
import { send } from '../support/person.ts';
import { testKeys } from '../support/pods.ts';
import { startCluster, type Topology } from '../support/redis-topologies.ts';

/**
 * Holdfast has no pages for backchannel authentication (CIBA), but its stores know the engine's model of it: the
 * poll that is answered spends the request once, on every pod. Two engines with the feature on stand for two pods.
 */
const issuer = 'http://id.example';
const client = { id: 'till', secret: 'till-secret' };

type EnginePod = { provider: Provider; store: Store; server: Server; url: string };

async function startEngine(redisUrl: string): Promise<EnginePod> {
  const config = readConfig({
    HOLDFAST_ISSUER: issuer,
    HOLDFAST_KEYS: testKeys,
    REDIS_URL: redisUrl,
    HOLDFAST_UNSAFE_ALLOW_HTTP: 'true',
  });
  const log = createLog('silent', 'test');
  const store = openStore(config, parseRedisUrl(redisUrl), log);
  await store.whenReady(10_000);
  const vault = createVault(config.vaultKeys);
  const ring = await openKeyRing(store, vault, {});
  const keySet = await openKeySet({ store, vault, log });
  const tokens = createTokenStore(store, ring, {
    longestLifetimeSeconds: () => 3600,
    retrySeconds: 30,
  });
  const sessions = createSessionStore(store, ring, { idleSeconds: 3600, absoluteSeconds: 3600 });
  const stores = {
    tokens,
    sessions,
    interactions: createInteractionStore(store, ring),
    pushedRequests: createPushedRequestStore(store, ring, { interactionSeconds: 3600 }),
    clients: createClientStore(store, ring, { cacheMs: 0 }),
  };
  const cookieKeys = createCookieKeys(() => keySet.current().cookies);
  const accounts = {
    present: async (sub: string) => ({ epoch: 0, claims: { sub }, roleClaims: {}, groupClaims: {} }),
    requireEpoch: () => {},
  };
  const access = await createAccess({ store, log });
  const resources = await createResources({ config, store, log });
  const pages = {} as EnginePages;
  const provider = createEngine(
    {
      config,
      store,
      ring,
      stores,
      accounts,
      access,
      resources,
      pages,
      cookieKeys,
      signingKeys: keySet.current().signing,
      era: () => 0,
      secondFactorOf: () => 'optional',
      observer: unobserved,
      log,
    },
    {
      ciba: {
        enabled: true,
        processLoginHint: (_ctx, hint) => hint,
        verifyUserCode: () => {},
        validateBindingMessage: () => {},
        validateRequestContext: () => {},
        triggerAuthenticationDevice: () => {},
      },
    } as Parameters<typeof createEngine>[1],
  );
  await stores.clients.put(
    {
      client_id: client.id,
      redirect_uris: [],
      response_types: [],
      grant_types: ['urn:openid:params:grant-type:ciba', 'refresh_token'],
      backchannel_token_delivery_mode: 'poll',
    },
    client.secret,
  );
  const app = new Koa();
  app.proxy = true;
  app.use(
    commitRequest({
      store,
      ring,
      tokens,
      sessions,
      accounts,
      pages,
      labelBrowser: () => '',
      demandClock: () => {},
      log,
      clearSessionCookie: () => {},
      observer: unobserved,
    }),
  );
  app.use(compose(provider.middleware) as unknown as Koa.Middleware);
  const server = createServer(app.callback()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { provider, store, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe('backchannel authentication polled on two pods (Cluster)', () => {
  let redis: Topology;
  let pods: EnginePod[];

  before(async function () {
    this.timeout(60_000);
    redis = await startCluster({ primaries: 3 });
    pods = [await startEngine(redis.url), await startEngine(redis.url)];
  });
  after(async () => {
    for (const { server, store } of pods ?? []) {
      server.close();
      server.closeAllConnections();
      await store.close();
    }
    await redis?.stop();
  });

  let turn = 0;
  async function post(path: string, form: Record<string, string>) {
    const { url } = pods[turn++ % pods.length] as EnginePod;
    const reply = await send(new URL(path, url), {
      method: 'POST',
      headers: {
        host: new URL(issuer).host,
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`,
      },
      body: new URLSearchParams(form).toString(),
    });
    return { status: reply.status, body: reply.body, json: JSON.parse(reply.body) as Record<string, string> };
  }

  it('gives one set of tokens to twenty polls at once, and they work', async () => {
    const started = await post('/backchannel', { scope: 'openid', login_hint: 'ada', client_id: client.id });
    expect(started.status, started.body).to.equal(200);
    const authReqId = started.json.auth_req_id ?? '';
    const poll = () =>
      post('/token', { grant_type: 'urn:openid:params:grant-type:ciba', auth_req_id: authReqId });
    expect((await poll()).json.error).to.equal('authorization_pending');

    const [{ provider, store } = {} as EnginePod] = pods;
    await inUnitOfWork(new UnitOfWork(store, { mayAnswerAgain: false }), async () => {
      const grant = new provider.Grant({ accountId: 'ada', clientId: client.id, jti: mintTag() } as never);
      grant.addOIDCScope('openid');
      await grant.save();
      await provider.backchannelResult(authReqId, grant, { acr: undefined });
      expect(await unitOfWork().commit()).to.deep.equal({ ok: true });
    });

    const replies = await Promise.all(Array.from({ length: 20 }, poll));
    const tokens = replies.filter(({ status }) => status === 200);
    expect(tokens.length).to.be.greaterThan(0);
    expect(new Set(tokens.map(({ body }) => body)).size).to.equal(1);
    expect(
      new Set(replies.filter(({ status }) => status !== 200).map(({ json }) => json.error)).size,
    ).to.equal(0);
  });
});
