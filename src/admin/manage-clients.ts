import type { Actor } from '../access/actor.ts';
import type { ClientMetadata } from '../oidc/oidc.ts';
import type { ClientRecord, NewSecret } from '../oidc/registered-clients.ts';
import type { Outcome, Page, WriteOptions } from './outcome.ts';

/**
 * `roles` of a client's metadata are those under which it acts on the admin API: for itself by client credentials, and
 * as the most that it may do for a person. Nobody gives it more than they may themselves.
 */
export type ManageClients = {
  list(query: { text?: string; cursor?: string; count?: number }): Promise<Page<ClientRecord>>;
  count(): Promise<number>;
  find(id: string): Promise<Outcome<ClientRecord>>;
  /** @param metadata without client_id, one is made up */
  create(
    actor: Actor,
    metadata: Partial<ClientMetadata>,
    options?: WriteOptions,
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
  /** @param options.othersEndInSeconds undefined when the secret that is there is not to end by itself */
  addSecret(actor: Actor, id: string, options?: { othersEndInSeconds?: number }): Promise<Outcome<NewSecret>>;
  removeSecret(actor: Actor, id: string, secretId: string): Promise<Outcome<ClientRecord>>;
  revokeGrants(actor: Actor, id: string): Promise<Outcome<ClientRecord>>;
};
