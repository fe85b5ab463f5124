import { expect } from 'chai';
import { Unavailable } from '../../src/errors.ts';
import { catalogue } from '../../src/events/catalogue.ts';
import { createEvents } from '../../src/events/create-events.ts';
import { createEventStore } from '../../src/events/event-store.ts';
import { eventKinds } from '../../src/events/events.ts';
import { startCluster, startStandalone, type Topology } from '../support/redis-topologies.ts';
import { adminAct, chainAll, type EventFixture, openEvents, signIn, verifyTrail } from './event-fixture.ts';

const secondDays = 1 / 86_400;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('what the audit trail keeps', () => {
  let redis: Topology;
  const opened: EventFixture[] = [];
  before(async () => {
    redis = await startStandalone({ appendOnly: false });
  });
  after(async () => {
    await Promise.all(opened.map((one) => one.close()));
    await redis?.stop();
  });

  async function open(options: Parameters<typeof openEvents>[1] = {}) {
    const one = await openEvents(redis.url, options);
    opened.push(one);
    return one;
  }

  async function everything({ store, prefix }: EventFixture): Promise<string> {
    const { client } = store.handle;
    const keys = await client.keys(`${prefix}*`);
    const dumps = await Promise.all(
      keys.map(async (key) => {
        switch (await client.type(key)) {
          case 'string':
            return client.get(key);
          case 'hash':
            return client.hgetall(key);
          case 'list':
            return client.lrange(key, 0, -1);
          case 'zset':
            return client.call('ZRANGE', key, '0', '-1', 'WITHSCORES');
          case 'stream':
            return client.xrange(key, '-', '+');
          default:
            throw new Error('another type');
        }
      }),
    );
    return JSON.stringify([keys, dumps]);
  }

  it('has a place for every kind of event', async () => {
    const pod = await open();
    for (const kind of eventKinds) await pod.events.record(adminAct({ kind }));
    for (const kind of eventKinds) {
      const { events } = await pod.events.list({ kinds: [kind] });
      expect(
        events.map(({ trail }) => trail),
        kind,
      ).to.deep.equal([catalogue[kind]]);
    }
    expect((await pod.events.list({ kinds: [...eventKinds], count: 500 })).events).to.have.length(
      eventKinds.length,
    );
  });

  describe('goes by age', () => {
    it('in whole blocks, and the trail stays intact', async () => {
      const days = { admin: 400, people: 90 };
      const pod = await open({ days });
      for (let i = 0; i < 11; i++) {
        await Promise.all(Array.from({ length: 100 }, () => pod.events.note(signIn())));
      }
      await pod.events.record(adminAct());
      await chainAll(pod.events);
      const { head } = await verifyTrail(pod.events, 'people');
      await pause(60);
      days.people = 0.05 * secondDays;
      await pod.events.sweep();
      days.people = 90;
      expect(await pod.store.call('XLEN', pod.store.keys.audit('people'))).to.equal(0);
      expect((await pod.events.list({})).events).to.have.length(1);
      const after = await verifyTrail(pod.events, 'people', [head]);
      expect(after).to.include({ isIntact: true, events: 0, unchained: 0 });

      await pod.events.record(signIn());
      await pod.events.sweep();
      expect(await verifyTrail(pod.events, 'people', [head, after.head])).to.include({
        isIntact: true,
        events: 1,
        unchained: 0,
      });
    });

    it('for twenty pods at once, and while it is verified', async () => {
      const days = { admin: 400, people: 90 };
      const pod = await open({ days });
      const other = await open({ prefix: pod.prefix, days });
      for (let i = 0; i < 30; i++) {
        await Promise.all(Array.from({ length: 100 }, () => pod.events.note(signIn())));
      }
      await chainAll(pod.events);
      await pause(20);
      days.people = 0.01 * secondDays;
      const verifying = other.events.verify();
      await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? pod : other).events.sweep()));
      expect((await verifying).every(({ isIntact }) => isIntact)).to.equal(true);
      days.people = 90;
      expect(await verifyTrail(pod.events, 'people')).to.include({ isIntact: true, events: 0 });
    });

    it('from the indexes as well, by themselves', async () => {
      const days = { admin: 400, people: 0.5 * secondDays };
      const pod = await open({ days });
      await pod.events.record(signIn({ requestId: 'once' }));
      await pause(550);
      await pod.events.record(signIn({ requestId: 'twice' }));
      const index = pod.store.keys.auditIndex('people', pod.ring.hash('audit', 'who:account:acc-ida'));
      expect(await pod.store.call('ZCARD', index)).to.equal(1);
      await pause(550);
      expect(await pod.store.call('EXISTS', index)).to.equal(0);
      await chainAll(pod.events);
      await pod.events.sweep();
      expect((await pod.events.list({})).events).to.deep.equal([]);
    });
  });

  describe('has room', () => {
    it('for so many refusals and no more; the rest is counted, and told', async () => {
      const room = { people: 1000, refusalsAtOnce: 5, refusals: 100 };
      const pod = await open({ room });
      const other = await open({ room, prefix: pod.prefix });
      const failed = signIn({ kind: 'sign-in.failed', outcome: 'failure', reason: 'no-account' });
      await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 ? pod : other).events.note(failed)));
      await pod.events.record(signIn());
      await pod.events.record(adminAct());
      const { events } = await pod.events.list({ kinds: ['sign-in.failed'] });
      expect(events).to.have.length(5);
      expect(
        (await pod.events.list({ kinds: ['sign-in.succeeded', 'client.updated'] })).events,
      ).to.have.length(2);
      const [hour] = (await pod.events.signInsByHour(2)).filter(({ failed: count }) => count > 0);
      expect(hour?.failed).to.equal(40);

      // The hour goes by.
      const notKept = pod.store.keys.auditNotKept();
      const fields = (await pod.store.read(notKept)) ?? {};
      const [[field = '', count = ''] = []] = Object.entries(fields);
      expect(count).to.equal('35');
      const [trail, at] = field.split(':');
      await pod.store.call('HDEL', notKept, field);
      await pod.store.call('HSET', notKept, `${trail}:${Number(at) - 1}`, count);
      await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? pod : other).events.sweep()));
      const told = await pod.events.list({ kinds: ['sign-in.failures-not-kept'] });
      expect(told.events.map(({ after }) => after?.count)).to.deep.equal([35]);
      expect(await pod.store.read(notKept)).to.equal(undefined);
    });

    it('for so many failing acts of each administrator, and the rest is told with whose they were', async () => {
      const room = { people: 1000, refusalsAtOnce: 5, refusals: 100, failedActsAtOnce: 3 };
      const pod = await open({ room });
      const other = await open({ room, prefix: pod.prefix });
      const carl = { kind: 'account', id: 'acc-carl', name: 'carl@example.org' } as const;
      const problems = ['not-found', 'invalid', 'conflict', 'changed', 'outranked'];
      const fail = (at: number, actor: typeof carl | ReturnType<typeof adminAct>['actor']) =>
        (at % 2 ? pod : other).events.act(adminAct({ actor }), async () => ({
          ok: false as const,
          problem: problems[at % problems.length],
        }));
      await Promise.all(Array.from({ length: 40 }, (_, at) => fail(at, carl)));
      await Promise.all(Array.from({ length: 2 }, (_, at) => fail(at, adminAct().actor)));
      await pod.events.act(adminAct({ actor: carl }), async () => ({ ok: true }));
      expect(await pod.store.call('HLEN', pod.store.keys.auditIntended())).to.equal(0);
      const acts = (await pod.events.list({ kinds: ['client.updated'], count: 100 })).events;
      expect(acts.filter(({ outcome }) => outcome === 'failure')).to.have.length(5);
      expect(acts.filter(({ outcome }) => outcome === 'success')).to.have.length(1);

      // The hour goes by.
      const notKept = pod.store.keys.auditNotKept();
      const fields = (await pod.store.read(notKept)) ?? {};
      expect(JSON.stringify(fields)).to.not.include('carl');
      await pod.store.call('DEL', notKept);
      for (const [field, value] of Object.entries(fields)) {
        const hour = Number(/:(\d+)$/.exec(field)?.[1]);
        // Who it was is sealed for its own hour, so that only the count is put back.
        if (!field.endsWith(':whose')) {
          expect(value).to.equal('37');
          await pod.store.call('HSET', notKept, field.replace(/\d+$/, String(hour - 1)), value);
        }
      }
      await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? pod : other).events.sweep()));
      const told = (await pod.events.list({ kinds: ['access.refusals-not-kept'] })).events;
      expect(told.map(({ after }) => after?.count)).to.deep.equal([37]);
      expect(await pod.store.read(notKept)).to.equal(undefined);

      const store = createEventStore({ ...pod.parts, room });
      const [whose, sealed] = Object.entries(fields).find(([field]) => field.endsWith(':whose')) ?? [];
      expect(store.actorOfCount(whose?.replace(/:whose$/, '') ?? '', sealed ?? '')).to.deep.equal(carl);
      expect(store.actorOfCount('admin:another:1', sealed ?? '')).to.deep.equal({ kind: 'system' });
    });

    it('that comes back with time', async () => {
      const days = { admin: 400, people: 60 * secondDays };
      const pod = await open({ days, room: { people: 1000, refusalsAtOnce: 1, refusals: 100 } });
      const failed = signIn({ kind: 'sign-in.failed', outcome: 'failure' });
      await pod.events.record(failed);
      await pod.events.record(failed);
      await pause(650);
      await pod.events.record(failed);
      expect((await pod.events.list({})).events).to.have.length(2);
    });

    it('for sign-ins by letting go of the oldest, and admin acts stay', async () => {
      const pod = await open({ room: { people: 1000, refusalsAtOnce: 5, refusals: 100 } });
      await pod.events.record(adminAct());
      for (let i = 0; i < 30; i++) {
        await Promise.all(Array.from({ length: 100 }, () => pod.events.note(signIn())));
        if (i % 5 === 4) await pod.events.sweep();
      }
      await chainAll(pod.events);
      await pod.events.sweep();
      const found = await verifyTrail(pod.events, 'people');
      expect(found.isIntact).to.equal(true);
      expect(found.events).to.be.within(488, 1512);
      expect((await pod.events.list({ trail: 'admin' })).events).to.have.length(1);
      expect(await pod.readLog()).to.match(/before their time/);
    });
  });

  describe('has no secret', () => {
    const canary = 'canary-93f1';
    it('in before and after, whatever the field is called', async () => {
      const pod = await open();
      const secrets = {
        password: canary,
        newPassword: canary,
        client_secret: canary,
        clientSecrets: [{ id: canary, value: canary, expires: 1 }],
        registration_access_token: canary,
        user_code: canary,
        recoveryCodes: [canary],
        passwordHash: canary,
        totpSeed: canary,
        privateKey: { kty: 'EC', d: canary },
        jwks: { keys: [{ d: canary }] },
        cookie: canary,
        Authorization: canary,
        nested: { deeper: { api_key: canary } },
        note: `see https://id.example.com/reset-password?token=${canary}`,
        header: `Bearer ${canary}`,
        imported: `$argon2id$v=19$m=19456$${canary}`,
        pem: `-----BEGIN PRIVATE KEY-----\n${canary}`,
      };
      await pod.events.record(adminAct({ before: secrets, after: secrets }));
      await pod.events.act(
        adminAct({ before: secrets }),
        async () => ({ ok: true }),
        () => ({ after: secrets }),
      );
      const { events } = await pod.events.list({});
      expect(events).to.have.length(2);
      expect(JSON.stringify(events)).to.not.include(canary);
      expect(events[0]?.after).to.deep.include({ password: '[cut]', client_secret: '[cut]' });
    });

    it('but what only sounds like one', async () => {
      const pod = await open();
      const harmless = {
        token_endpoint_auth_method: 'client_secret_basic',
        access_token_seconds: 300,
        signing_key_days: 90,
        client_secret_expires_at: 0,
        hasPassword: true,
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        jwks_uri: 'https://notes.example.com/jwks',
        require_pushed_authorization_requests: true,
        second_factor: 'required',
        name: 'Harbour Notes',
      };
      await pod.events.record(adminAct({ after: harmless }));
      expect((await pod.events.list({})).events[0]?.after).to.deep.equal(harmless);
    });

    it('and hides nothing else behind what is cut', async () => {
      const pod = await open();
      const token = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJvbGdhIn0.c2lnbmF0dXJl';
      const given = [
        `https://evil.example/x?code=${canary}&to=there`,
        `https://evil.example/#token=${canary}`,
        `https://eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJvbGdhIn0.evil.example/a?code=${canary}`,
        `https://olga:${canary}@evil.example/`,
        `see ${token}`,
      ];
      await pod.events.record(adminAct({ after: { redirect_uris: given } }));
      const [event] = (await pod.events.list({})).events;
      expect(event?.after?.redirect_uris).to.deep.equal([
        'https://evil.example/x?code=[cut]&to=there',
        'https://evil.example/#token=[cut]',
        'https://eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJvbGdhIn0.evil.example/a?code=[cut]',
        'https://olga:[cut]@evil.example/',
        'see eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJvbGdhIn0.[cut]',
      ]);
    });

    it('and tells of what is too long how it begins, how long it is, and its hash', async () => {
      const pod = await open();
      const long = (end: string) => `${'x'.repeat(1400)}${end}`;
      const more = (end: string) => Array.from({ length: 250 }, (_, i) => `v${i}${i === 240 ? end : ''}`);
      await pod.events.record(
        adminAct({ before: { a: long('a'), list: more('a') }, after: { a: long('b'), list: more('b') } }),
      );
      const [event] = (await pod.events.list({})).events;
      const { before = {}, after = {} } = event ?? {};
      const lists = [before.list, after.list] as string[][];
      expect(before.a).to.match(/^x{1000}… \(1401 characters, sha256 [\w-]{22}\)$/);
      expect(before.a).to.not.equal(after.a);
      expect(lists[0]).to.have.length(201);
      expect(lists[0]?.at(-1)).to.match(/^… and 50 more \(\d+ characters, sha256 /);
      expect(lists[0]?.at(-1)).to.not.equal(lists[1]?.at(-1));
    });

    it('and of a record that is too large keeps every name, and the beginning of every value', async () => {
      const pod = await open();
      const filler = Array.from({ length: 12 }, (_, i) => `https://shop.example/${'x'.repeat(1400)}${i}`);
      const claims = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`claim_${i}`, filler]));
      await pod.events.record(
        adminAct({ after: { redirect_uris: [...filler, 'https://evil.example/x'], name: 'Shop', claims } }),
      );
      const { after } = (await pod.events.list({})).events[0] ?? {};
      expect(JSON.stringify(after).length).to.be.lessThan(18_000);
      expect(after?.name).to.equal('Shop');
      expect(after?.redirect_uris).to.include('https://evil.example/x');
      expect(Object.keys(after?.claims as object)).to.deep.equal(Object.keys(claims));
      for (const value of Object.values(after?.claims as object)) {
        expect(JSON.stringify(value)).to.match(/https:\/\/shop\.example|more/);
        expect(JSON.stringify(value)).to.include('sha256');
      }
    });

    it('nor more of anything than is sensible', async () => {
      const pod = await open();
      const endless: Record<string, unknown> = {};
      endless.self = endless;
      await pod.events.record(adminAct({ after: endless, reason: 'x'.repeat(10_000) }));
      await pod.events.record(
        adminAct({ after: { many: Array.from({ length: 9999 }, () => 'y'.repeat(999)) } }),
      );
      for (const event of (await pod.events.list({})).events) {
        expect(JSON.stringify(event).length).to.be.lessThan(20_000);
      }
    });
  });

  it('tells a thief of Redis neither who nor where', async () => {
    const pod = await open();
    await pod.events.record(signIn({ actor: { kind: 'account', id: 'acc-ida', name: 'ida@example.org' } }));
    await pod.events.record(
      signIn({
        kind: 'sign-in.failed',
        outcome: 'failure',
        actor: { kind: 'anonymous', name: 'ben@example.org' },
      }),
    );
    const never = pod.events.act(
      adminAct({ after: { email: 'eve@example.org' } }),
      () => new Promise<{ ok: boolean }>(() => {}),
    );
    never.catch(() => {});
    while ((await pod.store.call('HLEN', pod.store.keys.auditIntended())) === 0) await pause(5);
    await chainAll(pod.events);
    const stored = await everything(pod);
    expect(stored).to.include('{audit}:people');
    expect(stored).to.not.match(
      /ida@|ben@|eve@|olga@|acc-ida|192\.0\.2|Firefox|request-000|sign-in|client\.updated/,
    );
  });

  it('matters when Redis is away, unless it is only noted', async () => {
    const pod = await open();
    const store = { ...pod.store, run: () => Promise.reject(new Unavailable('away')) };
    const events = createEvents({ ...pod.parts, store });
    await events.note(signIn());
    expect(await events.record(signIn()).catch((error: unknown) => error)).to.be.instanceOf(Unavailable);
    await events.sweep();
    expect(await pod.readLog()).to.match(/an event was not recorded/);
  });
});

describe('the audit trail on a Redis Cluster', () => {
  let cluster: Topology;
  let pod: EventFixture;
  before(async () => {
    cluster = await startCluster();
    pod = await openEvents(cluster.url, { room: { people: 1000, refusalsAtOnce: 2, refusals: 100 } });
  });
  after(async () => {
    await pod?.close();
    await cluster?.stop();
  });

  it('does all that it does elsewhere', async () => {
    const { events, days } = pod;
    const { last } = await events.after(undefined, {}, 0);
    for (let i = 0; i < 3; i++) {
      await events.record(
        signIn({ kind: 'sign-in.failed', outcome: 'failure', actor: { kind: 'anonymous' } }),
      );
    }
    await events.record(signIn());
    await events.act(adminAct(), async () => ({ ok: true }));
    expect((await events.list({})).events).to.have.length(4);
    expect((await events.list({ kinds: ['sign-in.failed', 'client.updated'] })).events).to.have.length(3);
    expect((await events.list({ accountId: 'acc-ida', trail: 'people' })).events).to.have.length(1);
    expect((await events.after(last, {}, 5000)).events).to.have.length(4);
    expect((await events.topClients(1))[0]?.clientId).to.equal('notes');
    expect((await events.signInsByHour(2)).reduce((sum, { failed }) => sum + failed, 0)).to.equal(3);
    const exported = [];
    for await (const block of events.export({ clientId: 'notes' })) exported.push(...block);
    expect(exported).to.have.length(4);
    await chainAll(events);
    expect((await events.verify()).every(({ isIntact, unchained }) => isIntact && unchained === 0)).to.equal(
      true,
    );
    await pause(10);
    days.people = 0;
    await events.sweep();
    days.people = 90;
    expect((await events.verify()).map(({ isIntact, events: count }) => [isIntact, count])).to.deep.equal([
      [true, 1],
      [true, 0],
    ]);
  });
});
