import type { Actor } from '../../access/actor.ts';
import type { ResourceDraft } from '../../oidc/resources.ts';
import type { SettingName } from '../../settings/settings.ts';
import type { Admin } from '../admin.ts';
import { isSame } from '../difference.ts';
import type { Managed } from '../manage-access.ts';
import { done, type Outcome, type WriteOptions } from '../outcome.ts';
import { clientKind } from './client-kind.ts';
import type { Declaration, DeclaredKind } from './declaration.ts';

/** A thing as a file could say it, field by field. */
export type Fields = Record<string, unknown>;

export type Found = {
  fields: Fields;
  version: number;
  createdAt: number;
  /** Part of the product, or decided by the environment: cannot be changed. */
  isFixed: boolean;
};

/** @property secret that was made up and is shown once */
export type Made = { createdAt: number; secret?: string | undefined };

/** How the things of one kind are read, and brought to what a declaration says of them. */
export type Kind = {
  /** Those that are declared. */
  ids: readonly string[];
  /** undefined for one that is not declared. */
  wanted(id: string): Fields | undefined;
  find(id: string): Promise<Found | undefined>;
  /** What is to be changed beside the fields, in words. */
  besides(id: string): Promise<string | undefined>;
  make(actor: Actor, id: string, options: WriteOptions): Promise<Outcome<Made>>;
  change(actor: Actor, id: string, found: Found, options: WriteOptions): Promise<Outcome<unknown>>;
  remove(actor: Actor, id: string, options: WriteOptions): Promise<Outcome<unknown>>;
};

export type Kinds = Record<DeclaredKind, Kind>;

export type ThingsOf = Pick<Admin, 'clients' | 'resources' | 'roles' | 'groups' | 'settings'>;

/** Of the settings, which are one thing. */
export const settingsId = 'settings';

/** @param droppedSettings that were declared once, and are not any more */
export function kindsOf(
  admin: ThingsOf,
  declaration: Declaration,
  droppedSettings: readonly string[],
): Kinds {
  return {
    resource: {
      ...base(declaration.resources, resourceFields),
      find: async (id) => {
        const found = await admin.resources.find(id);
        if (!found.ok) return undefined;
        const { version, createdAt, origin } = found.value;
        return { fields: resourceFields(found.value), version, createdAt, isFixed: origin !== 'settings' };
      },
      make: (actor, id, options) =>
        admin.resources.create(actor, id, declaration.resources.get(id) ?? {}, options),
      change: (actor, id, _found, options) =>
        admin.resources.update(actor, id, declaration.resources.get(id) ?? {}, options),
      remove: (actor, id, options) => admin.resources.remove(actor, id, options),
    },
    role: managedKind(admin.roles, declaration.roles, ({ name, description, permissions, claims }) => ({
      name,
      description,
      permissions: [...permissions].sort(),
      claims,
    })),
    group: managedKind(admin.groups, declaration.groups, ({ name, description, roles, claims }) => ({
      name,
      description,
      roles: [...roles].sort(),
      claims,
    })),
    setting: settingKind(admin, declaration, droppedSettings),
    client: clientKind(admin, declaration.clients),
  };
}

function base<D>(declared: ReadonlyMap<string, D>, toFields: (draft: D) => Fields) {
  return {
    ids: [...declared.keys()],
    wanted: (id: string) => {
      const draft = declared.get(id);
      return draft && toFields(draft);
    },
    besides: async () => undefined,
  };
}

function managedKind<D, T extends D & { version: number; createdAt: number; isBuiltIn?: boolean }>(
  managed: Managed<T, D>,
  declared: ReadonlyMap<string, D>,
  toFields: (draft: D) => Fields,
): Kind {
  return {
    ...base(declared, toFields),
    find: async (id) => {
      const found = await managed.find(id);
      if (!found.ok) return undefined;
      const { version, createdAt, isBuiltIn = false } = found.value;
      return { fields: toFields(found.value), version, createdAt, isFixed: isBuiltIn };
    },
    make: (actor, id, options) => managed.create(actor, id, declared.get(id) ?? {}, options),
    change: (actor, id, _found, options) => managed.update(actor, id, declared.get(id) ?? {}, options),
    remove: (actor, id, options) => managed.remove(actor, id, options),
  };
}

/**
 * The settings are one thing, since they are checked together. Those that are not declared, and not `dropped`, are
 * left alone; one that is dropped is given back to the environment.
 */
function settingKind({ settings }: ThingsOf, declaration: Declaration, dropped: readonly string[]): Kind {
  const names = [...declaration.settings.keys(), ...dropped];
  const declared: Fields = Object.fromEntries(declaration.settings);
  const set = (actor: Actor, from: Fields, options: WriteOptions) => {
    const changes = names
      .filter((name) => !isSame(from[name], declared[name]))
      .map((name) => [name, declared[name] ?? null]);
    return settings.change(actor, Object.fromEntries(changes), options);
  };
  return {
    ids: names.length > 0 ? [settingsId] : [],
    wanted: () => declared,
    besides: async () => undefined,
    async find() {
      const { values, sources, version } = await settings.read();
      const there = names.filter((name) => sources[name as SettingName] === 'settings');
      const fields = Object.fromEntries(there.map((name) => [name, values[name as SettingName]]));
      return { fields, version, createdAt: 0, isFixed: false };
    },
    async make(actor, _id, options) {
      const made = await set(actor, {}, options);
      return made.ok ? done({ createdAt: 0 }) : made;
    },
    change: (actor, _id, { fields }, options) => set(actor, fields, options),
    remove: (actor, _id, options) => set(actor, {}, options),
  };
}

function resourceFields(draft: ResourceDraft): Fields {
  return {
    name: draft.name,
    scopes: Object.fromEntries(draft.scopes.map(({ name, description }) => [name, description])),
    access_token_seconds: draft.accessTokenSeconds,
    signing_algorithm: draft.signingAlgorithm,
    format: draft.format,
    has_roles: draft.hasRoles,
  };
}
