import { once } from 'node:events';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { readConfig } from '../../src/config.ts';
import { checkClock } from '../../src/doctor/check-clock.ts';
import { examine, type Finding } from '../../src/doctor/doctor.ts';
import { createLog } from '../../src/log.ts';
import { openStore } from '../../src/redis/redis.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { holdfast } from '../cli/run-command.ts';
import { startSmtp } from '../mail/smtp-fixture.ts';
import { type Pod, startPod, testKeys } from '../support/pods.ts';
import { startCluster, startSentinel, startStandalone, type Topology } from '../support/redis-topologies.ts';

/** A proxy that can be made to do what proxies do wrong. */
type Quirk = {
  host?: string;
  forwardedFor?: 'append' | 'replace' | 'none';
  proto?: string;
  dropsCookie?: boolean;
  dropsSetCookie?: boolean;
  status?: number;
  rewrites?: (body: string) => string;
};

describe('holdfast doctor', () => {
  let redis: Topology;
  let client: Redis;
  let proxy: Server;
  let quirk: Quirk = {};
  let issuer: string;
  let pod: Pod;
  let hopeful: Pod;

  before(async function () {
    this.timeout(60_000);
    redis = await startStandalone();
    client = new Redis(redis.url);
    proxy = createServer((request, response) => void pass(request, response));
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    issuer = `http://localhost:${(proxy.address() as AddressInfo).port}`;
    [pod, hopeful] = await Promise.all([
      startPod({
        name: 'behind-one',
        issuer,
        redisUrl: redis.url,
        environment: { HOLDFAST_PROXY_HOPS: '1' },
      }),
      startPod({ name: 'trusting', issuer, redisUrl: redis.url, environment: { HOLDFAST_PROXY_HOPS: '2' } }),
    ]);
  });
  after(async () => {
    await Promise.all([pod?.kill('SIGKILL'), hopeful?.kill('SIGKILL')]);
    proxy?.close();
    client?.disconnect();
    await redis?.stop();
  });
  let leadsTo: () => Pod = () => pod;
  beforeEach(() => {
    quirk = {};
    leadsTo = () => pod;
  });

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { host, forwardedFor = 'append', proto, dropsCookie, dropsSetCookie, status, rewrites } = quirk;
    const headers = { ...request.headers };
    if (host !== undefined) headers.host = host;
    const before = headers['x-forwarded-for'];
    if (forwardedFor === 'append')
      headers['x-forwarded-for'] = before ? `${before}, 198.51.100.7` : '198.51.100.7';
    if (forwardedFor === 'replace') headers['x-forwarded-for'] = '198.51.100.7';
    if (proto !== undefined) headers['x-forwarded-proto'] = proto;
    if (dropsCookie) delete headers.cookie;
    const url = new URL(request.url ?? '/', leadsTo().url);
    const onward = httpRequest(url, { method: request.method, headers });
    onward.on('error', () => response.writeHead(502).end());
    onward.end();
    const [answer] = (await once(onward, 'response')) as [IncomingMessage];
    let body = '';
    for await (const chunk of answer.setEncoding('utf8')) body += chunk;
    const answered = { ...answer.headers };
    if (dropsSetCookie) delete answered['set-cookie'];
    delete answered['content-length'];
    response.writeHead(status ?? answer.statusCode ?? 500, answered).end(rewrites ? rewrites(body) : body);
  }

  function configWith(environment: Record<string, string> = {}) {
    return readConfig({
      HOLDFAST_ISSUER: issuer,
      HOLDFAST_KEYS: testKeys,
      REDIS_URL: redis.url,
      HOLDFAST_UNSAFE_ALLOW_HTTP: 'true',
      ...environment,
    });
  }

  async function findings(environment: Record<string, string> = {}): Promise<Finding[]> {
    const config = configWith(environment);
    const target = parseRedisUrl(environment.REDIS_URL ?? redis.url);
    const store = openStore(config, target, createLog('silent', 'test'));
    try {
      const found: Finding[] = [];
      for await (const one of examine(config, store)) found.push(one);
      return found;
    } finally {
      await store.close();
    }
  }

  /** The one finding of this check that is as bad as this, and says so. */
  function expectOne(found: Finding[], check: string, state: Finding['state'], says: RegExp): void {
    const these = found.filter((one) => one.check === check);
    const fitting = these.filter((one) => one.state === state && says.test(one.says));
    expect(fitting, JSON.stringify(these.length > 0 ? these : found, null, 1)).to.have.lengthOf(1);
    if (state !== 'ok') expect(fitting[0]?.todo).to.be.a('string').that.is.not.empty;
  }

  async function withSettings(settings: Record<string, string>, work: () => Promise<void>): Promise<void> {
    const before: [string, string][] = [];
    for (const [name, value] of Object.entries(settings)) {
      const [, was = ''] = (await client.config('GET', name)) as string[];
      before.push([name, was]);
      await client.config('SET', name, value);
    }
    try {
      await work();
    } finally {
      for (const [name, was] of before) await client.config('SET', name, was);
    }
  }

  it('finds nothing wrong where nothing is', async () => {
    const found = await findings();
    expect(found.filter(({ state }) => state === 'fault')).to.deep.equal([]);
    expect(found.length).to.be.greaterThan(15);
    expectOne(found, 'Pods', 'ok', /2 run version .*behind-one, trusting/);
    expectOne(found, 'Public address: key set', 'ok', /3 keys, the same/);
    expectOne(found, 'Proxy: requests', 'ok', /reached the pod behind-one/);
    expectOne(found, "Proxy: people's addresses", 'ok', /came from 198\.51\.100\.7/);
    expectOne(found, 'Proxy: cookies', 'ok', /both directions/);
    expectOne(found, 'Audit: admin', 'ok', /head admin:/);
  });

  it('prints it on the command line, as JSON too, and ends with 1 where there is a fault', async () => {
    const environment = { HOLDFAST_ISSUER: issuer, HOLDFAST_UNSAFE_ALLOW_HTTP: 'true' };
    const fine = await holdfast(redis.url, ['doctor'], { environment });
    expect([fine.code, fine.out.match(/0 faults/)?.[0]]).to.deep.equal([0, '0 faults']);
    quirk = { host: 'elsewhere.example' };
    const bad = await holdfast(redis.url, ['doctor', '--json'], { environment });
    expect(bad.code).to.equal(1);
    const { ok, findings: listed } = JSON.parse(bad.out) as { ok: boolean; findings: Finding[] };
    expect(ok).to.equal(false);
    expectOne(listed, 'Proxy: host', 'fault', /another host than localhost/);
  });

  it('finds a configuration with which no pod starts', async () => {
    const run = await holdfast(redis.url, ['doctor'], { environment: { HOLDFAST_KEYS: 'nonsense' } });
    expect(run.code).to.equal(1);
    expect(run.out).to.match(/FAULT {4}Configuration: HOLDFAST_KEYS must be a list/);
  });

  it('finds what is unsafe and allowed', async () => {
    const allowed = {
      HOLDFAST_UNSAFE_ALLOW_EVICTION: 'true',
      HOLDFAST_UNSAFE_ALLOW_PRIVATE_ADDRESSES: 'true',
    };
    const found = await findings(allowed);
    expectOne(found, 'Configuration', 'warning', /ALLOW_EVICTION is on/);
    expectOne(found, 'Configuration', 'warning', /ALLOW_PRIVATE_ADDRESSES is on/);
  });

  describe('of Redis', () => {
    it('finds one that does not answer', async () => {
      const found = await findings({ REDIS_URL: 'redis://127.0.0.1:1' });
      expectOne(found, 'Redis', 'fault', /does not answer/);
    }).timeout(20_000);

    it('finds eviction, no append-only file, no fsync and no limit', async () => {
      const loose = { 'maxmemory-policy': 'allkeys-lru', appendfsync: 'no' };
      await withSettings(loose, async () => {
        const found = await findings();
        expectOne(found, 'Redis: eviction', 'fault', /allkeys-lru/);
        expectOne(found, 'Redis: fsync', 'warning', /half a minute/);
        expectOne(found, 'Redis: memory', 'warning', /without a limit/);
      });
      await withSettings({ appendonly: 'no' }, async () => {
        expectOne(await findings(), 'Redis: append-only file', 'fault', /there is none/);
      });
    });

    it('finds memory that runs out', async () => {
      const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
      await withSettings({ maxmemory: String(Math.round(used * 1.15)) }, async () => {
        expectOne(await findings(), 'Redis: memory', 'warning', /of \d+ MB in use/);
      });
    });

    it('finds replicas that are waited for and not there', async () => {
      const found = await findings({ HOLDFAST_DURABLE_REPLICAS: '1' });
      expectOne(
        found,
        'Redis: replicas',
        'fault',
        /0 replicas keep up, and HOLDFAST_DURABLE_REPLICAS waits for 1/,
      );
    });

    it('finds replicas that are not waited for, a primary that takes writes without them, and a replica', async function () {
      this.timeout(30_000);
      const sentinel = await startSentinel();
      try {
        const found = await findings({ REDIS_URL: sentinel.url });
        expectOne(found, 'Redis: replicas', 'warning', /2 replicas, and none is waited for/);
        expectOne(found, 'Redis: min-replicas', 'warning', /cut off/);
        const port = sentinel.processes.find(({ role }) => role === 'replica')?.port;
        const replica = await findings({ REDIS_URL: `redis://127.0.0.1:${port}` });
        expectOne(replica, 'Redis: role', 'fault', /a replica/);
      } finally {
        await sentinel.stop();
      }
    });

    it('finds a Cluster that has lost a primary', async function () {
      this.timeout(60_000);
      const cluster = await startCluster();
      try {
        const whole = await findings({ REDIS_URL: cluster.url });
        expectOne(whole, 'Redis: Cluster', 'ok', /all slots are served/);
        const [first] = cluster.processes;
        const admin = new Redis(`redis://127.0.0.1:${first?.port}`);
        await admin.call('CLUSTER', 'DELSLOTSRANGE', 0, 10);
        admin.disconnect();
        const found = await findings({ REDIS_URL: cluster.url });
        expect(found.some(({ check, state }) => check === 'Redis: Cluster' && state === 'fault')).to.equal(
          true,
        );
      } finally {
        await cluster.stop();
      }
    });

    it('finds a user who may too little, and one who may too much', async () => {
      const { port } = new URL(redis.url);
      const asUser = { REDIS_URL: `redis://narrow:secret@127.0.0.1:${port}` };
      await client.acl(
        'SETUSER',
        'narrow',
        'on',
        '>secret',
        '~*',
        '+@all',
        '-xadd',
        '-hset',
        '-@dangerous',
        '+info',
      );
      try {
        const narrow = await findings(asUser);
        expectOne(narrow, 'Redis: what this user needs', 'fault', /may not: HSET, XADD/);
        await client.acl(
          'SETUSER',
          'narrow',
          '+@all',
          '-flushall',
          '-flushdb',
          '-keys',
          '-monitor',
          '-debug',
        );
        const wide = await findings(asUser);
        expectOne(wide, 'Redis: what this user needs', 'ok', /all that a pod does/);
        expectOne(wide, 'Redis: what this user may do besides', 'warning', /may CONFIG, SHUTDOWN:/);
        await client.acl('SETUSER', 'narrow', '-@admin', '-@dangerous', '+info');
        const right = await findings(asUser);
        expectOne(right, 'Redis: what this user may do besides', 'ok', /no rights of an administrator/);
        await client.acl('SETUSER', 'narrow', 'resetkeys', '~other:*');
        expectOne(await findings(asUser), 'Redis: what this user needs', 'fault', /may not: SET/);
      } finally {
        await client.acl('DELUSER', 'narrow');
      }
    });
  });

  it('finds a clock that is wrong', async () => {
    const now = Date.now();
    const store = { nowMs: async () => now };
    const config = { clockToleranceMs: 30_000 };
    expect((await checkClock(config, store, () => now + 200)).state).to.equal('ok');
    expect((await checkClock(config, store, () => now + 5000)).says).to.include('5.0 s ahead of Redis');
    expect((await checkClock(config, store, () => now - 31_000)).state).to.equal('fault');
  });

  describe('of data and keys', () => {
    const other = { HOLDFAST_REDIS_PREFIX: 'other:' };

    it('finds an empty Redis', async () => {
      expectOne(await findings(other), 'Data: form', 'warning', /there is none/);
      const expecting = await findings({ ...other, HOLDFAST_EXPECT_DATA: 'true' });
      expectOne(expecting, 'Data: form', 'fault', /no pod starts/);
    });

    it('finds data of a later version, and a restore that is not finished', async () => {
      await client.hset('other:{schema}', { form: 9, reader: 9 });
      expectOne(await findings(other), 'Data: form', 'fault', /knows form 9/);
      await client.hset('other:{schema}', { form: 1, reader: 1, restore: 'x' });
      expectOne(await findings(other), 'Data: form', 'fault', /being put in/);
      await client.del('other:{schema}');
    });

    it('finds keys that are missing, wrong, still in use, or spare', async () => {
      const fresh = `new:${Buffer.alloc(32, 9).toString('base64url')}`;
      const check = 'Keys: HOLDFAST_KEYS';
      expectOne(await findings({ HOLDFAST_KEYS: fresh }), check, 'fault', /under test, which/);
      expectOne(
        await findings({ HOLDFAST_KEYS: fresh.replace('new', 'test') }),
        check,
        'fault',
        /does not open/,
      );
      expectOne(
        await findings({ HOLDFAST_KEYS: `${fresh} ${testKeys}` }),
        check,
        'warning',
        /still sealed under test/,
      );
      expectOne(
        await findings({ HOLDFAST_KEYS: `${testKeys} ${fresh}` }),
        check,
        'warning',
        /nothing is sealed under new/,
      );
    });

    it('finds a rotation that does not get on', async () => {
      const life = 'life:signing:ES256:1';
      const was = (await client.hget('hf:{k}', life)) ?? '';
      const stuck = {
        ...JSON.parse(was),
        state: 'published',
        version: 999,
        createdAt: Date.now() - 7_200_000,
      };
      await client.hset('hf:{k}', life, JSON.stringify(stuck));
      try {
        expectOne(await findings(), 'Keys: signing', 'warning', /more than an hour/);
      } finally {
        await client.hset('hf:{k}', life, was);
      }
    });

    it('finds events that nobody chains', async () => {
      await client.xadd('other:{audit}:admin', '1700000000000-1', 'e', 'sealed');
      expectOne(await findings(other), 'Audit: admin', 'warning', /not chained yet/);
      await client.del('other:{audit}:admin');
    });

    it('finds pods that are silent, of several versions, or with other keys; and none', async () => {
      expectOne(await findings(other), 'Pods', 'warning', /none is running/);
      const now = Date.now();
      const pods = {
        a: { name: 'a', version: '1.0.0', seenAt: now, isReady: true, keyIds: ['one'] },
        b: { name: 'b', version: '1.1.0', seenAt: now, isReady: false, keyIds: ['two'] },
        c: { name: 'c', version: '1.1.0', seenAt: now - 20_000, isReady: true },
      };
      for (const [id, one] of Object.entries(pods))
        await client.hset('other:{pods}', id, JSON.stringify(one));
      const found = await findings(other);
      expectOne(found, 'Pods', 'warning', /^c fell silent/);
      expectOne(found, 'Pods', 'warning', /versions 1\.0\.0 and 1\.1\.0/);
      expectOne(found, 'Pods', 'warning', /^b are not ready/);
      expectOne(found, 'Pods', 'warning', /different keys: one and two/);
      await client.del('other:{pods}');
    });
  });

  describe('of the public address', () => {
    it('finds one that does not answer, or where something else does', async () => {
      const nobody = await findings({ HOLDFAST_ISSUER: 'http://localhost:1' });
      expectOne(nobody, 'Public address: discovery', 'fault', /does not answer here/);
      quirk = { status: 503 };
      expectOne(await findings(), 'Public address: discovery', 'fault', /answers 503/);
      quirk = {
        rewrites: (body) => body.replaceAll(`"issuer":"${issuer}"`, '"issuer":"https://other.example"'),
      };
      expectOne(await findings(), 'Public address: discovery', 'fault', /calls itself https:\/\/other/);
    });

    it('finds a key set that is not ours', async () => {
      quirk = { rewrites: (body) => (body.startsWith('{"keys"') ? '{"keys":[{"kid":"old"}]}' : body) };
      expectOne(await findings(), 'Public address: key set', 'warning', /is not in it/);
      quirk = { rewrites: (body) => (body.startsWith('{"keys"') ? 'oops' : body) };
      expectOne(await findings(), 'Public address: key set', 'fault', /cannot be fetched/);
    });

    it('finds a proxy that leads to pods on another Redis', async () => {
      quirk = { rewrites: (body) => (body.includes('"pod"') ? '{}' : body) };
      expectOne(await findings(), 'Proxy: requests', 'fault', /something else, or to pods on another Redis/);
    });

    it('finds a wrong number of proxies, each way', async () => {
      leadsTo = () => hopeful;
      expectOne(await findings(), "Proxy: people's addresses", 'fault', /pods believe what a request claims/);
      quirk = { forwardedFor: 'replace' };
      expectOne(
        await findings(),
        "Proxy: people's addresses",
        'fault',
        /HOLDFAST_PROXY_HOPS is 2, and 1 proxies/,
      );
      leadsTo = () => pod;
      expectOne(await findings(), "Proxy: people's addresses", 'ok', /198\.51\.100\.7/);
    });

    it('finds cookies that get lost', async () => {
      quirk = { dropsCookie: true };
      expectOne(await findings(), 'Proxy: cookies', 'fault', /does not reach the pods/);
      quirk = { dropsSetCookie: true };
      expectOne(await findings(), 'Proxy: cookies', 'fault', /does not come back/);
    });

    it('answers its question to nobody who has not asked it', async () => {
      for (const nonce of ['x', 'A'.repeat(43)]) {
        expect((await fetch(`${issuer}/doctor/${nonce}`)).status).to.equal(404);
      }
    });
  });

  it('finds an SMTP server that is not there, and one that is', async () => {
    const from = { HOLDFAST_MAIL_FROM: 'Example <id@example.com>' };
    expectOne(await findings(), 'Mail', 'warning', /none is sent/);
    const away = await findings({ ...from, HOLDFAST_SMTP_URL: 'smtp://127.0.0.1:1' });
    expectOne(away, 'Mail', 'fault', /127\.0\.0\.1:1 does not/);
    const smtp = await startSmtp();
    try {
      const there = await findings({ ...from, HOLDFAST_SMTP_URL: `smtp://127.0.0.1:${smtp.port}` });
      expectOne(there, 'Mail', 'ok', /takes mails from id@example\.com/);
    } finally {
      await smtp.stop();
    }
  });
});
