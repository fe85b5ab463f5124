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
};

export type ClientFields = Record<string, string>;

const slots = ['1', '2'] as const;

/** @returns undefined for a tombstone, or where there is nothing */
export function readClient(fields: ClientFields | undefined): StoredClient | undefined {
  if (fields?.p === undefined || fields.dead !== undefined) return undefined;
  return {
    metadata: JSON.parse(fields.p) as ClientMetadata,
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
  const secrets = client.secrets.map(({ hash, expiresAt }) => `${hash}:${expiresAt ?? ''}`);
  return { ...client.metadata, client_secret: secrets.join(',') || ':0' };
}

/** @param text client_secret of `enginePayload` @returns the hashes of those that have not ended */
export function hashesOf(text: string, now: number): string[] {
  return text.split(',').flatMap((one) => {
    const [hash = '', end] = one.split(':');
    return hash !== '' && (!end || Number(end) > now) ? [hash] : [];
  });
}

/** A client secret: 256 random bits, base64url. */
export function mintClientSecret(): string {
  return randomText(32);
}

/** client_id is made of visible characters (RFC 6749 A.1); braces would change the slot of its key. */
export function isClientId(id: string): boolean {
  return /^[\x21-\x7e]{1,128}$/.test(id) && !/[{}]/.test(id);
}
