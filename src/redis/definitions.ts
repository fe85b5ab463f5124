import type { Store } from './redis.ts';

/**
 * Things that administrators define and every pod goes by (roles, groups, APIs): few, each with a version, all of a
 * kind in one hash beside a small one that counts the changes, which is what pods watch (watched.ts).
 */
export type Definition = {
  id: string;
  /** Counts up with every change, from 1. */
  version: number;
  /** ms of Redis time. */
  createdAt: number;
  updatedAt: number;
  body: unknown;
};

export type DefinitionKeys = {
  all: string;
  watched: string;
  /** The ids that are not used again. */
  removed: string;
  /** Another kind, that these refer to; of their own kind when they refer to none. */
  others: string;
};

export type DefinitionWriting =
  | { ok: true; definition: Definition }
  | { ok: false; problem: 'not-found' | 'taken' | 'changed' | 'too-many' }
  /** It refers to something that is not there. */
  | { ok: false; problem: 'missing'; id: string };

export type Definitions = {
  list(): Promise<Definition[]>;
  /** Those that are there, in no order. */
  findSome(ids: readonly string[]): Promise<Definition[]>;
  /** @param needs ids of the other kind that must be there */
  create(id: string, body: unknown, needs?: readonly string[]): Promise<DefinitionWriting>;
  /** @param version that must still hold; undefined for whichever */
  update(
    id: string,
    version: number | undefined,
    body: unknown,
    needs?: readonly string[],
  ): Promise<DefinitionWriting>;
  remove(id: string, version: number | undefined): Promise<DefinitionWriting>;
};

/**
 * @param options.most that there may be of the kind, and options.mostBytes of all together; options.reusesIds whether a removed
 * one may be made anew
 */
export function createDefinitions(
  store: Store,
  keys: DefinitionKeys,
  options: { most: number; mostBytes: number; reusesIds?: boolean },
): Definitions {
  /** What was made of each text that was read last: of thousands, one has changed. */
  const known = new Map<string, { text: string; definition: Definition }>();

  function readAgain(id: string, text: string): Definition {
    const before = known.get(id);
    if (before?.text === text) return before.definition;
    const definition = read(id, text);
    known.set(id, { text, definition });
    return definition;
  }

  async function change(script: string, args: (string | number)[], id: string): Promise<DefinitionWriting> {
    const [result, detail = ''] = (await store.run(
      script,
      [keys.all, keys.watched, keys.removed, keys.others],
      args,
    )) as [string, string?];
    if (result === 'missing') return { ok: false, problem: 'missing', id: detail };
    if (result !== 'ok') return { ok: false, problem: result as 'not-found' };
    await store.settle(keys.all);
    return { ok: true, definition: read(id, detail) };
  }

  const write = (
    mode: 'create' | 'update',
    id: string,
    version: number | undefined,
    body: unknown,
    needs: readonly string[],
  ) =>
    change(
      'definition-write',
      [id, mode, version ?? '', JSON.stringify(body), options.most, options.mostBytes, ...needs],
      id,
    );

  return {
    async list() {
      const fields = (await store.read(keys.all)) ?? {};
      const all = Object.entries(fields).map(([id, text]) => readAgain(id, text));
      for (const id of known.keys()) if (fields[id] === undefined) known.delete(id);
      return all;
    },
    async findSome(ids) {
      if (ids.length === 0) return [];
      const unique = [...new Set(ids)];
      const texts = (await store.call('HMGET', keys.all, ...unique)) as (string | null)[];
      return unique.flatMap((id, index) => {
        const text = texts[index];
        return typeof text === 'string' ? [readAgain(id, text)] : [];
      });
    },
    create: (id, body, needs = []) => write('create', id, undefined, body, needs),
    update: (id, version, body, needs = []) => write('update', id, version, body, needs),
    remove: (id, version) => change('definition-remove', [id, version ?? '', options.reusesIds ? 1 : 0], id),
  };
}

function read(id: string, text: string): Definition {
  const [, version, createdAt, updatedAt, body = 'null'] = /^(\d+) (\d+) (\d+) (.*)$/s.exec(text) ?? [];
  return {
    id,
    version: Number(version),
    createdAt: Number(createdAt),
    updatedAt: Number(updatedAt),
    body: frozen(JSON.parse(body)),
  };
}

/** It is given out more than once. */
function frozen(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  for (const one of Object.values(value)) frozen(one);
  return Object.freeze(value);
}
