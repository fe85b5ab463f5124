import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { Unavailable } from '../../src/errors.ts';
import { isOutage, isRedirect, toUnavailable } from '../../src/redis/outage.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

const writing = "return redis.call('SET', KEYS[1], 'x')";

describe('an outage of Redis', () => {
  let server: Topology;
  let client: Redis;

  beforeEach(async () => {
    server = await startStandalone({ extraArgs: ['--enable-protected-configs', 'yes'] });
    client = new Redis(server.url);
  });
  afterEach(async () => {
    client.disconnect();
    await server.stop();
  });

  async function failureOf(command: Promise<unknown>): Promise<Error> {
    const failure = await command.then(
      () => new Error('it succeeded'),
      (error: Error) => error,
    );
    return failure;
  }

  async function expectOutage(command: Promise<unknown>, word: RegExp): Promise<Unavailable> {
    const failure = await failureOf(command);
    expect(failure.message).to.match(word);
    const mapped = toUnavailable(failure);
    if (!(mapped instanceof Unavailable)) throw new Error(`taken for something else: ${failure.message}`);
    expect(mapped.cause).to.equal(failure);
    expect(isOutage(failure)).to.equal(true);
    return mapped;
  }

  it('is a server without memory, for a while', async () => {
    await client.config('SET', 'maxmemory', '1');
    expect((await expectOutage(client.set('a', 'x'), /^OOM/)).retryAfterSeconds).to.equal(5);
    await expectOutage(client.eval(writing, 1, 'a'), /^OOM/);
  });

  it('is a server that cannot write to its disk', async () => {
    const [, directory = ''] = (await client.config('GET', 'dir')) as string[];
    mkdirSync(join(directory, 'taken.rdb'));
    await client.config('SET', 'dbfilename', 'taken.rdb');
    await client.config('SET', 'save', '3600 1');
    await client.bgsave();
    while (!(await client.info('persistence')).includes('rdb_last_bgsave_status:err')) await pause(10);
    await expectOutage(client.set('a', 'x'), /^MISCONF/);
    await expectOutage(client.eval(writing, 1, 'a'), /^MISCONF/);
  });

  it('is a primary that was demoted before it was asked who holds the write', async () => {
    await client.call('REPLICAOF', '127.0.0.1', '1');
    expect((await expectOutage(client.call('WAIT', '1', '10'), /WAIT/)).retryAfterSeconds).to.equal(1);
  });

  it('is a primary that lacks the replicas it must have', async () => {
    await client.config('SET', 'min-replicas-to-write', '1');
    await expectOutage(client.set('a', 'x'), /^NOREPLICAS/);
    await expectOutage(client.eval(writing, 1, 'a'), /^NOREPLICAS/);
  });

  it('is a primary that was demoted', async () => {
    await client.replicaof('127.0.0.1', 1);
    expect((await expectOutage(client.set('a', 'x'), /^READONLY/)).retryAfterSeconds).to.equal(1);
    await expectOutage(client.eval(writing, 1, 'a'), /^READONLY/);
    await client.config('SET', 'replica-serve-stale-data', 'no');
    await expectOutage(client.get('a'), /^MASTERDOWN/);
  });

  it('is a server kept busy by a script', async () => {
    await client.config('SET', 'busy-reply-threshold', '20');
    const other = new Redis(server.url);
    await other.ping();
    const script = failureOf(other.eval('while true do end', 0));
    await pause(60);
    await expectOutage(client.get('a'), /^BUSY/);
    await client.script('KILL');
    expect((await script).message).to.include('killed');
    other.disconnect();
  });

  it('is a connection that cannot be made', async () => {
    const unreachable = new Redis({ port: 1, retryStrategy: () => null, lazyConnect: true });
    let failure: unknown;
    unreachable.on('error', (error) => {
      failure = error;
    });
    await failureOf(unreachable.connect());
    expect(failure).to.be.an('error').with.property('code', 'ECONNREFUSED');
    expect(isOutage(failure)).to.equal(true);
  });

  it('is not a fault of the command', async () => {
    await client.set('text', 'x');
    for (const [command, word] of [
      [client.hget('text', 'field'), /^WRONGTYPE/],
      [client.evalsha('0'.repeat(40), 0), /^NOSCRIPT/],
      [client.eval('return redis.error_reply("ERR no")', 0), /^ERR/],
      [client.call('NOSUCHCOMMAND'), /^ERR unknown/],
    ] as const) {
      const failure = await failureOf(command);
      expect(failure.message).to.match(word);
      expect(toUnavailable(failure)).to.equal(failure);
      expect(isOutage(failure)).to.equal(false);
    }
  });

  it('stays what it is when it is mapped again, as does what is no error', () => {
    const outage = new Unavailable('away');
    expect(toUnavailable(outage)).to.equal(outage);
    for (const other of [undefined, 'Connection is closed.', new TypeError('x is not a function')]) {
      expect(toUnavailable(other)).to.equal(other);
    }
  });

  it('tells what was refused by the wrong node of a Cluster, and so was not carried out', () => {
    expect(isRedirect(new Error('MOVED 1234 127.0.0.1:7000'))).to.equal(true);
    expect(isRedirect(new Error('ASK 1234 127.0.0.1:7000'))).to.equal(true);
    expect(isRedirect(new Error('TRYAGAIN Multiple keys request during rehashing of slot'))).to.equal(true);
    expect(isRedirect(new Error('Command timed out'))).to.equal(false);
  });
});
