import type { Store } from '../redis/redis.ts';
import { readClient, type StoredClient } from './client-record.ts';
import type { ClientStore } from './client-store.ts';
import { normalise, shorten, wordsOf } from './client-words.ts';
import { pageDown } from './sorted-page.ts';

/** Lists of clients: all of them, the latest first, or those that a text is the beginning of. */
export type ClientQuery = { text?: string; cursor?: string; count?: number };
export type ClientPage = { found: StoredClient[]; cursor: string | undefined };

const usualCount = 50;
const mostCount = 200;
/** Entries that lead nowhere are few; a page that would meet more of them stays short. */
const mostReads = 5;

export function createClientSearch(store: Store, clients: ClientStore) {
  const { keys } = store;
  const { words } = clients;

  async function readAll(ids: string[]): Promise<(StoredClient | undefined)[]> {
    return Promise.all(ids.map(async (id) => readClient(await store.read(keys.client(id)))));
  }

  async function byTime(cursor: string | undefined, count: number): Promise<ClientPage> {
    const page = await pageDown(store, keys.clientList(), { cursor, count });
    const read = await readAll(page.found.map(({ member }) => member));
    const found = read.flatMap((client, at) =>
      client ? [{ ...client, createdAt: client.createdAt || (page.found[at]?.score ?? 0) }] : [],
    );
    return { found, cursor: page.cursor };
  }

  async function byText(prefix: string, cursor: string | undefined, count: number): Promise<ClientPage> {
    await listed();
    let after = cursor === undefined ? undefined : Buffer.from(cursor, 'base64url').toString('utf8');
    const found: StoredClient[] = [];
    for (let reads = 0; reads < mostReads; reads++) {
      const wanted = count - found.length;
      const hits = await words.find(prefix, after, wanted);
      const read = await readAll(hits.map(({ clientId }) => clientId));
      for (const [at, hit] of hits.entries()) {
        const client = read[at];
        // A client that several of its words lead to is shown by the first of them.
        const first = client && wordsOf(client.metadata).find((text) => text.startsWith(prefix));
        if (client && client.wordsVersion === hit.version && first === hit.text) found.push(client);
      }
      after = hits.at(-1)?.member ?? after;
      if (hits.length < wanted) return { found, cursor: undefined };
      if (found.length === count) break;
    }
    return { found, cursor: Buffer.from(after ?? '').toString('base64url') };
  }

  let listing: Promise<void> | undefined;
  /** Clients that an earlier release made have no words yet. Once for each pod, and quick where there are none. */
  function listed(): Promise<void> {
    listing ??= listOlder().catch((error) => {
      listing = undefined;
      throw error;
    });
    return listing;
  }

  async function listOlder(): Promise<void> {
    let cursor: string | undefined;
    do {
      const page = await byTime(cursor, mostCount);
      for (const { metadata, wordsVersion, createdAt } of page.found) {
        if (wordsVersion > 0) continue;
        await clients.change(metadata.client_id, undefined, (client) =>
          client.wordsVersion === 0 ? { ...client, createdAt } : undefined,
        );
      }
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  return {
    list({ text = '', cursor, count = usualCount }: ClientQuery): Promise<ClientPage> {
      const prefix = shorten(normalise(text));
      const bounded = Math.min(Math.max(Math.trunc(count) || usualCount, 1), mostCount);
      return prefix === '' ? byTime(cursor, bounded) : byText(prefix, cursor, bounded);
    },

    /** Whether it would be found by this text; for those that are not in Redis. */
    fits(text: string | undefined, metadata: { client_id: string; client_name?: unknown }): boolean {
      const prefix = shorten(normalise(text ?? ''));
      return wordsOf(metadata).some((word) => word.startsWith(prefix));
    },
  };
}
