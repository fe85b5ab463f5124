import type { ClientMetadata } from '../oidc/oidc.ts';
import type { ClientRecord } from '../oidc/registered-clients.ts';

/** What the flows read from, and make of, the metadata of a client. */

export function rolesOf({ roles }: Record<string, unknown>): string[] {
  return Array.isArray(roles) ? roles.filter((one) => typeof one === 'string') : [];
}

export function withoutNulls(fields: Record<string, unknown> & { client_id: string }): ClientMetadata {
  const { client_id, ...rest } = fields;
  const there = Object.entries(rest).filter(([, value]) => value !== null && value !== undefined);
  return { client_id, ...Object.fromEntries(there) };
}

export function targetOf({ metadata }: { metadata: ClientMetadata }) {
  const { client_id: id, client_name: name } = metadata;
  return { kind: 'client', id, ...(typeof name === 'string' && { name }) } as const;
}

/** For a dry run: what a creation would give, but for its times and its secret. */
export function asItWouldBe(metadata: ClientMetadata): ClientRecord {
  return {
    metadata,
    isEnabled: true,
    secrets: [],
    isBuiltIn: false,
    version: 0,
    createdAt: 0,
    updatedAt: 0,
  };
}
