import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { connectRedis, type RedisHandle } from '../../src/redis/connect.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { checkRedis } from '../../src/redis/start-up-check.ts';
import { captureLog } from '../support/captured-log.ts';
import { findPorts } from '../support/redis-process.ts';
import { type DeployedServer, type Deployment, deployRedis, planOf } from './deployed-redis.ts';

const overlayName = 'production-cluster';

describe('a Redis Cluster as deployed', () => {
  let deployment: Deployment;
  let ports: number[];
  let nodes: DeployedServer[];
  let handle: RedisHandle;

  before(async () => {
    deployment = await deployRedis(['holdfast', 'replication', 'cluster']);
    ports = await findPorts(6);
    nodes = ports.map((_, number) => node(number, '127.0.0.2'));
  });
  after(async () => {
    await handle?.close();
    await deployment?.stop();
  });

  /** @param address where its pod is this time */
  function node(number: number, address: string, directory = `redis-cluster-${number}`): DeployedServer {
    const port = ports[number] ?? 0;
    return deployment.server({
      ...planOf(overlayName, 'redis-cluster'),
      ...{ name: directory, address, port },
      places: [...places(address), ['tls-port 6379', `tls-port ${port}`]],
      // A pod has one address, and none of the others.
      settings: [`bind ${address} 127.0.0.1`],
    });
  }
  const places = (address: string) =>
    ports.map((port, number): [string, string] => [
      `redis-cluster-${number}.redis-cluster:6379`,
      `${address}:${port}`,
    ]);

  /** The Job, in the files of the first node. */
  function startJob(address: string): ChildProcess {
    const { container } = planOf(overlayName, 'redis-cluster-join');
    const environment = Object.fromEntries(
      (container.env ?? []).map(({ name, value = '' }) => [name, value]),
    );
    const here = places(address).reduce((so, [from, to]) => so.replace(from, to), environment.NODES ?? '');
    const script = `${deployment.directory}/redis-cluster-0/etc/join.sh`;
    return spawn('sh', [script], {
      env: { PATH: process.env.PATH, ...environment, NODES: here },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
  }
  async function runJob(address: string): Promise<string> {
    const job = startJob(address);
    let printed = '';
    for (const stream of [job.stdout, job.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        printed += chunk;
      });
    }
    const [code] = await once(job, 'close');
    expect(code, printed).to.equal(0);
    return printed;
  }
  /** Who follows whom and has which slots: by id, without what changes all the time. */
  async function shape(number = 0): Promise<string[]> {
    const text = await ask(number, (client) => client.call('cluster', 'nodes') as Promise<string>);
    return text
      .trim()
      .split('\n')
      .map((line) => {
        const [id, , flags = '', primary, , , , , ...slots] = line.split(' ');
        return [id, flags.replace('myself,', ''), primary, ...slots].join(' ');
      })
      .sort();
  }
  async function ask<T>(number: number, question: (client: Redis) => Promise<T>): Promise<T> {
    const client = new Redis({
      ...{ host: '127.0.0.1', port: ports[number] ?? 0, username: 'cluster' },
      ...{ password: deployment.password('cluster'), tls: deployment.clientTls },
      ...{ maxRetriesPerRequest: 0, retryStrategy: () => null, lazyConnect: true },
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
  async function untilWhole(): Promise<void> {
    for (const number of ports.keys()) {
      for (;;) {
        const well = await ask(number, async (client) => {
          const state = String(await client.call('cluster', 'info'));
          const list = String(await client.call('cluster', 'nodes'));
          return state.includes('cluster_state:ok') && !/fail|disconnected|handshake/.test(list);
        }).catch(() => false);
        if (well) break;
        await pause(100);
      }
    }
  }

  it('is joined by a Job, also by one that follows others that were killed', async () => {
    for (const one of nodes) await one.started.prints('Ready to accept connections');
    // Somewhere among its steps, each time later; the next run goes on from wherever that was.
    for (const ms of [200, 400, 800, 1200]) {
      const killed = startJob('127.0.0.2');
      const ended = once(killed, 'exit');
      await Promise.race([ended, pause(ms)]);
      if (killed.pid && killed.exitCode === null) process.kill(-killed.pid, 'SIGKILL');
      await ended;
    }
    await runJob('127.0.0.2');
    await untilWhole();
    const lines = await shape();
    const primaries = lines.filter((line) => / master - \d+-\d+$/.test(line));
    expect(primaries).to.have.length(3);
    for (const primary of primaries) {
      const id = primary.split(' ')[0];
      expect(lines.filter((line) => line.endsWith(` slave ${id}`))).to.have.length(1);
    }
  });

  it('is as it was after the Job has run again', async () => {
    const before = await shape();
    await runJob('127.0.0.2');
    expect(await shape()).to.deep.equal(before);
  });

  it('passes the check at start, and gives the provider its own keys and no power', async () => {
    handle = connect('127.0.0.2');
    await handle.whenReady(5000);
    const allow = { eviction: false, noAppendOnly: false };
    expect(await checkRedis(handle.client, allow)).to.deep.equal({ ok: true, warnings: [] });
    for (let number = 0; number < 50; number += 1) await handle.client.set(`hf:{${number}}`, 'a');
    for (const [command, ...args] of [
      ['set', 'other', 'b'],
      ['keys', '*'],
      ['flushall'],
      ['cluster', 'reset'],
      ['config', 'get', '*'],
    ] as [string, ...string[]][]) {
      const answer = await handle.client.call(command, ...args).catch((error: Error) => error.message);
      expect(answer, command).to.match(/NOPERM/);
    }
    expect(nodes[0]?.script('probe.sh', 'ready')).to.deep.include({ status: 0 });
  });

  it('lets a replica take over from a killed primary, and the Job leaves it so', async () => {
    await nodes[0]?.kill();
    const begun = performance.now();
    for (let number = 0; number < 50; ) {
      number += await handle.client.set(`hf:{${number}}`, 'b').then(
        () => 1,
        () => pause(20, 0),
      );
    }
    expect(performance.now() - begun).to.be.below(10_000);
    nodes[0]?.start();
    await untilWhole();
    const before = await shape();
    await runJob('127.0.0.2');
    expect(await shape()).to.deep.equal(before);
  });

  it('finds itself again when all pods come back with other addresses', async () => {
    await handle.close();
    const ids = (lines: string[]) => lines.map((line) => line.split(' ')[0]);
    const before = await shape();
    await Promise.all(nodes.map((one) => one.kill()));
    nodes = ports.map((_, number) => node(number, '127.0.0.3'));
    await untilWhole();
    expect(ids(await shape())).to.deep.equal(ids(before));
    handle = connect('127.0.0.3');
    await handle.whenReady(5000);
    for (let number = 0; number < 50; number += 1) {
      expect(await handle.client.get(`hf:{${number}}`)).to.equal('b');
    }
  });

  function connect(address: string): RedisHandle {
    const hosts = ports.map((port) => `${address}:${port}`).join(',');
    const login = `holdfast:${deployment.password('holdfast')}`;
    const url = `rediss+cluster://${login}@${hosts}?ca=${deployment.caFile}&servername=localhost`;
    return connectRedis(parseRedisUrl(url), { log: captureLog().log });
  }
});
