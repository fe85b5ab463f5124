import type { Access } from '../access/access.ts';
import type { Actor } from '../access/actor.ts';
import type { Directory } from '../accounts/directory.ts';
import { nowMs } from '../clock.ts';
import { type AllSessions, type ClientMetadata, mintClientId } from '../oidc/oidc.ts';
import type {
  ClientRecord,
  ClientWriting,
  NewSecret,
  OnceMade,
  RegisteredClients,
} from '../oidc/registered-clients.ts';
import type { LiveSettings } from '../settings/settings.ts';
import type { Act, Noted } from './acts.ts';
import { whileChanging } from './again.ts';
import { asItWouldBe, rolesOf, targetOf, withoutNulls } from './client-metadata.ts';
import { explainClientProblem, metadataFault, secondFactorFault } from './client-problems.ts';
import { differenceOf } from './difference.ts';
import type { Hierarchy } from './hierarchy.ts';
import {
  changed,
  done,
  notFound,
  type Outcome,
  type Page,
  type Refused,
  type WriteOptions,
} from './outcome.ts';
import { createPeopleAbove } from './people-above.ts';

/**
 * `roles` of a client's metadata are those under which it acts on the admin API: for itself by client credentials, and
 * as the most that it may do for a person. Nobody gives it more than they may themselves.
 */
export type ManageClients = {
  list(query: { text?: string; cursor?: string; count?: number }): Promise<Page<ClientRecord>>;
  count(): Promise<number>;
  find(id: string): Promise<Outcome<ClientRecord>>;
  /**
   * @param metadata without client_id, one is made up
   * @param options.secret to be used in place of a new one; only the command line gives one
   * @param options.once of a request that may be sent again
   */
  create(
    actor: Actor,
    metadata: Partial<ClientMetadata>,
    options?: WriteOptions & { secret?: string; once?: OnceMade },
  ): Promise<Outcome<{ client: ClientRecord; secret: string | undefined }>>;
  /** Sets fields; null takes one away. */
  update(
    actor: Actor,
    id: string,
    fields: Record<string, unknown>,
    options?: WriteOptions,
  ): Promise<Outcome<ClientRecord>>;
  enable(actor: Actor, id: string, options?: WriteOptions): Promise<Outcome<ClientRecord>>;
  disable(actor: Actor, id: string, options?: WriteOptions): Promise<Outcome<ClientRecord>>;
  remove(actor: Actor, id: string, options?: WriteOptions): Promise<Outcome<{ id: string }>>;
  /**
   * @param options.othersEndInSeconds undefined when the secret that is there is not to end by itself
   * @param options.secret to be used in place of a new one; only the command line gives one
   */
  addSecret(
    actor: Actor,
    id: string,
    options?: { othersEndInSeconds?: number; secret?: string; once?: OnceMade },
  ): Promise<Outcome<NewSecret>>;
  /** Whether this is one of its secrets now. */
  hasSecret(id: string, secret: string): Promise<boolean>;
  removeSecret(actor: Actor, id: string, secretId: string): Promise<Outcome<ClientRecord>>;
  /** What people granted who may do more than the actor stays. */
  revokeGrants(actor: Actor, id: string): Promise<Outcome<ClientRecord>>;
};

export function createManageClients(parts: {
  clients: RegisteredClients;
  allSessions: Pick<AllSessions, 'sparing'>;
  directory: Pick<Directory, 'search'>;
  access: Pick<Access, 'roles' | 'groups'>;
  act: Act;
  hierarchy: Hierarchy;
  settings: Pick<LiveSettings, 'current'>;
}): ManageClients {
  const { clients, allSessions, act, hierarchy, settings } = parts;
  const peopleAbove = createPeopleAbove(parts);
  const tooWeak = (metadata: Record<string, unknown>, before?: Record<string, unknown>) =>
    secondFactorFault(metadata, settings.current().console_second_factor, before);

  /** One change of a client that is there, by somebody who may do all that it may. */
  function change<T>(
    actor: Actor,
    id: string,
    what: {
      kind: Parameters<Act>[1]['kind'];
      options?: WriteOptions | undefined;
      /** Stands against it, of the client as it is; also all that a dry run can see. */
      check?: (client: ClientRecord) => Promise<Refused | undefined>;
      make: (client: ClientRecord) => Promise<ClientWriting<T>>;
      /** What a dry run gives. */
      asItWouldBe?: (client: ClientRecord) => T;
      describe?: (value: T, before: ClientRecord) => Noted;
    },
  ): Promise<Outcome<T>> {
    const { version, isDryRun } = what.options ?? {};
    const target = { kind: 'client', id } as const;
    return act<T>(actor, { kind: what.kind, target, clientId: id, isDryRun }, (note) =>
      whileChanging<T>(version, async () => {
        const client = await clients.find(id);
        if (!client) return notFound('client');
        note({ target: targetOf(client) });
        const refusal = await hierarchy.over(actor, { roles: rolesOf(client.metadata) }, 'client');
        if (refusal) return refusal;
        if (client.isBuiltIn) return explainClientProblem({ ok: false, problem: 'built-in' });
        if (version !== undefined && version !== client.version) return changed('client');
        const objection = await what.check?.(client);
        if (objection) return objection;
        if (isDryRun && what.asItWouldBe) return done(what.asItWouldBe(client));
        const made = await what.make(client);
        if (!made.ok) return explainClientProblem(made);
        note(what.describe?.(made.value, client) ?? {});
        return done(made.value);
      }),
    );
  }

  const setEnabled =
    (isEnabled: boolean): ManageClients['enable'] =>
    (actor, id, options) =>
      change<ClientRecord>(actor, id, {
        kind: isEnabled ? 'client.enabled' : 'client.disabled',
        options,
        make: ({ version }) => clients.setEnabled(id, version, isEnabled),
        asItWouldBe: (client) => ({ ...client, isEnabled }),
        describe: (after, before) => ({
          before: { isEnabled: before.isEnabled },
          after: { isEnabled: after.isEnabled },
        }),
      });

  return {
    async list(query) {
      const { clients: items, cursor } = await clients.list(query);
      return { items, cursor };
    },
    count: () => clients.count(),
    hasSecret: (id, secret) => clients.hasSecret(id, secret),

    async find(id) {
      const client = await clients.find(id);
      return client ? done(client) : notFound('client');
    },

    create(actor, given, { isDryRun, secret, once } = {}) {
      const metadata = withoutNulls({ ...given, client_id: given.client_id ?? mintClientId() });
      const id = metadata.client_id;
      const target = targetOf({ metadata });
      return act(actor, { kind: 'client.created', target, clientId: id, isDryRun }, async (note) => {
        const refusal =
          metadataFault(metadata) ??
          tooWeak(metadata) ??
          (await hierarchy.giving(actor, { roles: rolesOf(metadata) }));
        if (refusal) return refusal;
        if (isDryRun) {
          const message = await clients.check(metadata, { isNew: true });
          if (message !== undefined) return explainClientProblem({ ok: false, problem: 'invalid', message });
          if (await clients.find(id)) return explainClientProblem({ ok: false, problem: 'taken' });
          return done({ client: asItWouldBe(metadata), secret: undefined });
        }
        const made = await clients.create(metadata, {
          ...(secret !== undefined && { secret }),
          ...(once && { once }),
        });
        if (!made.ok) return explainClientProblem(made);
        note(differenceOf(undefined, made.value.client.metadata));
        return done(made.value);
      });
    },

    update(actor, id, fields, options) {
      const wanted = (client: ClientRecord) => withoutNulls({ ...client.metadata, ...fields, client_id: id });
      return change<ClientRecord>(actor, id, {
        kind: 'client.updated',
        options,
        async check(client) {
          const metadata = wanted(client);
          const refusal =
            metadataFault({ client_id: id, ...fields }, id) ??
            tooWeak(metadata, client.metadata) ??
            (await hierarchy.giving(
              actor,
              { roles: rolesOf(metadata) },
              { roles: rolesOf(client.metadata) },
            ));
          if (refusal || !options?.isDryRun) return refusal;
          const message = await clients.check(metadata);
          return message === undefined
            ? undefined
            : explainClientProblem({ ok: false, problem: 'invalid', message });
        },
        make: (client) => clients.update(id, client.version, wanted(client)),
        asItWouldBe: (client) => ({ ...client, metadata: wanted(client) }),
        describe: (after, before) => ({
          target: targetOf(after),
          ...differenceOf(before.metadata, after.metadata),
        }),
      });
    },

    enable: setEnabled(true),
    disable: setEnabled(false),

    async remove(actor, id, options) {
      const removed = await change<ClientRecord>(actor, id, {
        kind: 'client.deleted',
        options,
        make: ({ version }) => clients.remove(id, version),
        asItWouldBe: (client) => client,
        describe: (_after, before) => ({ before: differenceOf(before.metadata, undefined).before }),
      });
      return removed.ok ? done({ id }) : removed;
    },

    addSecret(actor, id, { othersEndInSeconds, secret, once } = {}) {
      const othersEndAt = othersEndInSeconds === undefined ? undefined : nowMs() + othersEndInSeconds * 1000;
      return change<NewSecret>(actor, id, {
        kind: 'client.secret-added',
        make: () =>
          clients.addSecret(id, {
            ...(othersEndAt !== undefined && { othersEndAt }),
            ...(secret !== undefined && { secret }),
            ...(once && { once }),
          }),
        describe: ({ secretId }) => ({
          after: { id: secretId, ...(othersEndAt !== undefined && { othersEndAt }) },
        }),
      });
    },

    removeSecret: (actor, id, secretId) =>
      change<ClientRecord>(actor, id, {
        kind: 'client.secret-removed',
        check: async ({ secrets }) =>
          secrets.some((one) => one.id === secretId) ? undefined : notFound('secret'),
        make: () => clients.removeSecret(id, secretId),
        describe: () => ({ before: { id: secretId } }),
      }),

    revokeGrants: (actor, id) =>
      change<ClientRecord>(actor, id, {
        kind: 'grant.revoked',
        async make() {
          const spared = await peopleAbove(actor);
          return allSessions.sparing(id, spared, () => clients.revokeGrants(id));
        },
        describe: () => ({ after: { grants: 'all of this client' } }),
      }),
  };
}
