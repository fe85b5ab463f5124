import { createHash, timingSafeEqual } from 'node:crypto';
import { nowMs } from '../clock.ts';
import { Unavailable } from '../errors.ts';
import { randomText } from '../random.ts';
import { Change } from '../redis/change.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import type { Payload } from './adapter.ts';
import { createClientCache } from './client-cache.ts';
import {
  type ClientFields,
  type ClientMetadata,
  isClientId,
  liveSecrets,
  readClient,
  type StoredClient,
  secretsIn,
  writeClient,
} from './client-record.ts';
import { createClientWords } from './client-words.ts';
import { unitOfWork } from './unit-of-work.ts';

export { type ClientMetadata, faultOfNewClientId, mintClientId, mintClientSecret } from './client-record.ts';

/**
 * Clients, by client_id (client-record.ts), as the engine uses them: a pod keeps each for less than a second. What
 * administrators do with them is in registered-clients.ts.
 */

/** Of changes to one client that are made at the same moment, one succeeds each time. */
const mostTries = 200;

type Refused = { ok: false; problem: 'not-found' | 'changed' };

export type StandingClient = { metadata: ClientMetadata; era: number; secretIds: string[] };

export type ClientChange<P> =
  | { ok: true; before: StoredClient; after: StoredClient }
  | Refused
  | { ok: false; problem: P };

/** @param options.builtIn clients that are part of the product; nobody can make or change one with such an id */
export function createClientStore(
  store: Store,
  ring: KeyRing,
  options: { cacheMs: number; builtIn?: ClientMetadata[] },
) {
  const { keys } = store;
  const builtIn = new Map(options.builtIn?.map((metadata) => [metadata.client_id, metadata]));
  const words = createClientWords(store);
  const cache = createClientCache(store, options.cacheMs);

  const hashSecret = (secret: string) => ring.hash('client-secret', secret);

  function isOneOf(hashes: string[], secret: string): boolean {
    const given = digest(hashSecret(secret));
    let isOne = false;
    for (const hash of hashes) isOne = timingSafeEqual(digest(hash), given) || isOne;
    return isOne;
  }

  /**
   * Does something to a client as it is now; again, where another change was first.
   * @param step gives undefined when one was
   */
  async function untilFirst<T>(
    id: string,
    version: number | undefined,
    step: (before: StoredClient, fields: ClientFields) => Promise<T | undefined>,
  ): Promise<T | Refused> {
    for (let tries = 0; tries < mostTries; tries++) {
      const fields = isClientId(id) ? await store.read(keys.client(id)) : undefined;
      const before = readClient(fields);
      if (!fields || !before) return { ok: false, problem: 'not-found' };
      if (version !== undefined && before.version !== version) return { ok: false, problem: 'changed' };
      const done = await step(before, fields);
      if (done !== undefined) return done;
    }
    throw new Unavailable('a client is being changed by too many at once');
  }

  /** @returns false when somebody else was first */
  async function replace(fields: ClientFields, before: StoredClient, after: StoredClient): Promise<boolean> {
    const id = after.metadata.client_id;
    const key = keys.client(id);
    const isRenamed = before.wordsVersion === 0 || before.metadata.client_name !== after.metadata.client_name;
    if (isRenamed) {
      after.wordsVersion = after.version;
      await words.add(after.metadata, after.version);
    }
    const written = writeClient(after);
    const gone = Object.keys(fields).filter((field) => written[field] === undefined);
    const change = unchanged(key, fields).durable().set(key, 0, written).drop(key, gone);
    if (!(await store.commit(change)).ok) return false;
    cache.forget(id);
    if (isRenamed && before.wordsVersion > 0) await words.drop(before.metadata, before.wordsVersion);
    return true;
  }

  async function list({ metadata, createdAt, wordsVersion }: StoredClient): Promise<void> {
    await Promise.all([
      store.call('ZADD', keys.clientList(), 'NX', createdAt, metadata.client_id),
      words.add(metadata, wordsVersion),
    ]);
  }

  return {
    builtIn: builtIn as ReadonlyMap<string, ClientMetadata>,
    words,
    hashSecret,
    isOneOf,

    async findForEngine(id: string): Promise<Payload | undefined> {
      if (!isClientId(id)) return undefined;
      const ours = builtIn.get(id);
      if (ours) return ours;
      return (await unitOfWork().guard(cache.get(id)))?.payload;
    },

    /** Whether somebody has disabled it, so that people can be told so. */
    async isDisabled(id: string): Promise<boolean> {
      if (!isClientId(id) || builtIn.has(id)) return false;
      const found = await cache.get(id);
      return found !== undefined && found.payload === undefined;
    },

    /** What it was granted in an earlier era is worth nothing; of a client that is gone, everything. */
    async eraOf(id: string): Promise<number> {
      if (builtIn.has(id)) return 0;
      return (await cache.get(id))?.era ?? Number.POSITIVE_INFINITY;
    },

    /** The same as it is in Redis now. */
    async eraNow(id: string): Promise<number> {
      if (builtIn.has(id)) return 0;
      return (await this.read(id))?.era ?? Number.POSITIVE_INFINITY;
    },

    /**
     * Whether `secret` is one of those that `findForEngine` gave as client_secret. One that is not may have been
     * made a moment ago, after this pod read the client.
     */
    async isSecret(id: string, hashes: string, secret: string): Promise<boolean> {
      const unit = unitOfWork();
      const fits = (text: string) => {
        const found = secretsIn(text, nowMs()).filter(({ hash }) => isOneOf([hash], secret));
        unit.clientSecretId = found[0]?.id;
        return found.length > 0;
      };
      if (fits(hashes)) return true;
      const text = (await unit.guard(cache.loadAnew(id)))?.payload?.client_secret;
      return typeof text === 'string' && text !== hashes && fits(text);
    },

    /** What tokens of a client stand on, as it is in Redis now; undefined for one that is gone or disabled. */
    async look(id: string): Promise<StandingClient | undefined> {
      const ours = builtIn.get(id);
      if (ours) return { metadata: ours, era: 0, secretIds: [] };
      const client = await this.read(id);
      if (!client?.isEnabled) return undefined;
      const { metadata, era } = client;
      return { metadata, era, secretIds: liveSecrets(client, nowMs()).map((secret) => secret.id) };
    },

    /** As it is in Redis now, with those that are disabled. */
    async read(id: string): Promise<StoredClient | undefined> {
      return isClientId(id) ? readClient(await store.read(keys.client(id))) : undefined;
    },

    /**
     * @param secret undefined for a client that needs none
     * @param mark of the request, where it came with an idempotency key
     * @returns false when the client_id is taken, or was once
     */
    async create(metadata: ClientMetadata, secret: string | undefined, mark?: string): Promise<boolean> {
      const now = nowMs();
      return this.add({
        metadata,
        secrets: secret === undefined ? [] : [this.newSecret(secret, now)],
        version: 1,
        createdAt: now,
        updatedAt: now,
        isEnabled: true,
        era: 0,
        wordsVersion: 1,
        ...(mark !== undefined && { mark }),
      });
    },

    async add(client: StoredClient): Promise<boolean> {
      const { metadata } = client;
      const id = metadata.client_id;
      if (builtIn.has(id)) return false;
      if (!isClientId(id)) throw new RangeError('not the id of a client');
      const key = keys.client(id);
      if ((await store.call('EXISTS', key)) === 1) return false;
      // Listed first: a list tolerates an id with no client, but a client must not go unlisted.
      await list(client);
      const made = new Change().durable().requireAbsent(key).set(key, 0, writeClient(client));
      return (await store.commit(made)).ok;
    },

    /** Lists one that came back from a backup, and does so only once. @throws Unavailable */
    async adopt(id: string): Promise<void> {
      const client = await this.read(id);
      if (client) await list(client);
    },

    newSecret: (secret: string, createdAt: number, id = randomText(6)) => ({
      id,
      hash: hashSecret(secret),
      createdAt,
      expiresAt: undefined as number | undefined,
    }),

    /**
     * Changes a client, if it is still the one that the change was made from; else, and where no version is asked
     * for, tries again with the one that there is now.
     * @param version that it must have
     * @param make gives what it becomes, or what is in the way; undefined where nothing changes
     */
    change<P extends string>(
      id: string,
      version: number | undefined,
      make: (client: StoredClient) => StoredClient | P | undefined,
    ): Promise<ClientChange<P>> {
      return untilFirst<ClientChange<P>>(id, version, async (before, fields) => {
        const made = make(before);
        if (made === undefined) return { ok: true, before, after: before };
        if (typeof made === 'string') return { ok: false, problem: made };
        const after = { ...made, version: before.version + 1, updatedAt: nowMs() };
        return (await replace(fields, before, after)) ? { ok: true, before, after } : undefined;
      });
    },

    /** Leaves a tombstone that stays. */
    remove(id: string, version: number | undefined): Promise<{ ok: true; before: StoredClient } | Refused> {
      const key = keys.client(id);
      return untilFirst<{ ok: true; before: StoredClient }>(id, version, async (before, fields) => {
        const buried = unchanged(key, fields)
          .durable()
          .set(key, 0, { dead: String(nowMs()) })
          .drop(key, Object.keys(fields));
        if (!(await store.commit(buried)).ok) return undefined;
        cache.forget(id);
        await Promise.all([
          store.call('ZREM', keys.clientList(), id),
          words.drop(before.metadata, before.wordsVersion),
        ]);
        return { ok: true, before };
      });
    },

    /**
     * Replaces metadata and secret; for a client that configuration owns, such as the local demo's. One that is as
     * it should be is left alone, and one that was removed stays so.
     */
    async put(metadata: ClientMetadata, secret: string): Promise<void> {
      const id = metadata.client_id;
      if (builtIn.has(id)) throw new RangeError(`${id} is built in`);
      if (await this.create(metadata, secret)) return;
      const wanted = JSON.stringify(metadata);
      await this.change(id, undefined, (client) => {
        const kept = client.secrets.find(({ hash }) => isOneOf([hash], secret));
        if (kept && JSON.stringify(client.metadata) === wanted) return undefined;
        return { ...client, metadata, secrets: [kept ?? this.newSecret(secret, nowMs())] };
      });
    },

    async find(id: string): Promise<ClientMetadata | undefined> {
      return builtIn.get(id) ?? (await this.read(id))?.metadata;
    },
  };
}

export type ClientStore = ReturnType<typeof createClientStore>;

/** One that an earlier release made has no version. */
function unchanged(key: string, fields: ClientFields): Change {
  const change = new Change().requireAlive(key);
  if (fields.v !== undefined) return change.requireSame(key, 'v', fields.v);
  return change.requireLacking(key, 'v').requireSame(key, 'p', fields.p ?? '');
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
