import { Unavailable } from '../errors.ts';
import type { Definition, Definitions, DefinitionWriting } from '../redis/definitions.ts';
import type { Fault, Kept, Writing } from './access.ts';
import { idFaults, isFitId, missingRole } from './faults.ts';

/** What is special about one kind. */
export type Kind<T, D> = {
  definitions: Definitions;
  /** Those that are part of the product. */
  builtIn: ReadonlyMap<string, T>;
  toThing(definition: Definition): T;
  /** What is kept of a draft, and nothing else that the object may carry. */
  toDraft(source: D): D;
  faults(draft: D): Fault[];
  /** Ids of the roles that a draft refers to and that may be gone: not the built-in ones. */
  needs(draft: Partial<D>): readonly string[];
  /** Leaves out what a thing refers to that is not there any more. */
  mend(things: T[]): Promise<T[]>;
  /** Lets this pod go by a change that it has just made. */
  refresh(): Promise<unknown>;
};

/** So often an update without a version is tried again when others change the same thing. */
const mostTries = 100;

export function createKept<T extends { id: string; version: number } & D, D>(kind: Kind<T, D>): Kept<T, D> {
  const { definitions, builtIn } = kind;

  async function find(id: string): Promise<T | undefined> {
    const own = builtIn.get(id);
    if (own || !isFitId(id)) return own;
    const [thing] = await kind.mend((await definitions.findSome([id])).map(kind.toThing));
    return thing;
  }

  async function told(writing: DefinitionWriting): Promise<Writing<T>> {
    if (!writing.ok) {
      return writing.problem === 'missing'
        ? { ok: false, problem: 'invalid', faults: [missingRole(writing.id)] }
        : { ok: false, problem: writing.problem };
    }
    // It is done; when it cannot be read again now, it is within the second that every pod has.
    await kind.refresh().catch((error: unknown) => {
      if (!(error instanceof Unavailable)) throw error;
    });
    return { ok: true, value: kind.toThing(writing.definition) };
  }

  async function updateOnce(id: string, version: number | undefined, draft: Partial<D>): Promise<Writing<T>> {
    const before = await find(id);
    if (!before) return { ok: false, problem: 'not-found' };
    if (version !== undefined && version !== before.version) return { ok: false, problem: 'changed' };
    const given = Object.entries(draft).filter(([, value]) => value !== undefined);
    const wanted = kind.toDraft({ ...before, ...Object.fromEntries(given) });
    const faults = kind.faults(wanted);
    if (faults.length > 0) return { ok: false, problem: 'invalid', faults };
    return told(await definitions.update(id, before.version, wanted, kind.needs(draft)));
  }

  return {
    async list() {
      const kept = (await definitions.list()).map(kind.toThing);
      const all = new Map([...kept, ...builtIn.values()].map((thing) => [thing.id, thing]));
      return kind.mend([...all.values()].sort((a, b) => (a.id < b.id ? -1 : 1)));
    },
    find,
    async create(id, source) {
      const draft = kind.toDraft(source);
      const faults = [...idFaults(id), ...kind.faults(draft)];
      if (faults.length > 0) return { ok: false, problem: 'invalid', faults };
      if (builtIn.has(id)) return { ok: false, problem: 'taken' };
      return told(await definitions.create(id, draft, kind.needs(draft)));
    },
    async update(id, version, draft) {
      if (builtIn.has(id)) return { ok: false, problem: 'built-in' };
      for (let tries = 1; ; tries++) {
        const outcome = await updateOnce(id, version, draft);
        const isOvertaken = !outcome.ok && outcome.problem === 'changed';
        if (!isOvertaken || version !== undefined || tries === mostTries) return outcome;
      }
    },
    async remove(id, version) {
      if (builtIn.has(id)) return { ok: false, problem: 'built-in' };
      return told(await definitions.remove(id, version));
    },
  };
}
