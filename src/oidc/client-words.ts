import { Change } from '../redis/change.ts';
import type { Store } from '../redis/redis.ts';

/**
 * Finding clients by the beginning of their name, of a word in it, or of their client_id: a sorted set of
 * `<text> NUL <client_id> NUL <version>`, in the order of its bytes.
 *
 * Entries are written before the client that they lead to and removed after it. They name the version that they were
 * written for, so that of two changes at once neither removes what the other has written; one that leads nowhere is
 * passed over by whoever meets it.
 */
const mostWords = 20;
const longestText = 64;
const separator = '\0';

/** What a client is found by. The first of them that fits is the one that counts. */
export function wordsOf(client: { client_id: string; client_name?: unknown }): string[] {
  const name = typeof client.client_name === 'string' ? normalise(client.client_name) : '';
  const words = name.split(' ').filter(Boolean).slice(0, mostWords);
  // From each word to the end, so that "harbour no" finds Old Harbour Notes.
  const texts = words.map((_, at) => words.slice(at).join(' '));
  return [...new Set([...texts, normalise(client.client_id)].map(shorten))].sort();
}

/** As names are compared: in any case, width and spacing. */
export function normalise(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim();
}

/** No longer than what is kept of a name. */
export function shorten(text: string): string {
  return Array.from(text).slice(0, longestText).join('');
}

export type WordHit = { member: string; text: string; clientId: string; version: number };

export function createClientWords(store: Store) {
  const key = store.keys.clientWords();
  const membersOf = (client: { client_id: string }, version: number) =>
    wordsOf(client).map((text) => [text, client.client_id, version].join(separator));

  return {
    async add(client: { client_id: string }, version: number): Promise<void> {
      await store.call('ZADD', key, ...membersOf(client, version).flatMap((member) => [0, member]));
    },

    /** Best effort: what stays leads nowhere. */
    async drop(client: { client_id: string }, version: number): Promise<void> {
      await store.commit(new Change().unlist(key, membersOf(client, version)));
    },

    /** @param after the member where the page before ended */
    async find(prefix: string, after: string | undefined, count: number): Promise<WordHit[]> {
      const from = after?.startsWith(prefix) ? `(${after}` : `[${prefix}`;
      const found = await store.call(
        'ZRANGE',
        key,
        from,
        // Greater than all that begins so: no text has a character beyond this one.
        `[${prefix}\u{10ffff}`,
        'BYLEX',
        'LIMIT',
        0,
        count,
      );
      return (found as string[]).map((member) => {
        const [text = '', clientId = '', version] = member.split(separator);
        return { member, text, clientId, version: Number(version) };
      });
    },
  };
}

export type ClientWords = ReturnType<typeof createClientWords>;
