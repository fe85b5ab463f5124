import type { KeyRing } from '../redis/key-ring.ts';

/** Where a page ended: at an entry of one range of the index, or in the list of all accounts. */
export type Cursor = { range: string; entry: string } | { id: string; createdAt: number };

const purpose = 'directory-cursor';

/**
 * Cursors are sealed, since they carry a piece of the index into addresses, and for one query: any other text, and
 * a cursor of another query, counts as none.
 */
export function createCursors(ring: KeyRing) {
  const recordOf = (query: readonly (string | undefined)[]) =>
    JSON.stringify(query.map((one) => one ?? null));
  return {
    seal: (query: readonly (string | undefined)[], cursor: Cursor) =>
      ring.seal(purpose, recordOf(query), JSON.stringify(cursor)),
    open(query: readonly (string | undefined)[], cursor: string | undefined): Cursor | undefined {
      if (cursor === undefined || cursor === '') return undefined;
      try {
        return JSON.parse(ring.open(purpose, recordOf(query), cursor)) as Cursor;
      } catch {
        return undefined;
      }
    },
  };
}
