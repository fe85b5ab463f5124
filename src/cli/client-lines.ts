import type { ClientRecord } from '../oidc/oidc.ts';

/** A client as JSON shows it. Times are ISO 8601; secrets are never among it. */
export function shown(client: ClientRecord): Record<string, unknown> {
  const { metadata, isEnabled, isBuiltIn, version, secrets } = client;
  return {
    ...metadata,
    enabled: isEnabled,
    built_in: isBuiltIn,
    version,
    created_at: timeOf(client.createdAt),
    updated_at: timeOf(client.updatedAt),
    secrets: secrets.map(({ id, createdAt, expiresAt }) => ({
      id,
      created_at: timeOf(createdAt),
      ...(expiresAt === undefined ? {} : { expires_at: timeOf(expiresAt) }),
    })),
  };
}

/** @returns null where it is not known */
function timeOf(ms: number): string | null {
  return ms === 0 ? null : new Date(ms).toISOString();
}

/** A client as lines for people. */
export function lines(client: ClientRecord): string[] {
  return Object.entries(shown(client)).map(
    ([field, value]) =>
      `${field.padEnd(28)}  ${typeof value === 'string' ? value : (JSON.stringify(value) ?? '')}`,
  );
}
