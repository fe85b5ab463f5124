import { randomText } from '../random.ts';
import type { Payload } from './adapter.ts';

/**
 * A client as it is in Redis: one hash, by client_id.
 *
 *   p        metadata, JSON (RFC 7591 names)
 *   s1, s2   keyed hashes of its secrets, of which it has two at most
 *   d1, d2   what else is known of them: id, when it was made, when it ends; JSON
 *   v        version: counts up with each change
 *   c, u     when it was made and last changed (ms)
 *   off      it is disabled
 *   k        its era: what it was granted in an earlier one is worth nothing
 *   o        which request with an idempotency key made it
 *   w        the version at which its words were listed; see client-words.ts
 *   dead     when it was removed (ms): a tombstone that stays, so that the id never comes back
 *
 * One that was made by an earlier release has p and s1 alone.
 */
export type ClientMetadata = Record<string, unknown> & { client_id: string };

export type StoredSecret = { id: string; hash: string; createdAt: number; expiresAt: number | undefined };

export type StoredClient = {
  metadata: ClientMetadata;
  /** With those that have ended, until the next change. */
  secrets: StoredSecret[];
  version: number;
  /** 0 where it is not known. */
  createdAt: number;
  updatedAt: number;
  isEnabled: boolean;
  era: number;
  wordsVersion: number;
  /** Of the request that made it, so that the same one sent again gets it, and no other does. */
  mark?: string;
};

export type ClientFields = Record<string, string>;

const slots = ['1', '2'] as const;

/** @returns undefined for a tombstone, where there is nothing, and for one whose id a client may not have */
export function readClient(fields: ClientFields | undefined): StoredClient | undefined {
  if (fields?.p === undefined || fields.dead !== undefined) return undefined;
  const metadata = JSON.parse(fields.p) as ClientMetadata;
  if (!isClientId(metadata.client_id)) return undefined;
  return {
    metadata,
    secrets: slots.flatMap((slot) => {
      const hash = fields[`s${slot}`];
      if (!hash) return [];
      const { id, at, end } = JSON.parse(fields[`d${slot}`] ?? '{}') as SecretNotes;
      return [{ id: id ?? slot, hash, createdAt: at ?? Number(fields.c ?? 0), expiresAt: end }];
    }),
    version: Number(fields.v ?? 1),
    createdAt: Number(fields.c ?? 0),
    updatedAt: Number(fields.u ?? fields.c ?? 0),
    isEnabled: fields.off === undefined,
    era: Number(fields.k ?? 0),
    wordsVersion: Number(fields.w ?? 0),
    ...(fields.o !== undefined && { mark: fields.o }),
  };
}

/** @returns all fields that such a client has */
export function writeClient(client: StoredClient): ClientFields {
  const fields: ClientFields = {
    p: JSON.stringify(client.metadata),
    v: String(client.version),
    c: String(client.createdAt),
    u: String(client.updatedAt),
    w: String(client.wordsVersion),
  };
  if (!client.isEnabled) fields.off = '1';
  if (client.mark !== undefined) fields.o = client.mark;
  if (client.era > 0) fields.k = String(client.era);
  for (const [index, slot] of slots.entries()) {
    const secret = client.secrets[index];
    if (!secret) continue;
    fields[`s${slot}`] = secret.hash;
    const notes: SecretNotes = { id: secret.id, at: secret.createdAt };
    if (secret.expiresAt !== undefined) notes.end = secret.expiresAt;
    fields[`d${slot}`] = JSON.stringify(notes);
  }
  return fields;
}

type SecretNotes = { id?: string; at?: number; end?: number };

/** Those that have not ended. */
export function liveSecrets(client: StoredClient, now: number): StoredSecret[] {
  return client.secrets.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now);
}

/** Whether the way in which such a client proves who it is wants a secret; as engine.ts has it without one. */
export function wantsSecret(metadata: Record<string, unknown>): boolean {
  const { token_endpoint_auth_method: method = 'client_secret_basic' } = metadata;
  return typeof method === 'string' && method.startsWith('client_secret_');
}

/**
 * What the engine gets: in place of a secret the hashes of all, each with its end. The engine wants something there,
 * also when every secret has ended.
 */
export function enginePayload(client: StoredClient): Payload {
  if (!wantsSecret(client.metadata)) return { ...client.metadata };
  const secrets = client.secrets.map(({ id, hash, expiresAt }) => `${hash}:${expiresAt ?? ''}:${id}`);
  return { ...client.metadata, client_secret: secrets.join(',') || ':0' };
}

/** @param text client_secret of `enginePayload` @returns those that have not ended */
export function secretsIn(text: string, now: number): { hash: string; id: string }[] {
  return text.split(',').flatMap((one) => {
    const [hash = '', end, id = ''] = one.split(':');
    return hash !== '' && (!end || Number(end) > now) ? [{ hash, id }] : [];
  });
}

/** A client secret: 256 random bits, base64url. */
export function mintClientSecret(): string {
  return randomText(32);
}

/**
 * A client_id that is made up: so that it never is one of an account, which is 22 such characters. Tokens that a client
 * has for itself carry it as `sub`, and those of people the id of an account.
 */
export function mintClientId(random = randomText(12)): string {
  return `app_${random}`;
}

const fitId = /^[A-Za-z0-9][A-Za-z0-9._~:-]{0,127}$/;
/** As an earlier release made them up. */
const earlierId = /^[A-Za-z0-9_-]{16}$/;
/** The engine keeps what it knows of clients in objects, by client_id: these would lead to what every object has. */
const inObjects = new Set(Object.getOwnPropertyNames(Object.prototype));

/** Whether a client may have this id; one that is stored under another is not loaded. */
export function isClientId(id: string): boolean {
  return (fitId.test(id) || earlierId.test(id)) && !inObjects.has(id);
}

/** @returns what is wrong with the id of a client that is to be made, as the end of a sentence that begins with it */
export function faultOfNewClientId(id: unknown): string | undefined {
  if (typeof id !== 'string' || !fitId.test(id) || !isClientId(id)) return clientIdRule;
  return /^[A-Za-z0-9_-]{22}$/.test(id)
    ? 'must not have the form of the id of an account (22 letters, digits, - and _); make it shorter or longer'
    : undefined;
}

export const clientIdRule =
  'must be 1 to 128 letters, digits and - . _ ~ : only, begin with a letter or a digit, and not be a word of JavaScript such as "constructor"';
