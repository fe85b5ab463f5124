import type { KeyRing } from '../../redis/key-ring.ts';

/**
 * The cursors of lists, sealed for the list that they belong to: nobody can make one up, and one of another list, or
 * of other filters, is refused rather than taken for something.
 */
export type Cursors = {
  /** @param list its path and filters */
  seal(list: string, cursor: string): string;
  /** @returns undefined for one that is not of this list */
  open(list: string, sealed: string): string | undefined;
};

export function createCursors(ring: Pick<KeyRing, 'seal' | 'open'>): Cursors {
  return {
    seal: (list, cursor) => ring.seal('admin-cursor', list, cursor),
    open(list, sealed) {
      try {
        return ring.open('admin-cursor', list, sealed);
      } catch {
        return undefined;
      }
    },
  };
}
