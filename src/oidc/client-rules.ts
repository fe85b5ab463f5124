import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { acrValues } from '../acr.ts';
import { clientIdRule, isClientId } from './client-record.ts';
import {
  faultOfOrigin,
  faultOfRedirect,
  faultOfResource,
  faultOfText,
  faultOfWebAddress,
} from './client-text.ts';
import { secondFactorRules } from './second-factor.ts';

/**
 * Which metadata a client may have (RFC 7591 2, OpenID Connect Registration 2, and ours), and what is wrong with it
 * in words that say how to mend it. What fields mean to each other is for the engine to check, after this.
 */
type Metadata = Record<string, unknown>;
type Rule = (value: unknown, metadata: Metadata, limits: ClientLimits) => string | undefined;

/** Seconds; a client may have less of each, not more. */
export type ClientLimits = { accessTokenSeconds: number; refreshTokenSeconds: number };

const longestMetadata = 32 * 1024;
export const shortestTokenSeconds = 10;

const isTrueOrFalse: Rule = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false');

function oneOf(...allowed: readonly string[]): Rule {
  return (value) =>
    allowed.includes(value as string)
      ? undefined
      : `must be ${allowed.length > 1 ? `one of ${allowed.join(', ')}` : allowed[0]}`;
}

function wholeNumber(least: number, most: (limits: ClientLimits) => number): Rule {
  return (value, _metadata, limits) =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most(limits)
      ? undefined
      : `must be a whole number from ${least} to ${most(limits)}`;
}

function listOf(most: number, rule: Rule): Rule {
  return (value, metadata, limits) => {
    if (!Array.isArray(value)) return 'must be a list';
    if (value.length > most) return `must have at most ${most} entries`;
    for (const [at, one] of value.entries()) {
      const fault = rule(one, metadata, limits);
      if (fault) return `${value.length > 1 ? `(entry ${at + 1}) ` : ''}${fault}`;
    }
    return new Set(value).size === value.length ? undefined : 'has an entry twice';
  };
}

const page: Rule = (value) => faultOfWebAddress(value, { mayBeLoopback: false });
const fetched: Rule = (value) => faultOfWebAddress(value, { mayBeLoopback: true });
const redirects = listOf(50, (value, { application_type: type }) =>
  faultOfRedirect(value, type === 'native'),
);

function keySet(value: unknown): string | undefined {
  const keys = (value as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) return 'must be a JSON Web Key Set: {"keys": […]}';
  if (keys.length === 0 || keys.length > 20) return 'must have 1 to 20 keys';
  for (const [at, key] of keys.entries()) {
    if (privateParts.some((part) => (key as Metadata | null)?.[part] !== undefined)) {
      return 'has a private key in it; give the public part alone, and keep the other';
    }
    try {
      createPublicKey({ key: key as JsonWebKey, format: 'jwk' });
    } catch {
      return `has a key that is none (entry ${at + 1}); see RFC 7517`;
    }
  }
  return undefined;
}

const privateParts = ['d', 'p', 'q', 'k', 'priv'];

export const clientRules: Record<string, Rule> = {
  client_id: (value) => (typeof value === 'string' && isClientId(value) ? undefined : clientIdRule),
  client_name: (value) => faultOfText(value, 100),
  description: (value) => faultOfText(value, 1000, { hasLines: true }),
  contacts: listOf(10, (value) =>
    typeof value === 'string' && value.length <= 254 && /^[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]+$/.test(value)
      ? undefined
      : 'must be an e-mail address',
  ),
  client_uri: fetched,
  logo_uri: page,
  policy_uri: page,
  tos_uri: page,
  application_type: oneOf('web', 'native'),
  redirect_uris: redirects,
  post_logout_redirect_uris: redirects,
  initiate_login_uri: page,
  grant_types: listOf(
    10,
    oneOf(
      'authorization_code',
      'refresh_token',
      'client_credentials',
      'urn:ietf:params:oauth:grant-type:device_code',
    ),
  ),
  response_types: listOf(1, oneOf('code')),
  response_modes: listOf(10, oneOf('query', 'fragment', 'form_post')),
  scope: (value) => faultOfText(value, 1000),
  token_endpoint_auth_method: oneOf('client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'),
  token_endpoint_auth_signing_alg: oneOf('ES256', 'EdDSA', 'Ed25519', 'RS256', 'PS256'),
  jwks: keySet,
  jwks_uri: fetched,
  subject_type: oneOf('public', 'pairwise'),
  sector_identifier_uri: page,
  id_token_signed_response_alg: oneOf('ES256', 'EdDSA', 'RS256'),
  default_acr_values: listOf(10, oneOf(...acrValues)),
  default_max_age: wholeNumber(0, () => 365 * 24 * 3600),
  require_auth_time: isTrueOrFalse,
  require_pushed_authorization_requests: isTrueOrFalse,
  dpop_bound_access_tokens: isTrueOrFalse,
  first_party: isTrueOrFalse,
  strict_token_use: isTrueOrFalse,
  second_factor: oneOf(...secondFactorRules),
  resources: listOf(50, faultOfResource),
  cors_origins: listOf(50, faultOfOrigin),
  roles: listOf(50, (value) =>
    typeof value === 'string' && /^[a-z0-9_.:-]{1,64}$/.test(value) ? undefined : 'must be ids of roles',
  ),
  access_token_seconds: wholeNumber(shortestTokenSeconds, (limits) => limits.accessTokenSeconds),
  refresh_token_seconds: wholeNumber(shortestTokenSeconds, (limits) => limits.refreshTokenSeconds),
};

/** Fields that others know and that are decided elsewhere here. */
const elsewhere = new Map([
  ['client_secret', 'is not part of the metadata; secrets are made and removed by themselves'],
  ['client_secret_expires_at', 'is not part of the metadata; each secret has an end of its own'],
  ['client_id_issued_at', 'is written by Holdfast alone'],
]);

/** @returns what is wrong with the first field that does not fit, beginning with its name; undefined when all fit */
export function faultOfMetadata(metadata: Metadata, limits: ClientLimits): string | undefined {
  for (const [field, value] of Object.entries(metadata)) {
    const rule = Object.hasOwn(clientRules, field) ? clientRules[field] : undefined;
    if (!rule) return `${field} ${elsewhere.get(field) ?? `is no metadata of a client${nearest(field)}`}`;
    const fault = rule(value, metadata, limits);
    if (fault) return `${field} ${fault}`;
  }
  if (Buffer.byteLength(JSON.stringify(metadata)) > longestMetadata) {
    return `the metadata is too long: at most ${longestMetadata / 1024} KB altogether`;
  }
  return faultOfWhole(metadata);
}

/** What people forget most often, in words. */
function faultOfWhole(metadata: Metadata): string | undefined {
  const {
    response_types: answers = ['code'],
    redirect_uris: uris = [],
    token_endpoint_auth_method: method,
    grant_types: grants = [],
  } = metadata as { [field: string]: string[] } & { token_endpoint_auth_method?: string };
  if (answers.length > 0 && uris.length === 0) {
    return 'redirect_uris needs at least one address that people come back to; for a service that signs nobody in set response_types to []';
  }
  if (method === 'private_key_jwt' && metadata.jwks === undefined && metadata.jwks_uri === undefined) {
    return 'jwks_uri (or jwks) is needed with token_endpoint_auth_method "private_key_jwt": where the public keys of the client are';
  }
  if (method === 'none' && grants.includes('client_credentials')) {
    return 'token_endpoint_auth_method must not be "none" with grant type client_credentials: anybody could ask for tokens then';
  }
  return undefined;
}

/** The field that was meant, for one that is mistyped. */
function nearest(field: string): string {
  const plain = field.toLowerCase().replace(/[^a-z]/g, '');
  const found = Object.keys(clientRules).find((known) => {
    const other = known.replace(/_/g, '');
    return other === plain || (plain.length > 4 && (other.startsWith(plain) || plain.startsWith(other)));
  });
  return found ? ` (did you mean ${found}?)` : '';
}
