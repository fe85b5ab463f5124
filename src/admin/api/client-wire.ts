import { z } from 'zod';
import type { ClientRecord } from '../../oidc/registered-clients.ts';
import { text, time, toTime, toTimeOrNull, version } from './wire.ts';

/**
 * Clients as the API shows them: metadata under their registered names (RFC 7591, OpenID Connect Registration), all
 * that the engine supports, and the state of the client beside them. What the values may be the engine decides.
 */

const uri = text(2048);
const uris = z.array(uri).max(100);
const words = z.array(text(256)).max(100);

const seconds = z.number().int().min(10);

const described = {
  client_name: text(200).describe('What people see'),
  description: text(1000).describe('What it is for, for those who look after it'),
  client_uri: uri.describe('Its home page'),
  logo_uri: uri,
  policy_uri: uri,
  tos_uri: uri,
  contacts: words.describe('E-mail addresses of whoever looks after it'),
  application_type: z.enum(['web', 'native']),
  redirect_uris: uris,
  post_logout_redirect_uris: uris,
  initiate_login_uri: uri,
  grant_types: words,
  response_types: words,
  response_modes: words,
  scope: text(2000).describe('The scopes that it may ask for, separated by spaces; without it, all'),
  token_endpoint_auth_method: z.enum([
    'client_secret_basic',
    'client_secret_post',
    'private_key_jwt',
    'none',
  ]),
  token_endpoint_auth_signing_alg: text(20),
  jwks: z.record(z.string(), z.unknown()).describe('Its public keys, as a JWK Set'),
  jwks_uri: uri,
  id_token_signed_response_alg: z.enum(['RS256', 'ES256', 'EdDSA']),
  subject_type: z.enum(['public', 'pairwise']),
  sector_identifier_uri: uri,
  default_acr_values: words,
  default_max_age: z.number().int().min(0).describe('Seconds'),
  require_auth_time: z.boolean(),
  require_pushed_authorization_requests: z.boolean(),
  dpop_bound_access_tokens: z.boolean(),
  first_party: z.boolean().describe('Ours: people are not asked for consent'),
  strict_token_use: z.boolean().describe('No answer of the token endpoint is given twice'),
  cors_origins: uris.describe('Origins whose scripts may ask for tokens'),
  resources: uris.describe('Indicators of the APIs that it may ask tokens for'),
  second_factor: text(40).describe('What it asks of a second factor; without it, as the settings say'),
  access_token_seconds: seconds.describe('How long its access tokens live, where that is less than usual'),
  refresh_token_seconds: seconds.describe('How long its refresh tokens live, where that is less than usual'),
  roles: words.describe('What it may do on this API: for itself, and at the most for a person'),
};

type Names = keyof typeof described;

export const newMetadata = Object.fromEntries(
  Object.entries(described).map(([name, schema]) => [name, schema.optional()]),
) as unknown as { [N in Names]: z.ZodOptional<(typeof described)[N]> };

export const changedMetadata = Object.fromEntries(
  Object.entries(described).map(([name, schema]) => [name, schema.nullable().optional()]),
) as unknown as { [N in Names]: z.ZodOptional<z.ZodNullable<(typeof described)[N]>> };

export const secretSchema = z
  .strictObject({
    id: z.string(),
    created_at: time,
    expires_at: time.nullable().describe('null: it does not end by itself'),
  })
  .meta({ id: 'ClientSecret', description: 'That there is a secret; never the secret itself' });

export const clientSchema = z
  .strictObject({
    client_id: z.string(),
    ...newMetadata,
    enabled: z.boolean(),
    built_in: z.boolean().describe('Part of the product: cannot be changed'),
    secrets: z
      .array(secretSchema)
      .describe('At most two, so that one can be replaced without a refused request'),
    version,
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Client', description: 'An application, or a service, that asks for tokens' });

const names = Object.keys(described);

export function clientToWire(client: ClientRecord): z.input<typeof clientSchema> {
  const metadata = Object.entries(client.metadata).filter(([name]) => names.includes(name));
  return {
    client_id: client.metadata.client_id,
    ...(Object.fromEntries(metadata) as Partial<z.input<typeof clientSchema>>),
    enabled: client.isEnabled,
    built_in: client.isBuiltIn,
    secrets: client.secrets.map((secret) => ({
      id: secret.id,
      created_at: toTime(secret.createdAt),
      expires_at: toTimeOrNull(secret.expiresAt),
    })),
    version: client.version,
    created_at: toTime(client.createdAt),
    updated_at: toTime(client.updatedAt),
  };
}
