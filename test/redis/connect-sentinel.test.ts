import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { Unavailable } from '../../src/errors.ts';
import { connectRedis, type RedisHandle } from '../../src/redis/connect.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { captureLog } from '../support/captured-log.ts';
import { type RedisProcess, startSentinel, type Topology } from '../support/redis-topologies.ts';

describe('connection to a primary behind Sentinels', () => {
  let sentinels: Topology;
  let handle: RedisHandle;

  function connect(commandTimeoutMs?: number, log = captureLog().log): void {
    handle = connectRedis(parseRedisUrl(sentinels.url), {
      log,
      ...(commandTimeoutMs && { commandTimeoutMs }),
    });
  }
  function process(name: string): RedisProcess {
    const found = sentinels.processes.find((each) => each.name === name);
    if (!found) throw new Error(`no process ${name}`);
    return found;
  }
  /** Writes until a write succeeds. @returns how long that took, and the failures until then */
  async function writeUntilDone(): Promise<{ ms: number; failures: unknown[] }> {
    const start = performance.now();
    const failures: unknown[] = [];
    for (;;) {
      try {
        await handle.client.set('a', 'b');
        return { ms: performance.now() - start, failures };
      } catch (error) {
        failures.push(error);
        await pause(20);
      }
    }
  }
  async function servingPort(): Promise<number> {
    return Number(/tcp_port:(\d+)/.exec(await (handle.client as Redis).info('server'))?.[1]);
  }

  beforeEach(async () => {
    sentinels = await startSentinel({ replicas: 2, sentinels: 3, downAfterMs: 500 });
  });
  afterEach(async () => {
    await handle.close();
    await sentinels.stop();
  });

  it('follows to the new primary after the old one was killed, with a Sentinel gone as well', async () => {
    await process('sentinel-1').kill('SIGKILL');
    const { log, lines } = captureLog();
    connect(undefined, log);
    await handle.whenReady(3000);
    expect(await servingPort()).to.equal(process('primary').port);
    await process('primary').kill('SIGKILL');
    const { ms, failures } = await writeUntilDone();
    expect(failures).not.to.have.length(0);
    for (const failure of failures) expect(failure).to.be.an.instanceOf(Unavailable);
    expect(ms).to.be.below(8000);
    expect(await servingPort()).not.to.equal(process('primary').port);
    expect(lines.filter(({ msg }) => msg.startsWith('Redis')).map(({ msg }) => msg)).to.deep.equal([
      'Redis answers',
      'Redis does not answer; trying again until it does',
      'Redis answers',
    ]);
  });

  it('leaves a frozen primary once another one is made, without waiting for the command timeout', async () => {
    connect(60_000);
    await handle.whenReady(3000);
    await process('primary').kill('SIGSTOP');
    const hanging = handle.client.get('a').catch((error: unknown) => error);
    expect(await hanging).to.be.an.instanceOf(Unavailable);
    const { ms } = await writeUntilDone();
    expect(ms).to.be.below(3000);
    expect(await servingPort()).not.to.equal(process('primary').port);
    await process('primary').kill('SIGCONT');
    expect(await handle.client.get('a')).to.equal('b');
  });

  it('gives up a frozen primary after the command timeout, and finds the new one', async () => {
    connect(300);
    await handle.whenReady(3000);
    await process('primary').kill('SIGSTOP');
    const { ms, failures } = await writeUntilDone();
    expect(failures).not.to.have.length(0);
    expect(ms).to.be.below(8000);
    expect(await servingPort()).not.to.equal(process('primary').port);
  });

  it('still comes back when it is told to reconnect while it waits for an answer of a Sentinel', async () => {
    connect(500);
    await handle.whenReady(3000);
    const watchers = ['sentinel-1', 'sentinel-2', 'sentinel-3'].map(process);
    for (const watcher of watchers) await watcher.kill('SIGSTOP');
    await process('primary').kill('SIGKILL');
    const client = handle.client as Redis;
    const becomes = async (status: string) => {
      while (client.status !== status) await pause(5);
    };
    await becomes('connecting');
    client.disconnect(true);
    await becomes('end');
    await process('primary').start();
    for (const watcher of watchers) await watcher.kill('SIGCONT');
    await handle.whenReady(8000);
    expect(await handle.client.set('a', 'b')).to.equal('OK');
  });
});
