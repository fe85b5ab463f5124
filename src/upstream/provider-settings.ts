import { z } from 'zod';

/**
 * How other providers are set: three that are prepared (Google, Microsoft, GitHub), and any OpenID Connect
 * issuer. Read by config.ts when the process starts; a fault names the setting, never a value.
 */
export type ProviderSettings = {
  /** In URLs, and in what is stored with a link; stays the same for good. */
  id: string;
  /** What a person knows it by. */
  name: string;
  /** `oidc` is any issuer; the others differ in what their answers are worth. */
  kind: 'oidc' | 'google' | 'microsoft' | 'github';
  issuer: string;
  clientId: string;
  clientSecret: string;
  scope: string;
  /**
   * Whether an address that it has verified may lead to the account with the same verified address, with no
   * sign-in there first. Who may do that to any address owns every account.
   */
  isEmailTrusted: boolean;
  /** Its own host may have a private address: a provider inside the same network. */
  isPrivate: boolean;
};

export const microsoftOrigin = 'https://login.microsoftonline.com';

const prepared = {
  google: { name: 'Google', issuer: 'https://accounts.google.com', scope: 'openid email profile' },
  microsoft: { name: 'Microsoft', issuer: '', scope: 'openid email profile' },
  github: { name: 'GitHub', issuer: 'https://github.com', scope: 'read:user user:email' },
  oidc: { name: undefined, issuer: undefined, scope: 'openid email profile' },
} as const;

const issuer = z.string().refine(
  (value) => {
    if (!URL.canParse(value)) return false;
    const url = new URL(value);
    const isWeb = url.protocol === 'https:' || url.protocol === 'http:';
    return isWeb && !url.search && !url.hash && !url.username && !url.password;
  },
  { error: 'must be a URL such as https://login.example.com, without query, fragment or credentials' },
);

const text = z
  .string({ error: 'must be a text' })
  .min(1, 'must not be empty')
  .max(2048, 'must be at most 2048 characters')
  .regex(/^[\x20-\x7e]+$/, 'must be printable ASCII');

const tenant = z
  .string()
  .regex(/^[\w.-]{1,100}$/, 'must be a tenant id or name, or common, organizations or consumers');

const entry = z.strictObject({
  id: z
    .string({ error: 'must be a text' })
    .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'must be lower-case letters, digits and dashes, at most 32'),
  type: z
    .enum(['oidc', 'google', 'microsoft', 'github'], { error: 'must be oidc, google, microsoft or github' })
    .default('oidc'),
  name: z
    .string({ error: 'must be a text' })
    .min(1, 'must not be empty')
    .max(64, 'must be at most 64 characters')
    .optional(),
  issuer: issuer.optional(),
  tenant: tenant.optional(),
  client_id: text,
  client_secret: text,
  scope: text.optional(),
  trusted_email: z.boolean({ error: 'must be true or false' }).default(false),
  private_network: z.boolean({ error: 'must be true or false' }).default(false),
});

type Entry = z.output<typeof entry>;

/** HOLDFAST_UPSTREAM: a JSON list of providers. */
export const providerList = z.string().transform((value, context): ProviderSettings[] => {
  const fail = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch (fault) {
    // The parser's message repeats a piece of the text, which may be of a secret.
    const [place = ''] = /line \d+ column \d+/.exec(String(fault)) ?? [];
    return fail(`must be a JSON list of providers${place && `; it breaks at ${place}`}`);
  }
  if (!Array.isArray(json)) return fail('must be a JSON list of providers, in [ and ]');

  const providers: ProviderSettings[] = [];
  for (const [index, item] of json.entries()) {
    const parsed = entry.safeParse(item);
    const fault = parsed.success ? faultOf(parsed.data) : firstFault(parsed.error);
    if (fault) return fail(`entry ${index + 1}: ${fault}`);
    if (parsed.success) providers.push(toSettings(parsed.data));
  }
  return providers;
});

/** The variables of the prepared providers, as they stand in the environment. */
export type PreparedVariables = {
  HOLDFAST_UPSTREAM: ProviderSettings[];
  HOLDFAST_UPSTREAM_GOOGLE_CLIENT_ID?: string | undefined;
  HOLDFAST_UPSTREAM_GOOGLE_CLIENT_SECRET?: string | undefined;
  HOLDFAST_UPSTREAM_MICROSOFT_CLIENT_ID?: string | undefined;
  HOLDFAST_UPSTREAM_MICROSOFT_CLIENT_SECRET?: string | undefined;
  HOLDFAST_UPSTREAM_MICROSOFT_TENANT: string;
  HOLDFAST_UPSTREAM_GITHUB_CLIENT_ID?: string | undefined;
  HOLDFAST_UPSTREAM_GITHUB_CLIENT_SECRET?: string | undefined;
};

export const microsoftTenant = tenant;
export const clientCredential = text;

/**
 * All providers: the prepared ones that have credentials, then those of the list.
 * @param fault told of a variable and what is wrong with it
 */
export function collectProviders(
  variables: PreparedVariables,
  options: { mayBeHttp: boolean },
  fault: (variable: string, message: string) => void,
): ProviderSettings[] {
  const providers: ProviderSettings[] = [];
  for (const kind of ['google', 'microsoft', 'github'] as const) {
    const names = credentialNames(kind);
    const clientId = variables[names.id];
    const clientSecret = variables[names.secret];
    if (clientId === undefined && clientSecret === undefined) continue;
    if (clientId === undefined) fault(names.id, `is required where ${names.secret} is set`);
    else if (clientSecret === undefined) fault(names.secret, `is required where ${names.id} is set`);
    else {
      const given = { id: kind, type: kind, client_id: clientId, client_secret: clientSecret };
      const more = kind === 'microsoft' ? { tenant: variables.HOLDFAST_UPSTREAM_MICROSOFT_TENANT } : {};
      providers.push(toSettings(entry.parse({ ...given, ...more })));
    }
  }
  providers.push(...variables.HOLDFAST_UPSTREAM);

  const ids = new Set<string>();
  for (const provider of providers) {
    if (ids.has(provider.id)) fault('HOLDFAST_UPSTREAM', `has the id ${provider.id} twice`);
    ids.add(provider.id);
    if (provider.issuer.startsWith('http:') && !options.mayBeHttp) {
      fault(
        'HOLDFAST_UPSTREAM',
        `${provider.id}: issuer must start with https:// (HOLDFAST_UNSAFE_ALLOW_HTTP=true allows http:// for a trial)`,
      );
    }
  }
  return providers;
}

function credentialNames<Kind extends 'google' | 'microsoft' | 'github'>(kind: Kind) {
  const name = kind.toUpperCase() as Uppercase<Kind>;
  return {
    id: `HOLDFAST_UPSTREAM_${name}_CLIENT_ID`,
    secret: `HOLDFAST_UPSTREAM_${name}_CLIENT_SECRET`,
  } as const;
}

/** What one field alone does not show. */
function faultOf(given: Entry): string | undefined {
  const { type } = given;
  if (type === 'oidc' && given.issuer === undefined) return 'issuer is required';
  if (type === 'oidc' && given.name === undefined) return 'name is required';
  if (type === 'google' && given.issuer !== undefined) return 'issuer is known for google: leave it out';
  if (type === 'microsoft' && given.issuer !== undefined)
    return 'give tenant rather than issuer for microsoft';
  if (type !== 'microsoft' && given.tenant !== undefined) return 'tenant is for microsoft alone';
  const hasOpenId = given.scope === undefined || given.scope.split(' ').includes('openid');
  if (type !== 'github' && !hasOpenId) return 'scope must have openid in it';
  return undefined;
}

function toSettings(given: Entry): ProviderSettings {
  const known = prepared[given.type];
  const isMicrosoft = given.type === 'microsoft';
  const ownIssuer = isMicrosoft ? `${microsoftOrigin}/${given.tenant ?? 'common'}/v2.0` : given.issuer;
  const providerIssuer = ownIssuer ?? known.issuer ?? '';
  // By whichever name it goes, Microsoft's addresses are not verified ones.
  const isMicrosoftByAddress = given.type === 'oidc' && new URL(providerIssuer).origin === microsoftOrigin;
  return {
    id: given.id,
    name: given.name ?? known.name ?? given.id,
    kind: isMicrosoftByAddress ? 'microsoft' : given.type,
    issuer: providerIssuer,
    clientId: given.client_id,
    clientSecret: given.client_secret,
    scope: given.scope ?? known.scope,
    isEmailTrusted: given.trusted_email,
    isPrivate: given.private_network,
  };
}

function firstFault(error: z.ZodError): string {
  const [issue] = error.issues;
  if (!issue) return 'is not a provider';
  if (issue.code === 'unrecognized_keys')
    return `does not know ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
  const [field] = issue.path;
  if (field === undefined) return 'must be an object, in { and }';
  return `${String(field)} ${issue.message}`;
}
