import { nowMs } from '../clock.ts';
import type { Store } from '../redis/redis.ts';
import { faultOfNewClientId, liveSecrets, type StoredClient, wantsSecret } from './client-record.ts';
import { type ClientLimits, faultOfMetadata } from './client-rules.ts';
import { createClientSearch } from './client-search.ts';
import { type ClientMetadata, type ClientStore, mintClientSecret } from './client-store.ts';
import { builtInRecord, toRecord } from './client-view.ts';

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

/** What follows from a request that came with an idempotency key, the same for each try of it and for nothing else. */
export type OnceMade = {
  /** Kept with what it makes. */
  mark: string;
  secret: string;
};

export type RegisteredClients = {
  /** @param query.text the beginning of a name or a word in it, or of a client_id, in any case */
  list(query: {
    text?: string;
    cursor?: string;
    count?: number;
  }): Promise<{ clients: ClientRecord[]; cursor: string | undefined }>;
  count(): Promise<number>;
  find(id: string): Promise<ClientRecord | undefined>;
  /**
   * What would be wrong with this metadata; undefined when nothing is.
   * @param options.isNew of a client that is to be made
   */
  check(metadata: ClientMetadata, options?: { isNew: boolean }): Promise<string | undefined>;
  /**
   * Makes a secret where the way that the client authenticates wants one.
   * @param options.secret to be used in place of a new one; 32 to 128 characters
   * @param options.once of a request that may be sent again: then it gets the client that it has made before
   */
  create(
    metadata: ClientMetadata,
    options?: { secret?: string; once?: OnceMade },
  ): Promise<ClientWriting<{ client: ClientRecord; secret: string | undefined }>>;
  /** Replaces all metadata. */
  update(id: string, version: number | undefined, metadata: ClientMetadata): Promise<ClientWriting>;
  /** A disabled client is refused everywhere within a second, and so are its tokens. */
  setEnabled(id: string, version: number | undefined, isEnabled: boolean): Promise<ClientWriting>;
  /**
   * The secrets that there are go on to work.
   * @param options.othersEndAt ms since the epoch; undefined when they are not to end by themselves
   * @param options.secret to be used in place of a new one
   * @param options.once of a request that may be sent again: then it gets the secret that it has added before
   */
  addSecret(
    id: string,
    options: { othersEndAt?: number; secret?: string; once?: OnceMade },
  ): Promise<ClientWriting<NewSecret>>;
  /** Whether this is one of its secrets now. */
  hasSecret(id: string, secret: string): Promise<boolean>;
  removeSecret(id: string, secretId: string): Promise<ClientWriting>;
  /** Its id is never used again, and what it was granted is worth nothing. */
  remove(id: string, version: number | undefined): Promise<ClientWriting>;
  /** Everything that was granted to the client before now is worth nothing. */
  revokeGrants(id: string): Promise<ClientWriting>;
};

type Refusal = Exclude<Extract<ClientWriting, { ok: false }>['problem'], 'invalid'>;
/** What keeps a change from being made, or a text about what is wrong with it. */
type Obstacle = Refusal | { fault: string };

const longestSecrets = 2;

/** @param parts.validate the engine's own check of metadata; throws with what is wrong */
export function createRegisteredClients(parts: {
  store: Store;
  clients: ClientStore;
  validate(metadata: ClientMetadata): Promise<void>;
  limits(): ClientLimits;
}): RegisteredClients {
  const { store, clients, validate, limits } = parts;
  const { builtIn } = clients;
  const search = createClientSearch(store, clients);

  async function check(metadata: ClientMetadata, options = { isNew: false }): Promise<string | undefined> {
    const unfit = options.isNew ? faultOfNewClientId(metadata.client_id) : undefined;
    const fault = unfit ? `client_id ${unfit}` : faultOfMetadata(metadata, limits());
    if (fault) return fault;
    try {
      // The engine holds a client that wants a secret to having one.
      await validate(wantsSecret(metadata) ? { ...metadata, client_secret: 'made-later' } : metadata);
      return undefined;
    } catch (error) {
      const { error_description: text } = error as { error_description?: string };
      if (text === undefined) throw error;
      return text;
    }
  }

  async function change(
    id: string,
    version: number | undefined,
    make: (client: StoredClient) => StoredClient | Obstacle | undefined,
  ): Promise<ClientWriting> {
    if (builtIn.has(id)) return { ok: false, problem: 'built-in' };
    let fault = '';
    const changed = await clients.change<Refusal | 'invalid'>(id, version, (client) => {
      const made = make(client);
      if (typeof made !== 'object' || !('fault' in made)) return made;
      fault = made.fault;
      return 'invalid';
    });
    if (changed.ok) return { ok: true, value: toRecord(changed.after), before: toRecord(changed.before) };
    if (changed.problem === 'invalid') return { ok: false, problem: 'invalid', message: fault };
    return { ok: false, problem: changed.problem };
  }

  async function find(id: string): Promise<ClientRecord | undefined> {
    const ours = builtIn.get(id);
    if (ours) return builtInRecord(ours);
    const client = await clients.read(id);
    if (!client) return undefined;
    // One that an earlier release made does not say itself when that was.
    const at = client.createdAt || Number((await store.call('ZSCORE', store.keys.clientList(), id)) ?? 0);
    return toRecord({ ...client, createdAt: at });
  }

  /** The client that an earlier try of the same request has made, as long as it has the secret that it was given. */
  async function madeBy(once: OnceMade, id: string) {
    const client = await clients.read(id);
    if (client?.mark !== once.mark) return undefined;
    if (!wantsSecret(client.metadata)) return { client: toRecord(client), secret: undefined };
    const hasIt = clients.isOneOf(hashesIn(liveSecrets(client, nowMs())), once.secret);
    return hasIt ? { client: toRecord(client), secret: once.secret } : undefined;
  }

  return {
    async list(query) {
      const { found, cursor } = await search.list(query);
      const ours = [...builtIn.values()].filter(
        (one) => cursor === undefined && search.fits(query.text, one),
      );
      return { clients: [...found.map(toRecord), ...ours.map(builtInRecord)], cursor };
    },

    count: async () => Number(await store.call('ZCARD', store.keys.clientList())),

    find,
    check,

    async create(metadata, options = {}) {
      const fault = (await check(metadata, { isNew: true })) ?? faultOfSecret(options.secret, metadata);
      if (fault) return { ok: false, problem: 'invalid', message: fault };
      const { once } = options;
      const chosen = options.secret ?? once?.secret;
      const secret = wantsSecret(metadata) ? (chosen ?? mintClientSecret()) : undefined;
      if (!(await clients.create(metadata, secret, once?.mark))) {
        const earlier = once && (await madeBy(once, metadata.client_id));
        return earlier ? { ok: true, value: earlier } : { ok: false, problem: 'taken' };
      }
      const client = await find(metadata.client_id);
      return client ? { ok: true, value: { client, secret } } : { ok: false, problem: 'not-found' };
    },

    async update(id, version, metadata) {
      if (builtIn.has(id)) return { ok: false, problem: 'built-in' };
      if (metadata.client_id !== id) {
        const message = 'client_id cannot be changed; make another client instead';
        return { ok: false, problem: 'invalid', message };
      }
      const fault = await check(metadata);
      if (fault) return { ok: false, problem: 'invalid', message: fault };
      return change(id, version, (client) => {
        if (JSON.stringify(client.metadata) === JSON.stringify(metadata)) return undefined;
        if (wantsSecret(metadata) && liveSecrets(client, nowMs()).length === 0) {
          return {
            fault: 'token_endpoint_auth_method needs a secret, and this client has none; add one first',
          };
        }
        return { ...client, metadata };
      });
    },

    setEnabled: (id, version, isEnabled) =>
      change(id, version, (client) =>
        client.isEnabled === isEnabled ? undefined : { ...client, isEnabled },
      ),

    async addSecret(id, { othersEndAt, once, secret = once?.secret ?? mintClientSecret() }) {
      const fault = faultOfSecret(secret);
      if (fault) return { ok: false, problem: 'invalid', message: fault };
      let secretId = '';
      const added = await change(id, undefined, (client) => {
        const now = nowMs();
        const live = liveSecrets(client, now);
        const again = once && live.find((one) => one.id === once.mark && clients.isOneOf([one.hash], secret));
        if (again) {
          secretId = again.id;
          return undefined;
        }
        if (live.length >= longestSecrets) return 'two-secrets';
        if (clients.isOneOf(hashesIn(live), secret)) return { fault: 'secret is one that this client has' };
        const others = live.map((one) => ({ ...one, expiresAt: earlier(one.expiresAt, othersEndAt) }));
        const fresh = clients.newSecret(secret, now, once?.mark);
        secretId = fresh.id;
        return { ...client, secrets: [...liveSecrets({ ...client, secrets: others }, now), fresh] };
      });
      if (!added.ok) return added;
      return { ...added, value: { client: added.value, secretId, secret } };
    },

    async hasSecret(id, secret) {
      const client = await clients.read(id);
      return client !== undefined && clients.isOneOf(hashesIn(liveSecrets(client, nowMs())), secret);
    },

    removeSecret: (id, secretId) =>
      change(id, undefined, (client) => {
        const live = liveSecrets(client, nowMs());
        const secrets = live.filter((one) => one.id !== secretId);
        if (secrets.length === live.length) return 'not-found';
        if (secrets.length === 0 && client.isEnabled && wantsSecret(client.metadata)) return 'last-secret';
        return { ...client, secrets };
      }),

    async remove(id, version) {
      if (builtIn.has(id)) return { ok: false, problem: 'built-in' };
      const removed = await clients.remove(id, version);
      if (!removed.ok) return { ok: false, problem: removed.problem };
      const before = toRecord(removed.before);
      return { ok: true, value: before, before };
    },

    revokeGrants: (id) => change(id, undefined, (client) => ({ ...client, era: client.era + 1 })),
  };
}

function hashesIn(secrets: { hash: string }[]): string[] {
  return secrets.map(({ hash }) => hash);
}

function earlier(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}

/** @param secret one that was chosen; undefined for one that we make */
function faultOfSecret(secret: string | undefined, metadata?: ClientMetadata): string | undefined {
  if (secret === undefined) return undefined;
  if (metadata && !wantsSecret(metadata)) {
    return 'secret does not go with this token_endpoint_auth_method; leave it out';
  }
  return /^[\x21-\x7e]{32,128}$/.test(secret)
    ? undefined
    : 'secret must be 32 to 128 visible ASCII characters, without spaces';
}
