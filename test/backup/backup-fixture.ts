import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Cluster, Redis } from 'ioredis';
import { keptAs } from '../../src/backup/what-is-kept.ts';
import { testKeys } from '../support/pods.ts';
import { type Started, startProcess } from '../support/processes.ts';

export const issuer = 'http://id.example';

export function makeDirectory(): { directory: string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-backup-'));
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** A command on a Redis, to be waited for or killed. */
export function command(redisUrl: string, args: string[], input = ''): Started {
  return startProcess(
    process.execPath,
    ['src/cli/holdfast.ts', ...args],
    {
      NODE_COMPILE_CACHE: fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url)),
      REDIS_URL: redisUrl,
      HOLDFAST_ISSUER: issuer,
      HOLDFAST_KEYS: testKeys,
      HOLDFAST_UNSAFE_ALLOW_HTTP: 'true',
      HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: 'true',
    },
    input,
  );
}

/** @returns what it printed. @throws unless it ended with this code */
export async function run(redisUrl: string, args: string[], code = 0, input = ''): Promise<string> {
  const started = command(redisUrl, args, input);
  const ended = await started.ended;
  if (ended !== code) throw new Error(`${args.join(' ')} ended with ${ended}:\n${started.output()}`);
  return started.output();
}

/** Name → content of all that a backup keeps, as it is in a Redis; for comparing two. */
export async function keptIn(redisUrl: string): Promise<Map<string, string>> {
  const cluster = /cluster:\/\/(.+)$/.exec(redisUrl)?.[1];
  const client = cluster
    ? new Cluster(cluster.split(',').map((one) => ({ host: '127.0.0.1', port: Number(one.split(':')[1]) })))
    : new Redis(redisUrl);
  try {
    if (client instanceof Cluster)
      await new Promise<void>((resolve) => client.once('ready', () => resolve()));
    const servers = client instanceof Cluster ? client.nodes('master') : [client];
    const keys = (await Promise.all(servers.map((server) => server.keys('*')))).flat();
    const found = new Map<string, string>();
    for (const key of keys) {
      const name = key.replace(/^hf:/, '');
      const kept = keptAs(name);
      if (kept !== undefined) found.set(name, await contentOf(client, key));
    }
    return found;
  } finally {
    client.disconnect();
  }
}

async function contentOf(client: Redis | Cluster, key: string): Promise<string> {
  const type = await client.type(key);
  const readers: Record<string, () => Promise<unknown>> = {
    hash: async () => Object.entries(await client.hgetall(key)).sort(),
    string: () => client.get(key),
    zset: () => client.zrange(key, '0', '-1', 'WITHSCORES'),
    set: async () => (await client.smembers(key)).sort(),
    list: () => client.lrange(key, 0, -1),
    stream: () => client.xrange(key, '-', '+'),
  };
  const expiresAt = Number(await client.call('PEXPIRETIME', key));
  return JSON.stringify([type, await readers[type]?.(), expiresAt]);
}
