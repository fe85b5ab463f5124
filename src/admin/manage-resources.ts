import type { Actor } from '../access/actor.ts';
import { indicatorFaults, resourceFaults } from '../oidc/resource-faults.ts';
import type { Resource, ResourceDraft, Resources, ResourceWriting } from '../oidc/resources.ts';
import type { Act } from './acts.ts';
import { whileChanging } from './again.ts';
import { differenceOf } from './difference.ts';
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

export type ManageResources = {
  list(): Promise<Resource[]>;
  /** By indicator. @param options.cursor of the page before */
  page(options: { cursor?: string | undefined; count: number }): Promise<Page<Resource>>;
  find(indicator: string): Promise<Outcome<Resource>>;
  create(
    actor: Actor,
    indicator: string,
    draft: Partial<ResourceDraft>,
    options?: WriteOptions,
  ): Promise<Outcome<Resource>>;
  update(
    actor: Actor,
    indicator: string,
    draft: Partial<ResourceDraft>,
    options?: WriteOptions,
  ): Promise<Outcome<Resource>>;
  remove(actor: Actor, indicator: string, options?: WriteOptions): Promise<Outcome<Resource>>;
};

export function createManageResources(parts: {
  resources: Resources;
  act: Act;
  issuer: string;
}): ManageResources {
  const { resources, act, issuer } = parts;
  const targetOf = (indicator: string, name?: string) =>
    ({ kind: 'resource', id: indicator, ...(name !== undefined && { name }) }) as const;

  async function open(indicator: string, version: number | undefined): Promise<Outcome<Resource>> {
    const before = await resources.find(indicator);
    if (!before) return notFound('API');
    if (before.origin !== 'settings') return explain({ ok: false, problem: 'built-in' });
    return version !== undefined && version !== before.version ? changed('API') : done(before);
  }

  return {
    list: () => resources.list(),
    page: async (options) => pageFrom(await resources.list(), ({ indicator }) => indicator, options),

    async find(indicator) {
      const resource = await resources.find(indicator);
      return resource ? done(resource) : notFound('API');
    },

    create(actor, indicator, given, { isDryRun } = {}) {
      const draft = complete(given, indicator);
      const target = targetOf(indicator, draft.name);
      return act<Resource>(actor, { kind: 'resource.created', target, isDryRun }, async (note) => {
        if (isDryRun) {
          const wrong = [...indicatorFaults(indicator, issuer), ...resourceFaults(draft)];
          if (wrong.length > 0) return unfit(wrong);
          if (await resources.find(indicator)) return explain({ ok: false, problem: 'taken' });
          return done(asItWouldBe(indicator, draft));
        }
        const made = await resources.create(indicator, draft);
        if (!made.ok) return explain(made);
        note(differenceOf(undefined, made.value));
        return done(made.value);
      });
    },

    update: (actor, indicator, given, { version, isDryRun } = {}) =>
      act<Resource>(actor, { kind: 'resource.updated', target: targetOf(indicator), isDryRun }, (note) =>
        whileChanging<Resource>(version, async () => {
          const opened = await open(indicator, version);
          if (!opened.ok) return opened;
          const before = opened.value;
          const draft = complete(given, indicator, before);
          note({ target: targetOf(indicator, draft.name) });
          const wrong = resourceFaults(draft);
          if (wrong.length > 0) return unfit(wrong);
          if (isDryRun) return done({ ...before, ...draft });
          const made = await resources.update(indicator, before.version, draft);
          if (!made.ok) return explain(made);
          note(differenceOf(before, made.value));
          return done(made.value);
        }),
      ),

    remove: (actor, indicator, { version, isDryRun } = {}) =>
      act<Resource>(actor, { kind: 'resource.deleted', target: targetOf(indicator), isDryRun }, (note) =>
        whileChanging<Resource>(version, async () => {
          const opened = await open(indicator, version);
          if (!opened.ok) return opened;
          note({ target: targetOf(indicator, opened.value.name) });
          if (isDryRun) return opened;
          const made = await resources.remove(indicator, opened.value.version);
          if (!made.ok) return explain(made);
          note({ before: differenceOf(made.value, undefined).before });
          return done(made.value);
        }),
      ),
  };
}

/** A draft with all its fields: those that are left out are the usual ones, or as they were. */
function complete(draft: Partial<ResourceDraft>, indicator: string, before?: Resource): ResourceDraft {
  return {
    name: draft.name ?? before?.name ?? indicator,
    scopes: draft.scopes ?? before?.scopes ?? [],
    // undefined is a value of its own here: the usual lifetime.
    accessTokenSeconds: 'accessTokenSeconds' in draft ? draft.accessTokenSeconds : before?.accessTokenSeconds,
    signingAlgorithm: draft.signingAlgorithm ?? before?.signingAlgorithm ?? 'ES256',
    format: draft.format ?? before?.format ?? 'jwt',
    hasRoles: draft.hasRoles ?? before?.hasRoles ?? false,
  };
}

function explain(writing: Exclude<ResourceWriting, { ok: true }>): Refused {
  switch (writing.problem) {
    case 'not-found':
      return notFound('API');
    case 'changed':
      return changed('API');
    case 'taken':
      return refused('conflict', 'There is an API with this address already.', [
        { path: 'indicator', message: 'There is an API with this address already.' },
      ]);
    case 'built-in':
      return refused(
        'conflict',
        'This API cannot be changed here: it is part of the product, or the setting HOLDFAST_RESOURCES names it.',
      );
    case 'too-many':
      return refused(
        'conflict',
        'There are too many APIs already, or they are too large. Remove some that nobody needs.',
      );
    case 'invalid':
      return unfit(writing.faults);
  }
}

/** For a dry run: what a creation would give, but for its times. */
function asItWouldBe(indicator: string, draft: ResourceDraft): Resource {
  return { ...draft, indicator, origin: 'settings', version: 0, createdAt: 0, updatedAt: 0 };
}
