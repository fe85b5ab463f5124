import { Cluster } from 'ioredis';
import { toUnavailable } from './outage.ts';
import type { Store } from './redis.ts';

/** What the data takes, in bytes: on a Cluster of all primaries together. @throws Unavailable */
export async function usedMemory({ handle }: Pick<Store, 'handle'>): Promise<number> {
  const { client } = handle;
  const nodes = client instanceof Cluster ? client.nodes('master') : [client];
  try {
    const infos = await Promise.all(nodes.map((node) => node.info('memory')));
    return infos.reduce((sum, info) => sum + Number(/^used_memory:(\d+)/m.exec(info)?.[1] ?? 0), 0);
  } catch (error) {
    throw toUnavailable(error);
  }
}
