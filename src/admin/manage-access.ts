import type { Access, Fault, Group, GroupDraft, Kept, Role, RoleDraft, Writing } from '../access/access.ts';
import type { Actor } from '../access/actor.ts';
import { groupFaults, idFaults, roleFaults } from '../access/faults.ts';
import type { EventKind } from '../events/events.ts';
import type { Act } from './acts.ts';
import { whileChanging } from './again.ts';
import { claimsAbove } from './claims-above.ts';
import { differenceOf } from './difference.ts';
import type { Hierarchy } from './hierarchy.ts';
import {
  changed,
  done,
  notFound,
  type Outcome,
  type Page,
  pageFrom,
  type Refused,
  refused,
  unfit,
  type WriteOptions,
} from './outcome.ts';

export type Managed<T, D> = {
  list(): Promise<T[]>;
  /** By id. @param options.cursor of the page before */
  page(options: { cursor?: string | undefined; count: number }): Promise<Page<T>>;
  find(id: string): Promise<Outcome<T>>;
  create(actor: Actor, id: string, draft: Partial<D>, options?: WriteOptions): Promise<Outcome<T>>;
  update(actor: Actor, id: string, draft: Partial<D>, options?: WriteOptions): Promise<Outcome<T>>;
  remove(actor: Actor, id: string, options?: WriteOptions): Promise<Outcome<T>>;
};

export type ManageRoles = Managed<Role, RoleDraft>;
export type ManageGroups = Managed<Group, GroupDraft>;

type Thing = { id: string; name: string; version: number };

/** What is special about roles, or about groups. */
type Kind<T, D> = {
  word: 'role' | 'group';
  kept: Kept<T, D>;
  /** A draft with all its fields: those that are left out are empty, or as they were. */
  complete(draft: Partial<D>, id: string, before?: T): D;
  faults(draft: D): Fault[];
  isBuiltIn(thing: T): boolean;
  /** Whether the actor may do all that whoever has this may. @param had what it gave before */
  gives(actor: Actor, id: string, draft: D, had?: D): Promise<Refused | undefined>;
};

export function createManageRoles({ access, act, hierarchy }: Parts): ManageRoles {
  return manage<Role, RoleDraft>(act, {
    word: 'role',
    kept: access.roles,
    complete: (draft, id, before) => ({
      name: draft.name ?? before?.name ?? id,
      description: draft.description ?? before?.description ?? '',
      permissions: draft.permissions ?? before?.permissions ?? [],
      claims: draft.claims ?? before?.claims ?? {},
    }),
    faults: roleFaults,
    isBuiltIn: (role) => role.isBuiltIn,
    gives: async (actor, id, { permissions, claims }, had) =>
      hierarchy.overPermissions(actor, permissions, 'role') ??
      (await claimsAbove(access, actor, { kind: 'role', id }, claims, had?.claims)),
  });
}

export function createManageGroups({ access, act, hierarchy }: Parts): ManageGroups {
  return manage<Group, GroupDraft>(act, {
    word: 'group',
    kept: access.groups,
    complete: (draft, id, before) => ({
      name: draft.name ?? before?.name ?? id,
      description: draft.description ?? before?.description ?? '',
      roles: draft.roles ?? before?.roles ?? [],
      claims: draft.claims ?? before?.claims ?? {},
    }),
    faults: groupFaults,
    isBuiltIn: () => false,
    gives: async (actor, id, { roles, claims }, had) =>
      (await hierarchy.over(actor, { roles: had?.roles }, 'group')) ??
      (await hierarchy.giving(actor, { roles }, { roles: had?.roles })) ??
      (await claimsAbove(access, actor, { kind: 'group', id }, claims, had?.claims)),
  });
}

type Parts = { access: Access; act: Act; hierarchy: Hierarchy };

function manage<T extends Thing & D, D extends object>(act: Act, kind: Kind<T, D>): Managed<T, D> {
  const { word, kept, complete, faults, isBuiltIn, gives } = kind;
  const eventKind = (what: 'created' | 'updated' | 'deleted'): EventKind => `${word}.${what}`;
  const targetOf = ({ id, name }: Pick<Thing, 'id' | 'name'>) => ({ kind: word, id, name });

  function explain(writing: Exclude<Writing<T>, { ok: true }>): Refused {
    switch (writing.problem) {
      case 'not-found':
        return notFound(word);
      case 'changed':
        return changed(word);
      case 'taken':
        return refused('conflict', `This id is taken, or was once. Choose another id for the ${word}.`, [
          { path: 'id', message: 'This id is taken, or was once.' },
        ]);
      case 'built-in':
        return refused('conflict', `This ${word} is part of the product. Make one of your own instead.`);
      case 'too-many':
        return refused(
          'conflict',
          `There are too many ${word}s already, or they are too large. Remove some that nobody needs.`,
        );
      case 'invalid':
        return unfit(writing.faults);
    }
  }

  /** Reads the thing, and refuses what does not depend on the change that is wanted. */
  async function open(actor: Actor, id: string, version: number | undefined): Promise<Outcome<T>> {
    const before = await kept.find(id);
    if (!before) return notFound(word);
    if (isBuiltIn(before)) return explain({ ok: false, problem: 'built-in' });
    const refusal = await gives(actor, id, before, before);
    if (refusal) return refusal;
    return version !== undefined && version !== before.version ? changed(word) : done(before);
  }

  return {
    list: () => kept.list(),
    page: async (options) => pageFrom(await kept.list(), ({ id }) => id, options),

    async find(id) {
      const thing = await kept.find(id);
      return thing ? done(thing) : notFound(word);
    },

    create(actor, id, given, { isDryRun } = {}) {
      const draft = complete(given, id);
      const target = { kind: word, id };
      return act<T>(actor, { kind: eventKind('created'), target, isDryRun }, async (note) => {
        const wrong = [...idFaults(id), ...faults(draft)];
        if (wrong.length > 0) return unfit(wrong);
        const refusal = await gives(actor, id, draft);
        if (refusal) return refusal;
        if (isDryRun) {
          if (await kept.find(id)) return explain({ ok: false, problem: 'taken' });
          return done(asItWouldBe<T, D>(id, draft));
        }
        const made = await kept.create(id, draft);
        if (!made.ok) return explain(made);
        note({ target: targetOf(made.value), ...differenceOf(undefined, made.value) });
        return done(made.value);
      });
    },

    update(actor, id, given, { version, isDryRun } = {}) {
      const target = { kind: word, id };
      return act<T>(actor, { kind: eventKind('updated'), target, isDryRun }, (note) =>
        whileChanging<T>(version, async () => {
          const opened = await open(actor, id, version);
          if (!opened.ok) return opened;
          const before = opened.value;
          note({ target: targetOf(before) });
          const draft = complete(given, id, before);
          const wrong = faults(draft);
          if (wrong.length > 0) return unfit(wrong);
          const refusal = await gives(actor, id, draft, before);
          if (refusal) return refusal;
          if (isDryRun) return done({ ...before, ...draft });
          const made = await kept.update(id, before.version, draft);
          if (!made.ok) return explain(made);
          note({ target: targetOf(made.value), ...differenceOf(before, made.value) });
          return done(made.value);
        }),
      );
    },

    remove(actor, id, { version, isDryRun } = {}) {
      const target = { kind: word, id };
      return act<T>(actor, { kind: eventKind('deleted'), target, isDryRun }, (note) =>
        whileChanging<T>(version, async () => {
          const opened = await open(actor, id, version);
          if (!opened.ok) return opened;
          note({ target: targetOf(opened.value) });
          if (isDryRun) return opened;
          const made = await kept.remove(id, opened.value.version);
          if (!made.ok) return explain(made);
          note({ before: differenceOf(made.value, undefined).before });
          return done(made.value);
        }),
      );
    },
  };
}

/** For a dry run: what a creation would give, but for its times. */
function asItWouldBe<T, D extends object>(id: string, draft: D): T {
  return { ...draft, id, isBuiltIn: false, version: 0, createdAt: 0, updatedAt: 0 } as T;
}
