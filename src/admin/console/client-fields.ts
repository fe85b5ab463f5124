import type { z } from 'zod';
import { acrValues } from '../../acr.ts';
import { secondFactorRules } from '../../oidc/oidc.ts';
import { textsOf } from './client-labels.ts';
import { manyField, textField } from './console-route.ts';

/** Metadata of a client as a form asks for it, by groups; client-rules.ts has which values fit. */
export const fieldGroups = [
  'general',
  'redirects',
  'sign-in',
  'people',
  'tokens',
  'keys',
  'apis',
  'roles',
] as const;
export type FieldGroup = (typeof fieldGroups)[number];

type Shape =
  | { type: 'text'; isLtr?: boolean }
  | { type: 'long' }
  /** A line for each. */
  | { type: 'lines' }
  | { type: 'number' }
  /** One of these, or none, which leaves it to what is usual. */
  | { type: 'choice'; options: readonly string[] }
  | { type: 'many'; options: readonly string[] }
  /** Those that there are, which are looked up. */
  | { type: 'apis' | 'roles' }
  | { type: 'yes-no' }
  | { type: 'json' };

export type ClientField = { name: string } & Shape;

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

export const clientFields: Record<FieldGroup, readonly ClientField[]> = {
  general: [
    { name: 'client_name', type: 'text' },
    { name: 'description', type: 'long' },
    { name: 'client_uri', type: 'text', isLtr: true },
    { name: 'logo_uri', type: 'text', isLtr: true },
    { name: 'policy_uri', type: 'text', isLtr: true },
    { name: 'tos_uri', type: 'text', isLtr: true },
    { name: 'contacts', type: 'lines' },
  ],
  redirects: [
    { name: 'application_type', type: 'choice', options: ['web', 'native'] },
    { name: 'redirect_uris', type: 'lines' },
    { name: 'post_logout_redirect_uris', type: 'lines' },
    { name: 'initiate_login_uri', type: 'text', isLtr: true },
    { name: 'cors_origins', type: 'lines' },
  ],
  'sign-in': [
    { name: 'second_factor', type: 'choice', options: secondFactorRules },
    { name: 'default_acr_values', type: 'many', options: acrValues },
    { name: 'default_max_age', type: 'number' },
    { name: 'require_auth_time', type: 'yes-no' },
  ],
  people: [
    { name: 'first_party', type: 'yes-no' },
    { name: 'scope', type: 'text', isLtr: true },
    { name: 'subject_type', type: 'choice', options: ['public', 'pairwise'] },
    { name: 'sector_identifier_uri', type: 'text', isLtr: true },
  ],
  tokens: [
    {
      name: 'grant_types',
      type: 'many',
      options: ['authorization_code', 'refresh_token', 'client_credentials', deviceGrant],
    },
    { name: 'access_token_seconds', type: 'number' },
    { name: 'refresh_token_seconds', type: 'number' },
    { name: 'id_token_signed_response_alg', type: 'choice', options: ['ES256', 'EdDSA', 'RS256'] },
    { name: 'strict_token_use', type: 'yes-no' },
    { name: 'dpop_bound_access_tokens', type: 'yes-no' },
    { name: 'require_pushed_authorization_requests', type: 'yes-no' },
  ],
  keys: [
    {
      name: 'token_endpoint_auth_method',
      type: 'choice',
      options: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    },
    { name: 'jwks_uri', type: 'text', isLtr: true },
    { name: 'jwks', type: 'json' },
    {
      name: 'token_endpoint_auth_signing_alg',
      type: 'choice',
      options: ['ES256', 'EdDSA', 'Ed25519', 'RS256', 'PS256'],
    },
  ],
  apis: [{ name: 'resources', type: 'apis' }],
  roles: [{ name: 'roles', type: 'roles' }],
};

/** A field with its value, as a template shows it. */
export type FieldView = ClientField & { value: string; chosen: string[]; choices: FieldChoice[] };
export type FieldChoice = { value: string; label: string; hint: string; isFixed: boolean };

/** The fields of a form. */
export function formFields(fields: readonly ClientField[]): Record<string, z.ZodType<string | string[]>> {
  return Object.fromEntries(
    fields.map(({ name, type }) => [
      name,
      isMany(type) ? manyField : type === 'lines' || type === 'json' ? textField(40_000) : textField(4000),
    ]),
  );
}

function isMany(type: ClientField['type']): boolean {
  return type === 'many' || type === 'apis' || type === 'roles';
}

/** What is in the metadata, as the form has it. */
export function enteredOf(metadata: Record<string, unknown>, { name, type }: ClientField): string | string[] {
  const value = metadata[name];
  if (isMany(type)) return textsOf(metadata, name);
  if (value === undefined || value === null) return '';
  if (type === 'lines') return textsOf(metadata, name).join('\n');
  if (type === 'json') return JSON.stringify(value, null, 2);
  if (type === 'yes-no') return value === true ? 'yes' : 'no';
  return String(value);
}

/**
 * What was entered, as metadata; null takes a field away, so that what is usual holds.
 * @throws never; what does not fit is left to the rules of the metadata, which say so
 */
export function metadataOf({ name, type }: ClientField, entered: string | string[]): unknown {
  if (Array.isArray(entered)) return entered.length > 0 ? entered : null;
  if (entered === '') return name === 'redirect_uris' ? [] : null;
  switch (type) {
    case 'lines':
      return linesOf(entered);
    case 'number':
      return /^\d+$/.test(entered) ? Number(entered) : entered;
    case 'yes-no':
      return entered === 'yes';
    case 'json':
      return parsed(entered);
    default:
      return entered.replace(/\r\n/g, '\n');
  }
}

export function linesOf(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter(Boolean);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
