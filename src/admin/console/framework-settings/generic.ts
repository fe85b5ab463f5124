import { clientKinds } from '../client-kinds.ts';
import { endpointsOf, type Framework, secretVariable, shell } from './framework.ts';

export const generic: Framework = {
  id: 'generic',
  name: 'Anything else',
  kinds: clientKinds,
  files({ issuer, clientId, redirectUri, postLogoutUri, scopes, apis }) {
    const values: [string, string | undefined][] = [
      ['OIDC_ISSUER', issuer],
      ['OIDC_DISCOVERY', endpointsOf(issuer).discovery],
      ['OIDC_CLIENT_ID', clientId],
      ['OIDC_REDIRECT_URI', redirectUri || undefined],
      ['OIDC_POST_LOGOUT_REDIRECT_URI', postLogoutUri],
      ['OIDC_SCOPE', scopes.join(' ') || undefined],
      ['OIDC_RESOURCE', apis[0]?.indicator],
      ['OIDC_PKCE_METHOD', redirectUri === '' ? undefined : 'S256'],
    ];
    const lines = values.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${shell(value)}`]));
    return [
      {
        name: '.env',
        language: 'env',
        text: `${lines.join('\n')}\n# Where there is a secret, it comes as ${secretVariable} from where secrets are kept.\n`,
      },
    ];
  },
};
