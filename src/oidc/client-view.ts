import { nowMs } from '../clock.ts';
import { liveSecrets, type StoredClient } from './client-record.ts';
import type { ClientMetadata } from './client-store.ts';
import type { ClientRecord } from './registered-clients.ts';

/** Clients as administrators see them: without the hashes of their secrets. */
export function toRecord(client: StoredClient): ClientRecord {
  const { metadata, isEnabled, version, createdAt, updatedAt } = client;
  return {
    metadata,
    isEnabled,
    secrets: liveSecrets(client, nowMs()).map(({ hash: _hash, ...rest }) => rest),
    isBuiltIn: false,
    version,
    createdAt,
    updatedAt: updatedAt || createdAt,
  };
}

export function builtInRecord(metadata: ClientMetadata): ClientRecord {
  return { metadata, isEnabled: true, secrets: [], isBuiltIn: true, version: 1, createdAt: 0, updatedAt: 0 };
}
