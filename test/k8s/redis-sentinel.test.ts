import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { connectRedis, type RedisHandle } from '../../src/redis/connect.ts';
import { createDurability } from '../../src/redis/durability.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { checkRedis } from '../../src/redis/start-up-check.ts';
import { captureLog } from '../support/captured-log.ts';
import { startPod } from '../support/pods.ts';
import { findPorts } from '../support/redis-process.ts';
import { type DeployedServer, type Deployment, deployRedis, planOf } from './deployed-redis.ts';
import { overlay } from './overlays.ts';

const overlayName = 'production-sentinel';
const address = '127.0.0.1';

describe('Redis with Sentinels as deployed', () => {
  let deployment: Deployment;
  let servers: DeployedServer[];
  let sentinels: DeployedServer[];
  let handle: RedisHandle;
  let url: string;

  before(async () => {
    deployment = await deployRedis(['holdfast', 'replication', 'sentinel']);
    const ports = await findPorts(6);
    const [serverPorts, sentinelPorts] = [ports.slice(0, 3), ports.slice(3)];
    const places: [string, string][] = [
      [`redis-0.redis 6379`, `${address} ${serverPorts[0]}`],
      ...sentinelPorts.map((port, number): [string, string] => [
        `redis-sentinel-${number}.redis-sentinel:26379`,
        `${address}:${port}`,
      ]),
    ];
    const start = (workload: string, port: number, number: number, usual: number) =>
      deployment.server({
        ...planOf(overlayName, workload),
        name: `${workload}-${number}`,
        address,
        port,
        places: [...places, [`tls-port ${usual}`, `tls-port ${port}`]],
      });
    // The servers first: they wait.
    servers = serverPorts.map((port, number) => start('redis', port, number, 6379));
    await servers[0]?.started.prints('Waiting until most Sentinels name a primary');
    sentinels = sentinelPorts.map((port, number) => start('redis-sentinel', port, number, 26379));
    await untilWhole();

    const password = deployment.password('holdfast');
    const hosts = sentinelPorts.map((port) => `${address}:${port}`).join(',');
    url = `rediss+sentinel://holdfast:${password}@${hosts}/main?ca=${deployment.caFile}&sentinelUser=holdfast&sentinelPassword=${password}`;
    handle = connectRedis(parseRedisUrl(url), { log: captureLog().log });
    await handle.whenReady(5000);
  });
  after(async () => {
    await handle?.close();
    await deployment?.stop();
  });

  /** Asks a server or a Sentinel as a Sentinel does. @throws while it is away */
  async function ask<T>({ port }: DeployedServer, question: (client: Redis) => Promise<T>): Promise<T> {
    const client = new Redis({
      ...{ host: address, port, username: 'sentinel', password: deployment.password('sentinel') },
      ...{ tls: deployment.clientTls, maxRetriesPerRequest: 0, retryStrategy: () => null, lazyConnect: true },
      disableClientInfo: true,
      enableReadyCheck: false,
    });
    client.on('error', () => {});
    try {
      await client.connect();
      return await question(client);
    } finally {
      client.disconnect();
    }
  }
  async function roleOf(server: DeployedServer): Promise<string> {
    try {
      const info = await ask(server, (client) => client.info('replication'));
      const followers = info.match(/state=online/g)?.length ?? 0;
      const isLinked = info.includes('master_link_status:up');
      return info.includes('role:master') ? `primary of ${followers}` : `replica ${isLinked ? 'up' : 'down'}`;
    } catch {
      return 'away';
    }
  }
  /** Sentinels ask for replicas every ten seconds. */
  async function untilSentinelsKnowReplicas(): Promise<void> {
    for (const sentinel of sentinels) {
      while ((await ask(sentinel, knownReplicas)) < 2) await pause(200);
    }
  }
  const knownReplicas = async (client: Redis) =>
    ((await client.call('sentinel', 'replicas', 'main')) as unknown[]).length;
  const roles = () => Promise.all(servers.map(roleOf));
  async function primary(): Promise<DeployedServer | undefined> {
    const found = await roles();
    return servers[found.findIndex((role) => role.startsWith('primary'))];
  }
  async function untilWhole(): Promise<void> {
    for (;;) {
      const found = (await roles()).sort();
      if (String(found) === 'primary of 2,replica up,replica up') return;
      await pause(100);
    }
  }
  /** A write that counts: held by a replica, as the overlay demands. @returns how long until there was one, in ms */
  async function keep(key: string, value: string): Promise<number> {
    const begun = performance.now();
    const settings = overlay(overlayName).configMap('holdfast-settings');
    const replicas = Number(settings.HOLDFAST_DURABLE_REPLICAS);
    expect(replicas).to.equal(1);
    const settle = createDurability(handle, { replicas, fsync: false, timeoutMs: 1000 });
    for (;;) {
      try {
        await handle.client.set(key, value);
        await settle(key);
        return performance.now() - begun;
      } catch {
        await pause(20);
      }
    }
  }

  it('starts the first server as the primary that two replicas follow, and passes the check at start', async () => {
    expect(await primary()).to.equal(servers[0]);
    const allow = { eviction: false, noAppendOnly: false };
    expect(await checkRedis(handle.client, allow)).to.deep.equal({ ok: true, warnings: [] });
  });

  it('lets the provider start with the settings of the overlay', async () => {
    const { HOLDFAST_BIND, HOLDFAST_PORT, HOLDFAST_MAIL_FROM, NODE_OPTIONS, ...settings } =
      overlay(overlayName).configMap('holdfast-settings');
    const pod = await startPod({
      name: 'holdfast-0',
      issuer: '',
      redisUrl: url,
      environment: {
        ...settings,
        HOLDFAST_LOG_LEVEL: 'warn',
        HOLDFAST_UNSAFE_ALLOW_HTTP: 'false',
        HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: 'false',
        HOLDFAST_UNSAFE_ALLOW_PRIVATE_ADDRESSES: 'false',
      },
    });
    const { status } = await fetch(`${pod.url}/readyz`);
    await pod.kill('SIGKILL');
    expect(status).to.equal(200);
    expect(pod.log()).to.equal('');
  });

  it('gives the provider its own keys and no power over the server', async () => {
    const { client } = handle;
    expect(await client.set('hf:{a}', 'b')).to.equal('OK');
    const refused: [string, ...string[]][] = [
      ['set', 'other', 'b'],
      ['get', 'other'],
      ['keys', '*'],
      ['flushall'],
      ['config', 'get', 'requirepass'],
      ['acl', 'list'],
      ['shutdown'],
      ['replicaof', 'no', 'one'],
      ['publish', '__sentinel__:hello', 'x'],
    ];
    for (const [command, ...args] of refused) {
      const answer = await client.call(command, ...args).catch((error: Error) => error.message);
      expect(answer, command).to.match(/NOPERM/);
    }
    const nobody = new Redis({ host: address, port: servers[0]?.port ?? 0, tls: deployment.clientTls });
    nobody.on('error', () => {});
    expect(await nobody.get('hf:{a}').catch((error: Error) => error.message)).to.match(/NOAUTH/);
    nobody.disconnect();
  });

  it('answers its probes', () => {
    for (const server of [...servers, ...sentinels]) {
      for (const kind of ['ready', 'alive']) {
        expect(server.script('probe.sh', kind), server.name).to.deep.include({ status: 0 });
      }
    }
  });

  it('hands over before the primary is told to end', async () => {
    const before = await primary();
    await keep('hf:{before}', 'kept');
    await untilSentinelsKnowReplicas();
    expect(before?.script('step-down.sh').output).to.match(/: OK\n$/);
    await before?.started.stop('SIGTERM');
    expect(await keep('hf:{step}', 'up')).to.be.below(2000);
    expect(await handle.client.get('hf:{before}')).to.equal('kept');
    before?.start();
    await untilWhole();
    expect(await primary()).not.to.equal(before);
  });

  it('has another primary within seconds of a kill, and takes the killed one back as a replica', async () => {
    await keep('hf:{kill}', 'before');
    const killed = await primary();
    await killed?.kill();
    expect(killed?.script('probe.sh', 'alive').status).to.equal(1);
    expect(await keep('hf:{after}', 'kill')).to.be.below(9000);
    expect(await handle.client.get('hf:{kill}')).to.equal('before');
    killed?.start();
    await untilWhole();
    expect(await primary()).not.to.equal(killed);
  });

  it('gives the servers the roles that they had when all pods were away at once', async () => {
    // The first server is primary when nobody knows anything: that must not be why it is.
    if ((await primary()) === servers[0]) {
      await servers[0]?.kill();
      await keep('hf:{all}', 'other');
      servers[0]?.start();
      await untilWhole();
    }
    await keep('hf:{all}', 'kept');
    const before = await primary();
    expect(before).not.to.equal(servers[0]);
    await Promise.all([...servers, ...sentinels].map((server) => server.kill()));
    // The one that was primary comes last: nobody takes its place.
    for (const server of [...sentinels, ...servers.filter((one) => one !== before)]) server.start();
    before?.start();
    await untilWhole();
    expect(await primary()).to.equal(before);
    await handle.whenReady(5000);
    expect(await handle.client.get('hf:{all}')).to.equal('kept');
    await keep('hf:{all}', 'again');
  });
});
