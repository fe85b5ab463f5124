import { z } from 'zod';
import { permissions } from '../access/access.ts';
import { clientRules } from '../oidc/client-rules.ts';
import { settingNames } from '../settings/setting-values.ts';

/**
 * What a file of declarations may say. An unknown key is a mistake and not ignored: it would be a setting that
 * somebody believes in. Whether values fit is for the flows to say; here is only what kind of value each is.
 */
const text = z.string({ error: 'must be a text' });
const words = z.array(text, { error: 'must be a list' });
const flag = z.boolean({ error: 'must be true or false' });
const wholeNumber = z.int({ error: 'must be a whole number' });
const claims = z.record(z.string(), z.union([text, z.number(), flag, z.array(text)]), {
  error: 'must be names with values: texts, numbers, true or false, or lists of texts',
});
const byId = <T extends z.ZodType>(one: T) =>
  z.record(z.string(), one, { error: 'must be ids with what they stand for' }).default({});

const resource = z.strictObject({
  name: text.optional(),
  /** Scope → what it lets an application do. */
  scopes: z.record(z.string(), text.nullable(), { error: 'must be scopes with a text for each' }).default({}),
  access_token_seconds: wholeNumber.optional(),
  signing_algorithm: z
    .enum(['RS256', 'ES256', 'EdDSA'], { error: 'must be RS256, ES256 or EdDSA' })
    .default('ES256'),
  format: z.enum(['jwt', 'opaque'], { error: 'must be jwt or opaque' }).default('jwt'),
  has_roles: flag.default(false),
});

const role = z.strictObject({
  name: text.optional(),
  description: text.default(''),
  permissions: z
    .array(z.enum(permissions, { error: ({ input }) => `"${String(input)}" is no permission` }), {
      error: 'must be a list',
    })
    .default([]),
  claims: claims.default({}),
});

const group = z.strictObject({
  name: text.optional(),
  description: text.default(''),
  roles: words.default([]),
  claims: claims.default({}),
});

const { client_id: _, ...metadataRules } = clientRules;
const metadata = Object.fromEntries(Object.keys(metadataRules).map((name) => [name, z.unknown().optional()]));

export const clientKinds = ['web', 'spa', 'native', 'service'] as const;

const client = z.strictObject({
  ...metadata,
  kind: z.enum(clientKinds, { error: `must be ${clientKinds.join(', ')}` }).optional(),
  enabled: flag.default(true),
  /** Never the secret itself: the file is in a repository. */
  secret: z
    .union([z.strictObject({ env: text }), z.strictObject({ file: text })], {
      error: 'must be { env: NAME } or { file: path }: a secret itself has no place in this file',
    })
    .optional(),
});

const settings = z
  .strictObject(Object.fromEntries(settingNames.map((name) => [name, z.unknown().optional()])))
  .default({});

export const declaredFile = z.strictObject(
  {
    managed_by: z
      .string({ error: 'must be a text' })
      .regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits and - _ .')
      .default('default'),
    resources: byId(resource),
    roles: byId(role),
    groups: byId(group),
    settings,
    clients: byId(client),
  },
  { error: 'must have any of managed_by, resources, roles, groups, settings and clients' },
);

export type DeclaredFile = z.output<typeof declaredFile>;
