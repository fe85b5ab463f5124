import { expect } from 'chai';
import type { Actor } from '../../src/access/actor.ts';
import { permissions } from '../../src/access/permissions.ts';
import { adminApiRoutes } from '../../src/admin/api/api.ts';
import { type AdminProvider, type ApiReply, startAdminProvider } from './admin-provider.ts';

type ApiAnswer = { location?: string; body: Record<string, unknown> };

/** Two pods are one API: what one has done the other knows at once, and of twenty at once each is told the truth. */
describe('the admin API on two pods', () => {
  let provider: AdminProvider;
  let token: string;

  before(async () => {
    provider = await startAdminProvider();
    token = await provider.personToken(await provider.addPerson('owner', ['owner']));
  });
  after(() => provider?.stop());

  const api = (method: string, path: string, options: Parameters<AdminProvider['api']>[3] = {}) =>
    provider.api(token, method, path, options);
  const twenty = <T>(work: (i: number) => Promise<T>) =>
    Promise.all(Array.from({ length: 20 }, (_, i) => work(i)));
  const statuses = (replies: ApiReply[]) => replies.map(({ status }) => status).sort();

  /** Each kind of thing: how one is made, where it is, and a change of it. */
  const things: Record<
    string,
    { list: string; draft(name: string): Record<string, unknown>; change(i: number): object }
  > = {
    account: {
      list: '/accounts',
      draft: (name) => ({ email: `${name}@example.org`, name }),
      change: (i) => ({ nickname: `number ${i}` }),
    },
    client: {
      list: '/clients',
      draft: (name) => ({ client_name: name, redirect_uris: [`https://${name}.example/cb`] }),
      change: (i) => ({ client_name: `number ${i}` }),
    },
    role: { list: '/roles', draft: (id) => ({ id, name: id }), change: (i) => ({ name: `number ${i}` }) },
    group: { list: '/groups', draft: (id) => ({ id, name: id }), change: (i) => ({ name: `number ${i}` }) },
    resource: {
      list: '/resources',
      draft: (name) => ({ indicator: `https://${name}.example/api`, name }),
      change: (i) => ({ name: `number ${i}` }),
    },
  };

  const placeOf = (reply: ApiReply) => (reply.headers.get('location') ?? '').replace('/admin/api/v1', '');
  /** The thing alone, without what only its creation tells. */
  function bare(reply: ApiReply): Record<string, unknown> {
    const { warning: _, ...thing } = (reply.json.client ?? reply.json) as Record<string, unknown>;
    return thing;
  }

  for (const [kind, { list, draft, change }] of Object.entries(things)) {
    it(`shows a ${kind} on the other pod as soon as it is made, changed or removed`, async () => {
      for (let round = 0; round < 10; round++) {
        const [here, there] = [round % 2, (round + 1) % 2];
        const made = await api('POST', list, { body: draft(`${kind}-${round}`), pod: here });
        expect(made.status, made.body).to.equal(201);
        const place = placeOf(made);
        const read = await api('GET', place, { pod: there });
        expect(read.status, place).to.equal(200);
        expect(read.json).to.deep.equal(bare(made));
        const headers = { 'if-match': read.headers.get('etag') ?? '' };
        const changed = await api('PATCH', place, { body: change(round), headers, pod: there });
        expect(changed.status, changed.body).to.equal(200);
        expect((await api('GET', place, { pod: here })).json).to.deep.equal(changed.json);
        const items = (
          await api('GET', `${list}${kind === 'account' || kind === 'client' ? `?q=${kind}-${round}` : ''}`, {
            pod: there,
          })
        ).json.items as object[];
        if (kind !== 'client') expect(JSON.stringify(items)).to.contain(JSON.stringify(changed.json));
        expect((await api('DELETE', place, { headers: { 'if-match': '*' }, pod: here })).status).to.equal(
          204,
        );
        expect((await api('GET', place, { pod: there })).status).to.equal(404);
      }
    });

    it(`lets one of twenty changes of a ${kind} that saw the same version through`, async () => {
      const made = await api('POST', list, { body: draft(`race-${kind}`) });
      expect(made.status, made.body).to.equal(201);
      const headers = { 'if-match': made.headers.get('etag') ?? '' };
      const replies = await twenty((i) => api('PATCH', placeOf(made), { body: change(i), headers, pod: i }));
      expect(statuses(replies)).to.deep.equal([200, ...Array(19).fill(412)]);
      const winner = replies.find(({ status }) => status === 200);
      expect((await api('GET', placeOf(made))).json).to.deep.equal(winner?.json);
    });

    it(`makes one ${kind} of twenty requests with the same idempotency key, and answers all alike`, async () => {
      const body = draft(`once-${kind}`);
      const send = async (i: number): Promise<ApiReply> => {
        for (;;) {
          const reply = await api('POST', list, {
            body,
            headers: { 'idempotency-key': `key-${kind}` },
            pod: i,
          });
          if (reply.status !== 409 || !String(reply.json.type).endsWith('in-progress')) return reply;
        }
      };
      const replies = await twenty(send);
      for (const reply of replies) {
        expect(reply.status, reply.body).to.equal(201);
        expect(reply.json).to.deep.equal(replies[0]?.json);
        expect(reply.headers.get('etag')).to.equal(replies[0]?.headers.get('etag'));
        expect(reply.headers.get('location')).to.equal(replies[0]?.headers.get('location'));
      }
      const events = await api('GET', `/audit?kind=${kind}.created&limit=500`);
      const items = events.json.items as { target: { id: string }; outcome: string }[];
      const id = decodeURIComponent(
        placeOf(replies[0] as ApiReply)
          .split('/')
          .at(-1) ?? '',
      );
      const made = items.filter(({ target, outcome }) => target.id === id && outcome === 'success');
      expect(made).to.have.lengthOf(1);
      const other = await api('POST', list, {
        body: { ...body, ...change(1) },
        headers: { 'idempotency-key': `key-${kind}` },
      });
      expect(other.status, other.body).to.equal(422);
    });
  }

  it('keeps settings alike, and lets one of twenty changes through', async () => {
    const before = await api('GET', '/settings');
    const headers = { 'if-match': before.headers.get('etag') ?? '' };
    const replies = await twenty((i) =>
      api('PATCH', '/settings', { body: { signing_key_days: 30 + i }, headers, pod: i }),
    );
    expect(statuses(replies)).to.deep.equal([200, ...Array(19).fill(412)]);
    const winner = replies.find(({ status }) => status === 200);
    for (const pod of [0, 1])
      expect((await api('GET', '/settings', { pod })).json).to.deep.equal(winner?.json);
  });

  it('adds one secret for twenty requests with the same key', async () => {
    const made = await api('POST', '/clients', { body: things.client?.draft('secretive') });
    const send = async (i: number): Promise<ApiReply> => {
      for (;;) {
        const headers = { 'idempotency-key': 'secret' };
        const reply = await api('POST', `${placeOf(made)}/secrets`, { body: {}, headers, pod: i });
        if (reply.status !== 409 || !String(reply.json.type).endsWith('in-progress')) return reply;
      }
    };
    const replies = await twenty(send);
    for (const { status, json } of replies) expect([status, json]).to.deep.equal([201, replies[0]?.json]);
    expect((await api('GET', placeOf(made))).json.secrets).to.have.lengthOf(2);
  });

  it('rotates once when twenty ask for it', async () => {
    const replies = await twenty((i) => api('POST', '/keys/rotate', { body: { use: 'signing' }, pod: i }));
    expect(statuses(replies)).to.deep.equal([202, ...Array(19).fill(409)]);
  });

  it('does not give a client of somebody else to who asks for one with its id', async () => {
    const body = { client_id: 'theirs', ...things.client?.draft('theirs') };
    const made = await api('POST', '/clients', { body });
    expect(made.status).to.equal(201);
    const route = adminApiRoutes(provider.parts.admin).find(
      ({ operationId }) => operationId === 'createClient',
    );
    const actor: Actor = {
      kind: 'account',
      id: 'other',
      name: 'other@example.org',
      permissions: new Set(permissions),
      via: 'api',
      requestId: 'theirs',
      address: '192.0.2.1',
    };
    const once = {
      id: (what: string) => what,
      secret: (what: string) => what.padEnd(44, 'x'),
      isRetry: true,
    };
    const request = { actor, body, once, isDryRun: false, version: undefined, params: {}, query: {} };
    const { signal } = new AbortController();
    const reply = await route?.handle({ ...request, demand: () => {}, signal });
    expect(reply).to.have.nested.property('refused.problem', 'conflict');
    const { secrets } = (await api('GET', placeOf(made))).json as { secrets: unknown };
    expect(secrets).to.deep.equal((made.json.client as { secrets: unknown }).secrets);
  });

  it('adds under the same key the secret that a pod had added when it was killed', async () => {
    const made = await api('POST', '/clients', { body: things.client?.draft('killed-secret') });
    const id = String((made.json.client as { client_id: string }).client_id);
    const route = adminApiRoutes(provider.parts.admin).find(
      ({ operationId }) => operationId === 'addClientSecret',
    );
    const actor: Actor = {
      kind: 'account',
      id: 'owner',
      name: 'owner@example.org',
      permissions: new Set(permissions),
      via: 'api',
      requestId: 'killed',
      address: '192.0.2.1',
    };
    const once = {
      id: (what: string) => what,
      secret: (what: string) => what.padEnd(44, 'x'),
      isRetry: true,
    };
    const { signal } = new AbortController();
    const send = () =>
      route?.handle({
        ...{ actor, once, isDryRun: false, version: undefined, query: {}, demand: () => {}, signal },
        body: {},
        params: { client_id: id },
      }) as Promise<ApiAnswer>;
    const [lost, again] = [await send(), await send()];
    expect(again.body).to.deep.equal(lost.body);
    expect((await api('GET', placeOf(made))).json.secrets).to.have.lengthOf(2);
  });

  it('keeps all that a client may have', async () => {
    const body = {
      ...things.client?.draft('described'),
      description: 'For the harbour',
      access_token_seconds: 60,
      refresh_token_seconds: 3600,
    };
    const made = await api('POST', '/clients', { body });
    expect(made.status, made.body).to.equal(201);
    expect((await api('GET', placeOf(made))).json).to.deep.include(body);
  });

  it('finishes, under the same key, what a pod had in hand that was killed', async () => {
    // Hashing takes a moment, so the pod dies somewhere in between.
    const body = {
      email: 'killed@example.org',
      name: 'Killed',
      password: 'a passphrase that is long enough',
    };
    const headers = { 'idempotency-key': 'killed' };
    const victim = provider.pods[1];
    if (!victim) throw new Error('there is no second pod');
    const lost = api('POST', '/accounts', { body, headers, pod: 1 }).then(
      ({ status }) => status,
      () => undefined,
    );
    const seen = await untilBegun();
    await victim.kill('SIGKILL');
    expect(seen).to.equal(true);
    const first = await lost;
    let reply: ApiReply;
    do reply = await api('POST', '/accounts', { body, headers, pod: 0 });
    while (reply.status === 409 && String(reply.json.type).endsWith('in-progress'));
    expect(reply.status, reply.body).to.equal(201);
    if (first !== undefined) expect(first).to.equal(201);
    const found = (await api('GET', '/accounts?q=killed@', { pod: 0 })).json.items as { id: string }[];
    expect(found.map(({ id }) => id)).to.deep.equal([reply.json.id]);
  });

  it('finds what an earlier try has made, and shows a secret that nobody has seen', async () => {
    const actor: Actor = {
      kind: 'account',
      id: 'owner',
      name: 'owner@example.org',
      permissions: new Set(permissions),
      via: 'api',
      requestId: 'again',
      address: '192.0.2.1',
    };
    const routes = adminApiRoutes(provider.parts.admin);
    for (const [kind, { list, draft, change }] of Object.entries(things)) {
      const route = routes.find(({ method, path }) => method === 'POST' && path === list);
      const send = (body: object, isRetry: boolean) => {
        const half = Buffer.from(kind).toString('base64url');
        const secret = (what: string) => `${what}-${half}`.padEnd(44, 'x');
        const once = { id: (what: string) => `again-${kind}-${what}`, secret, isRetry };
        const request = { actor, body, once, isDryRun: false, version: undefined, params: {}, query: {} };
        const { signal } = new AbortController();
        return route?.handle({ ...request, demand: () => {}, signal }) as Promise<ApiAnswer>;
      };
      const body = draft(`again-${kind}`);
      const first = await send(body, false);
      const second = await send(body, true);
      expect(second, kind).not.to.have.property('refused');
      expect(second.location, kind).to.equal(first.location);
      if (kind === 'client') {
        const { client_secret: secret } = second.body;
        expect(secret).to.be.a('string').and.equal(first.body.client_secret);
        const { registeredClients } = provider.parts.oidc;
        const id = String(first.location).split('/').at(-1) ?? '';
        expect(await registeredClients.hasSecret(id, String(secret))).to.equal(true);
      }
      // Another's thing is not taken for its own.
      if (kind === 'role' || kind === 'group' || kind === 'resource') {
        expect(await send({ ...body, ...change(1) }, true), kind).to.have.nested.property(
          'refused.problem',
          'conflict',
        );
        expect(await send(body, false), kind).to.have.nested.property('refused.problem', 'conflict');
      }
    }
  });

  it('says so when Redis is away', async () => {
    await provider.stopRedis();
    for (const path of ['/me', '/accounts', '/settings']) {
      const reply = await api('GET', path, { pod: 0 });
      expect(reply.status, reply.body).to.equal(503);
      expect(reply.json.type).to.match(/#problem-unavailable$/);
      expect(reply.headers.get('content-type')).to.equal('application/problem+json');
      expect(Number(reply.headers.get('retry-after'))).to.be.within(1, 60);
    }
  });

  /** Waits until a pod has begun the request with a key, which Redis knows. */
  async function untilBegun(): Promise<boolean> {
    const { client } = provider.parts.store.handle as unknown as {
      client: { keys(p: string): Promise<string[]> };
    };
    const deadline = performance.now() + 5000;
    while (performance.now() < deadline) {
      for (const key of await client.keys('*{once:*')) {
        if ((await provider.parts.store.read(key))?.try !== undefined) return true;
      }
    }
    return false;
  }
});
