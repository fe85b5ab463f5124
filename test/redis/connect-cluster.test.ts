import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { type Cluster, Redis } from 'ioredis';
import { Unavailable } from '../../src/errors.ts';
import { connectRedis, isRedirect, type RedisHandle } from '../../src/redis/connect.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { captureLog } from '../support/captured-log.ts';
import { findPorts } from '../support/redis-process.ts';
import { startCluster, type Topology } from '../support/redis-topologies.ts';

const commandTimeoutMs = 500;

describe('connection to a Redis Cluster', function () {
  this.timeout(60_000);
  let cluster: Topology;
  let handle: RedisHandle;
  let client: Cluster;
  let lines: ReturnType<typeof captureLog>['lines'];
  let nodes: Redis[];
  let stopLoad: (() => Promise<void>) | undefined;

  before(async () => {
    cluster = await startCluster({ primaries: 3, replicasPerPrimary: 1, nodeTimeoutMs: 1000 });
    nodes = cluster.processes.map(({ port }) => {
      const node = new Redis({ port, retryStrategy: () => 50, maxRetriesPerRequest: null });
      node.on('error', () => {});
      return node;
    });
  });
  after(async () => {
    for (const node of nodes) node.disconnect();
    await cluster.stop();
  });
  beforeEach(async () => {
    const captured = captureLog();
    lines = captured.lines;
    handle = connectRedis(parseRedisUrl(cluster.url), { log: captured.log, commandTimeoutMs });
    client = handle.client as Cluster;
    await handle.whenReady(5000);
  });
  afterEach(async () => {
    await stopLoad?.();
    await handle.close();
  });

  /** One INCR per fresh key, 16 at a time, until stopped; then what came of them. */
  function startLoad(increment: (key: string) => Promise<unknown>) {
    const start = performance.now();
    const sent: { key: string; ms: number; error?: unknown }[] = [];
    let isOn = true;
    const workers = Array.from({ length: 16 }, async (_, worker) => {
      for (let n = 0; isOn; n += 1) {
        const key = `{${worker}:${n}}:${start}`;
        const at = performance.now();
        const result = await increment(key).then(
          () => ({}),
          (error) => ({ error }),
        );
        sent.push({ key, ms: performance.now() - at, ...result });
        await pause(2);
      }
    });
    stopLoad = async () => {
      isOn = false;
      await Promise.all(workers);
    };
    return {
      async stop() {
        await stopLoad?.();
        const counts = await Promise.all(sent.map(({ key }) => client.get(key).then(Number)));
        return sent.map((each, n) => ({ ...each, count: counts[n] ?? 0 }));
      },
    };
  }

  /** Until 200 keys over all slots can be written one after the other. */
  async function servesEverywhere(): Promise<void> {
    const tooLate = AbortSignal.timeout(20_000);
    for (let n = 0; n < 200; n += 1) {
      const error = await client.set(`{${n}}`, 'x').then(
        () => undefined,
        (error: unknown) => error,
      );
      if (!error) continue;
      if (tooLate.aborted) throw error;
      n = -1;
      await pause(20);
    }
  }

  async function moveSlot(slot: number): Promise<void> {
    const owners = cluster.processes.map(({ port }) => `127.0.0.1:${port}`);
    const ids = await Promise.all(nodes.map(async (node) => String(await node.call('CLUSTER', 'MYID'))));
    const source = owners.indexOf(client.slots[slot]?.[0] ?? '');
    const target = [0, 1, 2].find((number) => number !== source) ?? 0;
    const [from, to] = [nodes[source], nodes[target]];
    if (!from || !to) throw new Error('no owner');
    await to.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[source] ?? '');
    await from.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[target] ?? '');
    for (;;) {
      const keys = (await from.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
      if (keys.length === 0) break;
      await from.call('MIGRATE', '127.0.0.1', String(to.options.port), '', 0, 5000, 'KEYS', ...keys);
    }
    for (const node of [to, from]) await node.call('CLUSTER', 'SETSLOT', slot, 'NODE', ids[target] ?? '');
  }

  it('rejects commands and pipelines at once while there was never a connection', async () => {
    const [port] = await findPorts(1);
    const away = connectRedis(parseRedisUrl(`redis+cluster://127.0.0.1:${port}`), { log: captureLog().log });
    try {
      const start = performance.now();
      for (const command of [away.client.get('a'), away.client.pipeline().get('a').exec()]) {
        expect(await command.catch((error: unknown) => error)).to.be.an.instanceOf(Unavailable);
      }
      expect(performance.now() - start).to.be.below(100);
      expect(await away.whenReady(200).catch(String)).to.match(/did not answer within 200 ms: .+/);
    } finally {
      await away.close();
    }
  });

  it('serves every slot from the first moment, with commands, scripts and pipelines', async () => {
    const keys = Array.from({ length: 300 }, (_, n) => `{first:${n}}`);
    expect(await Promise.all(keys.map((key) => client.set(key, key)))).to.deep.equal(keys.map(() => 'OK'));
    const script = "return redis.call('GET', KEYS[1])";
    expect(await Promise.all(keys.map((key) => client.eval(script, 1, key)))).to.deep.equal(keys);
    const pipelines = keys.map((key) => client.pipeline().get(key).del(key).exec());
    for (const [n, results] of (await Promise.all(pipelines)).entries()) {
      expect(results).to.deep.equal([
        [null, keys[n]],
        [null, 1],
      ]);
    }
  });

  it('follows moving slots without a fault, and carries every command out once', async () => {
    client.defineCommand('count', { numberOfKeys: 1, lua: "return redis.call('INCR', KEYS[1])" });
    const count = (client as unknown as { count(key: string): Promise<number> }).count.bind(client);
    // Every key of the load in one of five slots, which then move about.
    const names = ['a', 'b', 'c', 'd', 'e'];
    let n = 0;
    const load = startLoad((key) => {
      n += 1;
      const moving = `{${names[n % names.length]}}${key.replaceAll(/[{}]/g, '')}`;
      return (n % 2 ? client.incr(moving) : count(moving)).then((value) => {
        if (value !== 1) throw new Error(`${moving} was counted ${value} times`);
      });
    });
    for (const name of names) await moveSlot(Number(await nodes[0]?.call('CLUSTER', 'KEYSLOT', name)));
    await pause(100);
    const results = await load.stop();
    expect(results.length).to.be.above(100);
    expect(results.filter(({ error }) => error).map(({ error }) => String(error))).to.deep.equal([]);
  });

  it('learns of one moved slot without mistaking the others', async () => {
    const slot = Number(await nodes[0]?.call('CLUSTER', 'KEYSLOT', 'told'));
    const known = client.slots.map(([owner]) => owner);
    await moveSlot(slot);
    await client.set('{told}', 'x');
    const changed = client.slots.flatMap(([owner], each) => (owner === known[each] ? [] : [each]));
    expect(changed).to.deep.equal([slot]);
  });

  it('shows redirections inside a pipeline, which works when it is sent again', async () => {
    const slot = Number(await nodes[0]?.call('CLUSTER', 'KEYSLOT', 'moved'));
    const known = client.slots[slot] ?? [];
    await moveSlot(slot);
    // Whatever it may have heard since.
    client.slots[slot] = known;
    const send = async () => (await client.pipeline().incr('{moved}').ping().exec()) ?? [];
    const [refused] = await send();
    expect(isRedirect(refused?.[0])).to.equal(true);
    await pause(100);
    expect(await send()).to.deep.equal([
      [null, 1],
      [null, 'PONG'],
    ]);
  });

  it('never sends a command again whose answer was lost', async () => {
    const sends: Record<string, () => Promise<unknown>> = {
      '{lost}command': () => client.incr('{lost}command'),
      '{lost}pipeline': async () => (await client.pipeline().incr('{lost}pipeline').exec())?.[0]?.[0],
    };
    const slot = Number(await nodes[0]?.call('CLUSTER', 'KEYSLOT', 'lost'));
    const hasOwner = ({ options }: Redis) => `${options.host}:${options.port}` === client.slots[slot]?.[0];
    for (const [key, send] of Object.entries(sends)) {
      await handle.whenReady(2000);
      const node = client.nodes('master').find(hasOwner);
      const admin = nodes.find(({ options }) => options.port === node?.options.port);
      if (!node || !admin) throw new Error('no owner');
      const id = await node.client('ID');
      // The server carries the next command out and says nothing.
      const isSilenced = node.call('CLIENT', 'REPLY', 'SKIP').catch(() => true);
      const sent = send().catch((error: unknown) => error);
      while ((await admin.get(key)) === null) await pause(5);
      await admin.client('KILL', 'ID', id);
      expect(await sent, key).to.be.an.instanceOf(Unavailable);
      expect(await isSilenced).to.equal(true);
      await pause(300);
      expect(await admin.get(key), key).to.equal('1');
    }
  });

  it('rides over a frozen primary: the others serve on, its replica takes over, nothing is done twice', async () => {
    const frozen = cluster.processes.find(({ name }) => name === 'primary-1');
    if (!frozen) throw new Error('no primary');
    const elsewhere: string[] = [];
    for (let n = 0; n < 30; n += 1) {
      const slot = Number(await nodes[1]?.call('CLUSTER', 'KEYSLOT', `key:${n}`));
      if (client.slots[slot]?.[0] !== `127.0.0.1:${frozen.port}`) elsewhere.push(`key:${n}`);
    }
    const load = startLoad((key) => client.incr(key));
    await pause(100);
    const start = performance.now();
    await frozen.kill('SIGSTOP');
    for (const key of elsewhere) expect(await client.set(key, 'x')).to.equal('OK');
    expect(elsewhere.length).to.be.above(10);
    expect(performance.now() - start).to.be.below(commandTimeoutMs);
    await pause(commandTimeoutMs);
    await servesEverywhere();
    const gap = performance.now() - start;
    await frozen.kill('SIGCONT');
    await pause(500);
    const results = await load.stop();

    expect(gap).to.be.below(8000);
    expect(results.filter(({ error }) => error)).not.to.have.length(0);
    for (const { error, ms, count } of results) {
      if (error) expect(error).to.be.an.instanceOf(Unavailable);
      expect(ms).to.be.below(commandTimeoutMs + 200);
      expect(count).to.be.at.most(1);
    }
  });

  it('works again after all nodes were gone, and has logged it once', async () => {
    const changes: string[] = [];
    handle.onChange((state) => changes.push(state));
    await Promise.all(cluster.processes.map((process) => process.kill('SIGKILL')));
    while (handle.isReady()) await pause(10);
    // Longer than a node is tried for, so that the nodes of the URL are asked again.
    await pause(4000);
    const start = performance.now();
    expect(await client.get('a').catch((error: unknown) => error)).to.be.an.instanceOf(Unavailable);
    expect(performance.now() - start).to.be.below(100);
    await Promise.all(cluster.processes.map((process) => process.start()));
    await handle.whenReady(10_000);
    await servesEverywhere();
    expect(changes).to.deep.equal(['down', 'up']);
    expect(lines.filter(({ msg }) => msg.startsWith('Redis'))).to.have.length(3);
    expect(lines.length).to.be.below(25);
  });
});
