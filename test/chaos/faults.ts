import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { RedisProcess, Topology } from '../support/redis-topologies.ts';
import { clockOff, type KillPoint, type Pods, preloadFor } from './pods.ts';
import type { Random } from './random.ts';

export type TopologyName = 'standalone' | 'sentinel' | 'cluster';
type Scene = { redis: Topology; pods: Pods; random: Random; until: AbortSignal };

export type Fault = {
  /** Whether nothing but pods suffers: then not even a half-done sign-in may be lost. */
  isStrict: boolean;
  topologies: TopologyName[];
  /** Whether no request may fail at all, not even once. */
  losesNothing?: boolean;
  preload?(index: number): string | undefined;
  /** Every other pod runs the version before this one. */
  mixesVersions?: boolean;
  /** Goes on until `until`, and leaves everything healed. */
  run(scene: Scene): Promise<void>;
};

const everywhere: TopologyName[] = ['standalone', 'sentinel', 'cluster'];
const killProbability = 0.03;

const killPoint = (point: KillPoint): Fault => ({
  isStrict: true,
  topologies: everywhere,
  // One pod is left alone, so that there is always one that answers.
  preload: (index) => (index === 0 ? undefined : preloadFor(point, killProbability)),
  run: ({ until }) => rest(until, 1e9),
});

export const faults: { [name: string]: Fault } = {
  kill: {
    isStrict: true,
    topologies: everywhere,
    async run({ pods, random, until }) {
      while (!until.aborted) {
        await rest(until, 200 + random.below(800));
        await pods.end(random.below(pods.count), 'SIGKILL');
      }
    },
  },
  'kill-before-commit': killPoint('before-commit'),
  'kill-after-commit': killPoint('after-commit'),
  'kill-before-answer': killPoint('before-answer'),
  'kill-points': {
    isStrict: true,
    topologies: everywhere,
    preload(index) {
      const point = (['before-commit', 'after-commit', 'before-answer'] as const)[index - 1];
      return point && preloadFor(point, killProbability);
    },
    run: ({ until }) => rest(until, 1e9),
  },
  rolling: {
    isStrict: true,
    topologies: everywhere,
    losesNothing: true,
    async run({ pods, until }) {
      for (let index = 0; !until.aborted; index = (index + 1) % pods.count) {
        await pods.end(index, 'SIGTERM');
        await pods.allUp();
        await rest(until, 300);
      }
    },
  },
  'primary-kill': {
    isStrict: false,
    topologies: everywhere,
    async run({ redis, random, until }) {
      while (!until.aborted) {
        await rest(until, 3000 + random.below(2000));
        if (until.aborted) return;
        const primary = random.pick(await primaries(redis));
        await primary.kill('SIGKILL');
        await pause(redis.processes.length === 1 ? 300 : 5000);
        await primary.start();
        await rest(until, 4000);
      }
    },
  },
  'primary-freeze': {
    isStrict: false,
    topologies: everywhere,
    async run({ redis, random, until }) {
      while (!until.aborted) {
        await rest(until, 2000 + random.below(2000));
        if (until.aborted) return;
        const primary = random.pick(await primaries(redis));
        await primary.kill('SIGSTOP');
        await pause(4000);
        await primary.kill('SIGCONT');
        await rest(until, 3000);
      }
    },
  },
  'redis-slow': {
    isStrict: true,
    topologies: ['standalone'],
    async run({ redis, random, until }) {
      const [server] = redis.processes;
      while (!until.aborted && server) {
        await server.kill('SIGSTOP');
        await pause(100 + random.below(200));
        await server.kill('SIGCONT');
        await rest(until, 100 + random.below(300));
      }
    },
  },
  'replica-lost': {
    isStrict: false,
    topologies: ['sentinel', 'cluster'],
    async run({ redis, until }) {
      const leading = new Set(await primaries(redis));
      const replicas = redis.processes.filter((one) => one.role !== 'sentinel' && !leading.has(one));
      while (!until.aborted) {
        await rest(until, 2000);
        for (const replica of replicas) await replica.kill('SIGSTOP');
        await pause(2500);
        for (const replica of replicas) await replica.kill('SIGCONT');
      }
    },
  },
  'redis-away': {
    isStrict: false,
    topologies: ['standalone'],
    async run({ redis, until }) {
      while (!until.aborted) {
        await rest(until, 4000);
        for (const server of redis.processes) await server.kill('SIGKILL');
        await pause(3000);
        for (const server of redis.processes) await server.start();
      }
    },
  },
  'two-versions': {
    isStrict: true,
    topologies: everywhere,
    mixesVersions: true,
    async run({ pods, random, until }) {
      while (!until.aborted) {
        await rest(until, 1500 + random.below(1500));
        await pods.end(random.below(pods.count), 'SIGTERM');
      }
    },
  },
  'clock-off': {
    isStrict: true,
    topologies: everywhere,
    preload: (index) => (index === 1 ? clockOff(5000) : index === 2 ? clockOff(-5000) : undefined),
    run: ({ until }) => rest(until, 1e9),
  },
};

async function rest(until: AbortSignal, ms: number): Promise<void> {
  await pause(Math.min(ms, 2_000_000_000), undefined, { signal: until }).catch(() => {});
}

/** The processes that lead now, whatever they were started as. */
async function primaries(redis: Topology): Promise<RedisProcess[]> {
  const servers = redis.processes.filter(({ role }) => role !== 'sentinel');
  const leads = await Promise.all(
    servers.map(async ({ port }) => {
      const client = new Redis({
        port,
        host: '127.0.0.1',
        lazyConnect: true,
        maxRetriesPerRequest: 0,
        commandTimeout: 500,
      });
      client.on('error', () => {});
      try {
        await client.connect();
        return (await client.info('replication')).includes('role:master');
      } catch {
        return false;
      } finally {
        client.disconnect();
      }
    }),
  );
  return servers.filter((_, index) => leads[index]);
}
