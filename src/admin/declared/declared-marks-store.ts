import type { Store } from '../../redis/redis.ts';
import type { DeclaredKind } from './declaration.ts';

/**
 * Which things were made from a file, and under which name. A mark is written after the thing, so that nothing is ever
 * taken away that somebody else has made: a pod that is killed between leaves a thing that stays.
 *
 * One hash: "<kind> <id>" → JSON of the mark.
 */
export type Mark = {
  managedBy: string;
  /** Of the thing: with another one it is not what was made then. 0 for a setting. */
  createdAt: number;
};

/** Of a setting `id` is its name. */
export type MarkedThing = { kind: DeclaredKind; id: string; mark: Mark };

export type DeclaredMarks = {
  list(): Promise<MarkedThing[]>;
  set(kind: DeclaredKind, id: string, mark: Mark): Promise<void>;
  remove(kind: DeclaredKind, id: string): Promise<void>;
};

export function createDeclaredMarks(store: Store): DeclaredMarks {
  const key = store.keys.declared();
  return {
    async list() {
      const fields = (await store.read(key)) ?? {};
      return Object.entries(fields).map(([field, text]) => {
        const space = field.indexOf(' ');
        const kind = field.slice(0, space) as DeclaredKind;
        return { kind, id: field.slice(space + 1), mark: JSON.parse(text) as Mark };
      });
    },
    async set(kind, id, mark) {
      await store.call('HSET', key, `${kind} ${id}`, JSON.stringify(mark));
      await store.settle(key);
    },
    async remove(kind, id) {
      await store.call('HDEL', key, `${kind} ${id}`);
      await store.settle(key);
    },
  };
}
