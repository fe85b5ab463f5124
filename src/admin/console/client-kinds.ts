import type { ClientMetadata } from '../../oidc/oidc.ts';
import { textsOf } from './client-labels.ts';

/**
 * Kinds of application as people think of them, and the metadata that is safe for each (RFC 9700, RFC 8252, RFC
 * 8628). PKCE is asked of every client, so none of them says so.
 */
export const clientKinds = ['web', 'spa', 'native', 'service', 'device', 'gateway'] as const;
export type ClientKind = (typeof clientKinds)[number];

/** What the wizard asks about a kind. */
export type KindQuestions = {
  /** It sends people to us and gets them back. */
  hasRedirects: boolean;
  /** Somebody signs in to it, so that there is somebody to be known and asked. */
  hasPeople: boolean;
  /** It calls APIs; for a service that is all it does. */
  hasApis: boolean;
  /** It acts on the admin API by roles of its own. */
  hasRoles: boolean;
  /** A refresh token is what it usually needs. */
  isOfflineAtFirst: boolean;
  hasSecret: boolean;
  exampleRedirect: string;
};

const asked = (more: Partial<KindQuestions>): KindQuestions => ({
  hasRedirects: true,
  hasPeople: true,
  hasApis: true,
  hasRoles: false,
  isOfflineAtFirst: false,
  hasSecret: false,
  exampleRedirect: '',
  ...more,
});

export const kindQuestions: Record<ClientKind, KindQuestions> = {
  web: asked({ hasSecret: true, exampleRedirect: 'https://app.example.com/auth/callback' }),
  spa: asked({ isOfflineAtFirst: true, exampleRedirect: 'https://app.example.com/callback' }),
  native: asked({ isOfflineAtFirst: true, exampleRedirect: 'com.example.app:/callback' }),
  service: asked({ hasRedirects: false, hasPeople: false, hasRoles: true, hasSecret: true }),
  device: asked({ hasRedirects: false, isOfflineAtFirst: true }),
  gateway: asked({
    hasApis: false,
    hasSecret: true,
    exampleRedirect: 'https://app.example.com/oauth2/callback',
  }),
};

/** Scopes about a person that the wizard offers, beside openid. */
export const personScopes = ['profile', 'email', 'roles', 'groups'] as const;

export type KindAnswers = {
  name: string;
  redirects: string[];
  postLogout: string[];
  isOurs: boolean;
  /** Of `personScopes`. */
  scopes: string[];
  isOffline: boolean;
  /** Indicators of APIs. */
  apis: string[];
  roles: string[];
};

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

/** @returns metadata without client_id; it names nothing that is a default anyway */
export function metadataFor(kind: ClientKind, answers: KindAnswers): Partial<ClientMetadata> {
  const { hasRedirects, hasPeople, hasApis, hasRoles, hasSecret } = kindQuestions[kind];
  const { redirects, postLogout, isOffline, apis, roles } = answers;
  const refresh = hasPeople && isOffline ? ['refresh_token'] : [];
  const signIn = kind === 'device' ? deviceGrant : 'authorization_code';
  return {
    client_name: answers.name,
    application_type: kind === 'native' || kind === 'device' ? 'native' : 'web',
    token_endpoint_auth_method: hasSecret ? 'client_secret_basic' : 'none',
    grant_types: hasPeople ? [signIn, ...refresh] : ['client_credentials'],
    response_types: hasRedirects ? ['code'] : [],
    redirect_uris: hasRedirects ? redirects : [],
    ...(hasRedirects && postLogout.length > 0 ? { post_logout_redirect_uris: postLogout } : {}),
    ...(hasPeople ? { first_party: answers.isOurs, scope: scopeOf(kind, answers) } : {}),
    // Its pages call the token endpoint themselves.
    ...(kind === 'spa' ? { cors_origins: originsOf(redirects) } : {}),
    ...(hasApis && apis.length > 0 ? { resources: apis } : {}),
    ...(hasRoles && roles.length > 0 ? { roles } : {}),
  };
}

function scopeOf(kind: ClientKind, { scopes, isOffline }: KindAnswers): string {
  const known = personScopes.filter((one) => scopes.includes(one));
  return ['openid', ...known, ...(kindQuestions[kind].hasPeople && isOffline ? ['offline_access'] : [])].join(
    ' ',
  );
}

function originsOf(addresses: string[]): string[] {
  return [...new Set(addresses.flatMap((one) => URL.parse(one)?.origin ?? []))];
}

/** The kind that metadata looks like; a gateway is a web application. */
export function kindOf(metadata: Record<string, unknown>): Exclude<ClientKind, 'gateway'> {
  const grants = textsOf(metadata, 'grant_types');
  const isPublic = metadata.token_endpoint_auth_method === 'none';
  if (grants.includes(deviceGrant) && !grants.includes('authorization_code')) return 'device';
  if (grants.includes('client_credentials') && !grants.includes('authorization_code')) return 'service';
  if (metadata.application_type === 'native') return 'native';
  return isPublic ? 'spa' : 'web';
}

/** The scopes that the settings of an application ask for. */
export function scopesFor(metadata: Record<string, unknown>): string[] {
  if (typeof metadata.scope === 'string') return metadata.scope.split(' ').filter(Boolean);
  const offline = textsOf(metadata, 'grant_types').includes('refresh_token') ? ['offline_access'] : [];
  return ['openid', 'profile', 'email', ...offline];
}
