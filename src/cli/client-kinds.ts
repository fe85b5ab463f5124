import type { ClientMetadata } from '../oidc/oidc.ts';

/** What each kind of application needs; the rest is its own. */
export const kindMetadata = {
  web: { token_endpoint_auth_method: 'client_secret_basic', application_type: 'web' },
  spa: { token_endpoint_auth_method: 'none', application_type: 'web' },
  native: { token_endpoint_auth_method: 'none', application_type: 'native' },
  service: {
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
  },
} satisfies Record<string, Partial<ClientMetadata>>;
