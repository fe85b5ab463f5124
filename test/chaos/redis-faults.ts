import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { RedisProcess, Topology } from '../support/redis-topologies.ts';
import { everywhere, type Fault, rest, type Scene } from './fault.ts';

/** What a Redis goes through. Each leaves all processes running. */
export const redisFaults: { [name: string]: Fault } = {
  'primary-kill': {
    sparesRedis: false,
    topologies: everywhere,
    syncsEachWrite: ['standalone'],
    async run(scene) {
      const { redis, random, until } = scene;
      while (!until.aborted) {
        await rest(until, 2500 + random.below(2000));
        if (until.aborted) return;
        const primary = random.pick(await primaries(redis));
        await kill(scene, primary);
        await pause(redis.processes.length === 1 ? 300 : 5000);
        await start(scene, primary);
        await rest(until, redis.processes.length === 1 ? 0 : 3500);
      }
    },
  },
  'primary-freeze': {
    sparesRedis: false,
    topologies: everywhere,
    async run(scene) {
      const { redis, random, until } = scene;
      while (!until.aborted) {
        await rest(until, 2000 + random.below(2000));
        if (until.aborted) return;
        await freeze(scene, [random.pick(await primaries(redis))], 4000);
        await rest(until, 3000);
      }
    },
  },
  'redis-slow': {
    sparesRedis: true,
    topologies: everywhere,
    async run(scene) {
      const { redis, random, until } = scene;
      while (!until.aborted) {
        await freeze(scene, [random.pick(servers(redis))], 100 + random.below(250));
        await rest(until, 50 + random.below(200));
      }
    },
  },
  'replica-lost': {
    sparesRedis: false,
    topologies: ['sentinel', 'cluster'],
    async run(scene) {
      const { redis, until } = scene;
      while (!until.aborted) {
        await rest(until, 2000);
        if (until.aborted) return;
        const leading = new Set(await primaries(redis));
        await freeze(
          scene,
          servers(redis).filter((one) => !leading.has(one)),
          2500,
        );
      }
    },
  },
  /** The replicas are cut off for a while, then the primary dies: one that lacks the last writes takes over. */
  'stale-replica': {
    sparesRedis: false,
    topologies: ['sentinel', 'cluster'],
    async run(scene) {
      const { redis, random, until } = scene;
      while (!until.aborted) {
        await rest(until, 1500 + random.below(1000));
        if (until.aborted) return;
        const leading = await primaries(redis);
        const primary = random.pick(leading);
        const replicas = servers(redis).filter((one) => !leading.includes(one));
        for (const { pid } of replicas) process.kill(pid, 'SIGSTOP');
        // What was sent already waits for them; from here on nothing more is.
        await ask(primary, (client) => client.call('CLIENT', 'KILL', 'TYPE', 'replica')).catch(() => {});
        await pause(900);
        await kill(scene, primary);
        for (const { pid } of replicas) process.kill(pid, 'SIGCONT');
        await pause(5000);
        await start(scene, primary);
        await rest(until, 4000);
      }
    },
  },
  'redis-away': {
    sparesRedis: false,
    topologies: everywhere,
    syncsEachWrite: everywhere,
    async run(scene) {
      const { redis, random, until } = scene;
      while (!until.aborted) {
        await rest(until, 3000 + random.below(2000));
        if (until.aborted) return;
        // The Sentinels first, so that none of them takes the half-way state for a failover.
        await Promise.all(sentinels(redis).map((one) => kill(scene, one)));
        await Promise.all(servers(redis).map((one) => kill(scene, one)));
        await pause(2500);
        await Promise.all(servers(redis).map((one) => start(scene, one)));
        await Promise.all(sentinels(redis).map((one) => one.start()));
        await rest(until, redis.processes.length === 1 ? 0 : 5000);
      }
    },
  },
};

/** Makes the servers sync each write to disk before it is answered; until they are started again. */
export async function syncEachWrite(processes: RedisProcess[]): Promise<void> {
  await Promise.all(
    processes.map((one) => ask(one, (client) => client.config('SET', 'appendfsync', 'always'))),
  );
}

export function servers(redis: Topology): RedisProcess[] {
  return redis.processes.filter(({ role }) => role !== 'sentinel');
}

function sentinels(redis: Topology): RedisProcess[] {
  return redis.processes.filter(({ role }) => role === 'sentinel');
}

async function kill({ record }: Scene, server: RedisProcess): Promise<void> {
  record.kills += 1;
  await server.kill('SIGKILL');
}

async function start({ syncsEachWrite }: Scene, server: RedisProcess): Promise<void> {
  await server.start();
  if (syncsEachWrite) await syncEachWrite([server]);
}

async function freeze({ record }: Scene, frozen: RedisProcess[], ms: number): Promise<void> {
  record.kills += frozen.length;
  for (const { pid } of frozen) process.kill(pid, 'SIGSTOP');
  await pause(ms);
  for (const { pid } of frozen) process.kill(pid, 'SIGCONT');
}

/** The processes that lead now, whatever they were started as. */
async function primaries(redis: Topology): Promise<RedisProcess[]> {
  const all = servers(redis);
  const leads = await Promise.all(
    all.map((one) =>
      ask(one, async (client) => (await client.info('replication')).includes('role:master')).catch(
        () => false,
      ),
    ),
  );
  return all.filter((_, index) => leads[index]);
}

async function ask<T>({ port }: RedisProcess, question: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis({
    port,
    host: '127.0.0.1',
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    commandTimeout: 1000,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return await question(client);
  } finally {
    client.disconnect();
  }
}
