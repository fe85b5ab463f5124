import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { Unavailable } from '../../src/errors.ts';
import { type ConnectOptions, connectRedis, type RedisHandle } from '../../src/redis/connect.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { captureLog } from '../support/captured-log.ts';
import { startLossyProxy } from '../support/lossy-proxy.ts';
import { findPorts } from '../support/redis-process.ts';
import { startStandalone, startTlsStandalone, type Topology } from '../support/redis-topologies.ts';

/** What a command came to, and after how many milliseconds. */
async function timed(command: Promise<unknown>): Promise<{ ms: number; value?: unknown; error?: unknown }> {
  const start = performance.now();
  return command.then(
    (value) => ({ ms: performance.now() - start, value }),
    (error) => ({ ms: performance.now() - start, error }),
  );
}

describe('connection to one Redis server', () => {
  let server: Topology;
  let handle: RedisHandle;
  let lines: ReturnType<typeof captureLog>['lines'];

  async function connect(options: Partial<ConnectOptions> = {}, url = server.url): Promise<void> {
    const captured = captureLog();
    lines = captured.lines;
    handle = connectRedis(parseRedisUrl(url), { log: captured.log, ...options });
  }
  function primary() {
    const [process] = server.processes;
    if (!process) throw new Error('no process');
    return process;
  }

  beforeEach(async () => {
    server = await startStandalone();
  });
  afterEach(async () => {
    await handle.close();
    await server.stop();
  });

  it('rejects commands at once while there was never a connection, and says why it waits', async () => {
    const [port] = await findPorts(1);
    await connect({}, `redis://:secret@127.0.0.1:${port}`);
    for (const command of [handle.client.get('a'), handle.client.eval('return 1', 0)]) {
      const { ms, error } = await timed(command);
      expect(error).to.be.an.instanceOf(Unavailable);
      expect(ms).to.be.below(100);
    }
    expect(handle.isReady()).to.equal(false);
    const { ms, error } = await timed(handle.whenReady(150));
    expect(ms).to.be.within(140, 400);
    expect(error).to.be.an.instanceOf(Unavailable);
    expect(String(error))
      .to.match(/did not answer within 150 ms: connect ECONNREFUSED/)
      .and.not.include('secret');
  });

  it('fails what was in flight when the server was killed, then all else at once, and works again after', async () => {
    await connect();
    await handle.whenReady(2000);
    await handle.client.set('kept', 'yes');
    // A blocked command keeps the others waiting in flight, as a slow server would.
    const inFlight = [
      timed(handle.client.blpop('nothing', 0)),
      ...Array.from({ length: 20 }, () => timed(handle.client.get('kept'))),
    ];
    await pause(20);
    await primary().kill('SIGKILL');
    for (const { ms, error } of await Promise.all(inFlight)) {
      expect(error).to.be.an.instanceOf(Unavailable);
      expect(ms).to.be.below(500);
    }
    for (let attempt = 0; attempt < 10; attempt += 1) {
      const { ms, error } = await timed(handle.client.get('kept'));
      expect(error).to.be.an.instanceOf(Unavailable);
      expect(ms).to.be.below(100);
      await pause(30);
    }
    await primary().start();
    await handle.whenReady(2000);
    expect(await handle.client.get('kept')).to.equal('yes');
  });

  it('fails commands to a frozen server within the command timeout, batched ones too, and recovers', async () => {
    await connect({ commandTimeoutMs: 300 });
    await handle.whenReady(2000);
    await primary().kill('SIGSTOP');
    const commands: Promise<{ ms: number; error?: unknown }>[] = [];
    for (let round = 0; round < 12; round += 1) {
      for (let n = 0; n < 5; n += 1) commands.push(timed(handle.client.incr(`n${n}`)));
      await pause(30);
    }
    for (const { ms, error } of await Promise.all(commands)) {
      expect(error).to.be.an.instanceOf(Unavailable);
      expect(ms).to.be.below(450);
    }
    await primary().kill('SIGCONT');
    await handle.whenReady(2000);
    expect(await handle.client.set('a', 'b')).to.equal('OK');
  });

  it('never sends a command again whose answer was lost', async () => {
    const proxy = await startLossyProxy(primary().port);
    const direct = new Redis(server.url);
    try {
      await connect({}, `redis://127.0.0.1:${proxy.port}`);
      const { client } = handle;
      client.defineCommand('count', { numberOfKeys: 1, lua: "return redis.call('INCR', KEYS[1])" });
      const count = (client as unknown as { count(key: string): Promise<number> }).count.bind(client);
      const ways: Record<string, () => Promise<unknown>> = {
        command: () => client.incr('command'),
        script: () => count('script'),
        pipeline: async () => {
          for (const [error] of (await client.pipeline().incr('pipeline').exec()) ?? [])
            if (error) throw error;
        },
        batch: () => Promise.all([client.incr('batch'), client.incr('batch:2'), count('batch:3')]),
      };
      for (const [key, send] of Object.entries(ways)) {
        await handle.whenReady(2000);
        proxy.loseNextReply();
        const { ms, error } = await timed(send());
        expect(error, key).to.be.an.instanceOf(Unavailable);
        expect(ms, key).to.be.below(500);
        // Once something new was answered, anything sent again would have been carried out before it.
        await handle.whenReady(2000);
        await client.ping();
        expect(await direct.get(key), key).to.equal('1');
      }
      expect(await direct.mget('batch:2', 'batch:3')).to.deep.equal(['1', '1']);
    } finally {
      direct.disconnect();
      await handle.close();
      await proxy.stop();
    }
  });

  it('connects anew when the server was demoted, and works once it is a primary again', async () => {
    const admin = new Redis(server.url);
    await connect();
    await handle.whenReady(2000);
    const before = await handle.client.client('ID');
    await admin.replicaof('127.0.0.1', 1);
    const { error } = await timed(handle.client.set('a', 'b'));
    expect(error).to.be.an.instanceOf(Unavailable).with.property('message').that.includes('READONLY');
    await admin.replicaof('NO', 'ONE');
    admin.disconnect();
    await once(handle.client, 'ready');
    expect(await handle.client.set('a', 'b')).to.equal('OK');
    expect(await handle.client.client('ID')).not.to.equal(before);
  });

  it('sends nothing to a server that is still loading its data', async () => {
    await server.stop();
    server = await startStandalone({
      appendOnly: false,
      extraArgs: ['--key-load-delay', '1500', '--loading-process-events-interval-bytes', '1024'],
    });
    await connect();
    await handle.whenReady(2000);
    await handle.client.eval("for i = 1, 500 do redis.call('SET', i, string.rep('x', 1000)) end", 0);
    await handle.client.save();
    await primary().kill('SIGKILL');
    const started = primary().start();
    const raw = new Redis(server.url, { enableReadyCheck: false, retryStrategy: () => 20 });
    raw.on('error', () => {});
    const direct = await timed(raw.get('1'));
    raw.disconnect();
    expect(String(direct.error)).to.include('LOADING');
    const { ms, error } = await timed(handle.client.get('1'));
    expect(error).to.be.an.instanceOf(Unavailable);
    expect(ms).to.be.below(100);
    await started;
    await handle.whenReady(2000);
    expect(await handle.client.strlen('500')).to.equal(1000);
  });

  it('leaves faults of a command as they are', async () => {
    await connect();
    await handle.whenReady(2000);
    await handle.client.set('text', 'x');
    const { error } = await timed(handle.client.hget('text', 'field'));
    expect(error).not.to.be.an.instanceOf(Unavailable);
    expect(String(error)).to.include('WRONGTYPE');
  });

  it('batches what is sent at one moment, scripts too, also when the server has forgotten them', async () => {
    await connect();
    await handle.whenReady(2000);
    const { client } = handle;
    client.defineCommand('echoed', { numberOfKeys: 1, lua: 'return ARGV[1]' });
    const echoed = (client as unknown as { echoed(key: string, text: string): Promise<string> }).echoed.bind(
      client,
    );
    for (let round = 0; round < 3; round += 1) {
      const texts = Array.from({ length: 50 }, (_, n) => `${round}:${n}`);
      const answers = Promise.all(texts.map((text) => echoed('key', text)));
      const [own] = client.autoPipelineQueueSize === 50 ? [await answers] : [];
      expect(own).to.deep.equal(texts);
      await client.script('FLUSH');
    }
  });

  it('tells of each change once, in its log and to its listeners', async () => {
    await connect({}, server.url.replace('redis://', 'redis://:secret@'));
    const changes: string[] = [];
    handle.onChange((state) => changes.push(state));
    await handle.whenReady(2000);
    await primary().kill('SIGKILL');
    // Long enough for several attempts to connect.
    await pause(1500);
    await primary().start();
    await handle.whenReady(2000);
    expect(changes).to.deep.equal(['up', 'down', 'up']);
    expect(lines.map(({ level, msg }) => [level, msg])).to.deep.equal([
      [30, 'Redis answers'],
      [40, 'Redis does not answer; trying again until it does'],
      [30, 'Redis answers'],
    ]);
    expect(JSON.stringify(lines)).not.to.include('secret');
  });

  it('keeps trying with a wrong password, and says that this is the reason', async () => {
    const admin = new Redis(server.url);
    await admin.acl('SETUSER', 'holdfast', 'on', '>right', '~*', '+@all');
    await connect({}, server.url.replace('redis://', 'redis://holdfast:wrong@'));
    const { error } = await timed(handle.whenReady(300));
    expect(String(error)).to.include('WRONGPASS');
    expect(lines).to.have.length(1);
    expect(lines[0]).to.have.property('reason').that.includes('WRONGPASS');
    await admin.acl('SETUSER', 'holdfast', '>wrong');
    admin.disconnect();
    await handle.whenReady(2000);
    expect(await handle.client.ping()).to.equal('PONG');
  });

  it('closes after what is in flight, and stays closed', async () => {
    await connect();
    await handle.whenReady(2000);
    const written = handle.client.set('a', 'b');
    await handle.close();
    expect(await written).to.equal('OK');
    const { error } = await timed(handle.client.get('a'));
    expect(error).to.be.an.instanceOf(Unavailable);
    expect(handle.isReady()).to.equal(false);
  });

  it('closes within the command timeout when the server is frozen', async () => {
    await connect({ commandTimeoutMs: 200 });
    await handle.whenReady(2000);
    await primary().kill('SIGSTOP');
    const { ms } = await timed(handle.close());
    expect(ms).to.be.below(400);
  });
});

describe('connection to a Redis with TLS and an ACL user', () => {
  let server: Awaited<ReturnType<typeof startTlsStandalone>>;
  let handle: RedisHandle;

  const connect = (url: string) => {
    handle = connectRedis(parseRedisUrl(url), { log: captureLog().log });
  };

  before(async () => {
    server = await startTlsStandalone({ clientCertificate: true });
  });
  after(() => server.stop());
  afterEach(() => handle.close());

  it('works without KEYS, FLUSHALL and CONFIG, with a client certificate', async () => {
    connect(server.url);
    await handle.whenReady(2000);
    expect(await handle.client.set('{a}1', 'x')).to.equal('OK');
    expect(await handle.client.eval("return redis.call('GET', KEYS[1])", 1, '{a}1')).to.equal('x');
    for (const command of [
      handle.client.keys('*'),
      handle.client.flushall(),
      handle.client.config('GET', '*'),
    ]) {
      expect(String((await timed(command)).error)).to.include('NOPERM');
    }
  });

  it('works with the name that the certificate carries', async () => {
    connect(`${server.url}&servername=redis.test`);
    await handle.whenReady(2000);
    expect(await handle.client.ping()).to.equal('PONG');
  });

  const without = (option: string) => {
    const url = new URL(server.url);
    url.searchParams.delete(option);
    return url;
  };

  it('does not trust a certificate of an unknown authority', async () => {
    connect(String(without('ca')));
    const { error } = await timed(handle.whenReady(300));
    expect(String(error)).to.match(/certificate/);
  });

  it('does not trust a certificate for another name', async () => {
    connect(`${server.url}&servername=other.test`);
    const { error } = await timed(handle.whenReady(300));
    expect(String(error)).to.match(/does not match certificate/);
  });

  it('is refused without the client certificate', async () => {
    const url = without('cert');
    url.searchParams.delete('key');
    connect(String(url));
    expect((await timed(handle.whenReady(300))).error).to.be.an.instanceOf(Unavailable);
  });

  it('says at once which certificate file is missing', () => {
    expect(() => connect(`${server.url.split('?')[0]}?ca=/nowhere/ca.pem`)).to.throw('/nowhere/ca.pem');
  });
});
