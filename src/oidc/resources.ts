import type { Fault } from '../access/access.ts';
import type { Config } from '../config.ts';
import { Unavailable } from '../errors.ts';
import type { Log } from '../log.ts';
import { createDefinitions, type Definition, type DefinitionWriting } from '../redis/definitions.ts';
import type { Store } from '../redis/redis.ts';
import { watch } from '../redis/watched.ts';
import { adminResource } from './admin-resource.ts';
import { indicatorFaults, resourceFaults } from './resource-faults.ts';

/**
 * Resource servers (RFC 8707): APIs that clients ask tokens for, and their scopes. Those of HOLDFAST_RESOURCES are
 * there as well, and cannot be changed; so is the admin API itself.
 */
export type Resource = {
  /** An absolute URI without a fragment. */
  indicator: string;
  name: string;
  scopes: { name: string; description: string }[];
  /** undefined for the usual. */
  accessTokenSeconds: number | undefined;
  /** Of a JWT. */
  signingAlgorithm: 'RS256' | 'ES256' | 'EdDSA';
  format: 'jwt' | 'opaque';
  /** Puts the person's `roles` and `groups` into its tokens (RFC 9068 2.2.3.1). */
  hasRoles: boolean;
  origin: 'built-in' | 'environment' | 'settings';
  version: number;
  createdAt: number;
  updatedAt: number;
};

export type ResourceDraft = Omit<Resource, 'indicator' | 'origin' | 'version' | 'createdAt' | 'updatedAt'>;

export type ResourceWriting =
  | { ok: true; value: Resource; before?: Resource }
  | { ok: false; problem: 'not-found' | 'taken' | 'changed' | 'built-in' | 'too-many' }
  | { ok: false; problem: 'invalid'; faults: Fault[] };

export type Resources = {
  list(): Promise<Resource[]>;
  find(indicator: string): Promise<Resource | undefined>;
  /** From what this pod read last. */
  known(indicator: string): Resource | undefined;
  create(indicator: string, draft: ResourceDraft): Promise<ResourceWriting>;
  update(
    indicator: string,
    version: number | undefined,
    draft: Partial<ResourceDraft>,
  ): Promise<ResourceWriting>;
  remove(indicator: string, version: number | undefined): Promise<ResourceWriting>;
  close(): void;
};

const mostResources = 500;
/** Of all: every pod reads all of them again when one has changed. */
const mostBytes = 2 * 1024 * 1024;

/** So often an update without a version is tried again when others change the same thing. */
const mostTries = 100;

/** @throws Unavailable when the definitions cannot be read at first */
export async function createResources(parts: {
  config: Pick<Config, 'issuer' | 'resources'>;
  store: Store;
  log: Log;
}): Promise<Resources> {
  const { config, store } = parts;
  const { keys } = store;
  const all = keys.resourceDefinitions();
  const definitions = createDefinitions(
    store,
    { all, watched: keys.resources(), removed: keys.removedDefinitions(all), others: all },
    { most: mostResources, mostBytes, reusesIds: true },
  );
  const fixed = new Map(
    [adminResource(config.issuer), ...fromEnvironment(config.resources)].map((one) => [one.indicator, one]),
  );
  const withFixed = (found: Definition[]) =>
    new Map([...found.map(toResource), ...fixed.values()].map((one) => [one.indicator, one]));
  const read = async () => withFixed(await definitions.list());
  const watched = await watch(parts, keys.resources(), read);

  async function find(indicator: string): Promise<Resource | undefined> {
    const own = fixed.get(indicator);
    if (own) return own;
    const [found] = await definitions.findSome([indicator]);
    return found && toResource(found);
  }

  async function told(writing: DefinitionWriting, before?: Resource): Promise<ResourceWriting> {
    if (!writing.ok) {
      if (writing.problem === 'missing') throw new Error('an API refers to nothing');
      return { ok: false, problem: writing.problem };
    }
    // It is done; when it cannot be read again now, it is within the second that every pod has.
    await watched.refresh().catch((error: unknown) => {
      if (!(error instanceof Unavailable)) throw error;
    });
    return { ok: true, value: toResource(writing.definition), ...(before && { before }) };
  }

  async function updateOnce(
    indicator: string,
    version: number | undefined,
    draft: Partial<ResourceDraft>,
  ): Promise<ResourceWriting> {
    const before = await find(indicator);
    if (!before) return { ok: false, problem: 'not-found' };
    if (version !== undefined && version !== before.version) return { ok: false, problem: 'changed' };
    const wanted = toDraft({ ...before, ...draft });
    const faults = resourceFaults(wanted);
    if (faults.length > 0) return { ok: false, problem: 'invalid', faults };
    return told(await definitions.update(indicator, before.version, wanted), before);
  }

  return {
    async list() {
      return [...(await read()).values()].sort((a, b) => (a.indicator < b.indicator ? -1 : 1));
    },
    find,
    known: (indicator) => watched.current().get(indicator),
    async create(indicator, source) {
      if (fixed.has(indicator)) return { ok: false, problem: 'taken' };
      const draft = toDraft(source);
      const faults = [...indicatorFaults(indicator, config.issuer), ...resourceFaults(draft)];
      if (faults.length > 0) return { ok: false, problem: 'invalid', faults };
      return told(await definitions.create(indicator, draft));
    },
    async update(indicator, version, draft) {
      if (fixed.has(indicator)) return { ok: false, problem: 'built-in' };
      for (let tries = 1; ; tries++) {
        const outcome = await updateOnce(indicator, version, draft);
        const isOvertaken = !outcome.ok && outcome.problem === 'changed';
        if (!isOvertaken || version !== undefined || tries === mostTries) return outcome;
      }
    },
    async remove(indicator, version) {
      if (fixed.has(indicator)) return { ok: false, problem: 'built-in' };
      const outcome = await told(await definitions.remove(indicator, version));
      return outcome.ok ? { ...outcome, before: outcome.value } : outcome;
    },
    close: () => watched.close(),
  };
}

function toResource({ id, body, ...rest }: Definition): Resource {
  const { accessTokenSeconds, ...draft } = body as ResourceDraft;
  // JSON knows no undefined.
  return { ...draft, accessTokenSeconds, ...rest, indicator: id, origin: 'settings' };
}

function toDraft(source: ResourceDraft): ResourceDraft {
  return {
    name: source.name.normalize('NFC').trim(),
    scopes: source.scopes.map(({ name, description }) => ({
      name,
      description: description.normalize('NFC'),
    })),
    accessTokenSeconds: source.accessTokenSeconds,
    signingAlgorithm: source.signingAlgorithm,
    format: source.format,
    hasRoles: source.hasRoles,
  };
}

/** @param resources indicator → scopes, separated by spaces */
function fromEnvironment(resources: Record<string, string>): Resource[] {
  return Object.entries(resources).map(([indicator, scopes]) => ({
    indicator,
    name: indicator,
    scopes: scopes
      .split(' ')
      .filter(Boolean)
      .map((name) => ({ name, description: '' })),
    accessTokenSeconds: undefined,
    signingAlgorithm: 'ES256',
    format: 'jwt',
    hasRoles: false,
    origin: 'environment',
    version: 0,
    createdAt: 0,
    updatedAt: 0,
  }));
}
