import type { ClientMetadata } from './client-store.ts';

/** Clients as administrators see them. Times are ms since the epoch. */
export type ClientSecret = {
  /** Names the secret among those of its client. */
  id: string;
  createdAt: number;
  /** undefined while it is not to end. */
  expiresAt: number | undefined;
};

export type ClientRecord = {
  metadata: ClientMetadata;
  isEnabled: boolean;
  /** At most two. */
  secrets: ClientSecret[];
  /** Part of the product: cannot be changed. */
  isBuiltIn: boolean;
  version: number;
  createdAt: number;
  updatedAt: number;
};

export type ClientWriting<T = ClientRecord> =
  | { ok: true; value: T; before?: ClientRecord }
  | { ok: false; problem: 'not-found' | 'taken' | 'changed' | 'built-in' | 'two-secrets' | 'last-secret' }
  /** `message` names the metadata field and what is wrong with it. */
  | { ok: false; problem: 'invalid'; message: string };

/** What is shown once. */
export type NewSecret = { client: ClientRecord; secretId: string; secret: string };

export type RegisteredClients = {
  /** @param query.text the beginning of a name or a word in it, or of a client_id, in any case */
  list(query: {
    text?: string;
    cursor?: string;
    count?: number;
  }): Promise<{ clients: ClientRecord[]; cursor: string | undefined }>;
  count(): Promise<number>;
  find(id: string): Promise<ClientRecord | undefined>;
  /** What would be wrong with this metadata; undefined when nothing is. */
  check(metadata: ClientMetadata): Promise<string | undefined>;
  /** Makes a secret where the way that the client authenticates wants one. */
  create(
    metadata: ClientMetadata,
  ): Promise<ClientWriting<{ client: ClientRecord; secret: string | undefined }>>;
  /** Replaces all metadata. */
  update(id: string, version: number | undefined, metadata: ClientMetadata): Promise<ClientWriting>;
  /** A disabled client is refused everywhere within a second, and so are its tokens. */
  setEnabled(id: string, version: number | undefined, isEnabled: boolean): Promise<ClientWriting>;
  /**
   * The secrets that there are go on to work.
   * @param options.othersEndAt ms since the epoch; undefined when they are not to end by themselves
   */
  addSecret(id: string, options: { othersEndAt?: number }): Promise<ClientWriting<NewSecret>>;
  removeSecret(id: string, secretId: string): Promise<ClientWriting>;
  /** Its id is never used again, and what it was granted is worth nothing. */
  remove(id: string, version: number | undefined): Promise<ClientWriting>;
  /** Everything that was granted to the client before now is worth nothing. */
  revokeGrants(id: string): Promise<ClientWriting>;
};
