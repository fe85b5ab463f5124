/**
 * Every primary by itself, for who goes through all keys: one server, or each primary of a Cluster. Reads alone.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Cluster, type Redis } from 'ioredis';
import { sendBytes } from './bytes.ts';
import { toUnavailable } from './outage.ts';
import type { Store } from './redis.ts';

/** `items` undefined: it is of another type, or has more fields than were asked for. */
export type ReadKey = { type: string; expiresAt: number; items: Buffer[] | undefined };

export type Primary = {
  /** host:port, or the path of a socket. */
  address: string;
  /** Of the process: another one after a restart or a failover. A SCAN goes on in the same process alone. */
  runId: string;
  /** Values as bytes. @throws Unavailable */
  read(name: string, ...args: (string | Buffer | number)[]): Promise<unknown>;
  /**
   * Groups of keys, each group of one slot and read at one moment; see scripts/keys-read.lua.
   * @param mostFields of a hash that is read as a whole. @throws Unavailable
   */
  readGroups(groups: string[][], mostFields: number): Promise<ReadKey[][]>;
};

/**
 * The primaries as they are now.
 * @returns shape the same for as long as each key is where it was, in the same processes
 * @throws Unavailable
 */
export async function listPrimaries(store: Store): Promise<{ primaries: Primary[]; shape: string }> {
  const { client } = store.handle;
  const servers = client instanceof Cluster ? client.nodes('master') : [client];
  const primaries = await Promise.all(servers.map(describe));
  primaries.sort((a, b) => (a.address < b.address ? -1 : 1));
  const hash = createHash('sha256').update(primaries.map(({ runId }) => runId).join());
  if (client instanceof Cluster) hash.update(client.slots.map((owners) => owners?.[0] ?? '').join());
  return { primaries, shape: hash.digest('base64url').slice(0, 22) };
}

async function describe(server: Redis): Promise<Primary> {
  const { host, port, path } = server.options;
  const info = await guarded(() => server.info('server'));
  return {
    address: path ?? `${host}:${port}`,
    runId: /^run_id:(\w+)/m.exec(info)?.[1] ?? '',
    read: (name, ...args) => guarded(() => sendBytes(server, name, args)),
    async readGroups(groups, mostFields) {
      for (;;) {
        const pipeline = server.pipeline();
        for (const keys of groups) pipeline.callBuffer('EVALSHA', digest, keys.length, ...keys, mostFields);
        const results = (await guarded(() => pipeline.exec())) ?? [];
        const failed = results.find(([error]) => error)?.[0];
        if (!failed) return results.map(([, flat]) => toKeys(flat as Flat));
        if (!failed.message.startsWith('NOSCRIPT')) throw toUnavailable(failed);
        await guarded(() => server.script('LOAD', script));
      }
    },
  };
}

const script = readFileSync(new URL('./scripts/keys-read.lua', import.meta.url), 'utf8');
const digest = createHash('sha1').update(script).digest('hex');

type Flat = (Buffer | number | Buffer[] | null)[];

function toKeys(flat: Flat): ReadKey[] {
  return Array.from({ length: flat.length / 3 }, (_, i) => ({
    type: String(flat[i * 3]),
    expiresAt: Math.max(Number(flat[i * 3 + 1]), 0),
    items: (flat[i * 3 + 2] as Buffer[] | null) ?? undefined,
  }));
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toUnavailable(error);
  }
}
