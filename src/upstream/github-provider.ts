import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientSecretPost,
  Configuration,
  type CustomFetch,
  calculatePKCECodeChallenge,
  customFetch,
  fetchProtectedResource,
} from 'openid-client';
import { readProfile } from './identity.ts';
import { OutboundFailure } from './outbound-fetch.ts';
import type { Provider } from './provider.ts';
import { BadAnswer } from './provider-problem.ts';
import type { ProviderSettings } from './provider-settings.ts';

/**
 * GitHub, and its Enterprise Server: OAuth 2.0 with neither discovery nor ID token. Who somebody is, is asked of
 * the API with the access token, which came straight from GitHub for a code that PKCE binds to this browser.
 */
export function createGitHubProvider(
  settings: ProviderSettings,
  redirectUri: string,
  fetch: CustomFetch,
): Provider {
  const isPublic = settings.issuer === 'https://github.com';
  const api = isPublic ? 'https://api.github.com' : new URL('/api/v3', settings.issuer).href;
  const configuration = new Configuration(
    {
      // By this name it would sign its answers (RFC 9207).
      issuer: new URL('/login/oauth', settings.issuer).href,
      authorization_endpoint: new URL('/login/oauth/authorize', settings.issuer).href,
      token_endpoint: new URL('/login/oauth/access_token', settings.issuer).href,
    },
    settings.clientId,
    {},
    ClientSecretPost(settings.clientSecret),
  );
  configuration[customFetch] = fetch;
  if (settings.issuer.startsWith('http:')) allowInsecureRequests(configuration);

  async function ask(path: string, accessToken: string): Promise<unknown> {
    const headers = new Headers({
      accept: 'application/vnd.github+json',
      'x-github-api-version': '2022-11-28',
    });
    const url = new URL(`${api}${path}`);
    const response = await fetchProtectedResource(configuration, accessToken, url, 'GET', undefined, headers);
    if (response.status >= 500 || response.status === 429)
      throw new OutboundFailure(`the API answered ${response.status}`);
    if (response.status !== 200) throw new BadAnswer(`the API answered ${response.status}`);
    return response.json().catch(() => {
      throw new BadAnswer('the API answered without JSON');
    });
  }

  return {
    settings,

    async authorizationUrl({ state, verifier }) {
      return buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: settings.scope,
        state,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
    },

    async identify(callback, { state, verifier }) {
      const tokens = await authorizationCodeGrant(configuration, callback, {
        expectedState: state,
        pkceCodeVerifier: verifier,
      });
      const [user, addresses] = await Promise.all([
        ask('/user', tokens.access_token),
        ask('/user/emails', tokens.access_token),
      ]);
      const { id, name, login, avatar_url: picture } = (user ?? {}) as Record<string, unknown>;
      // Not `login`: a name that was given up may become somebody else's.
      if (typeof id !== 'number' || !Number.isSafeInteger(id) || id <= 0)
        throw new BadAnswer('there is no user id');
      const primary = primaryAddress(addresses);
      const profile = readProfile({ email: primary?.email, name: name ?? login, picture });
      const emailVerified = profile.email !== undefined && primary?.verified === true;
      return {
        providerId: settings.id,
        issuer: settings.issuer,
        sub: String(id),
        ...profile,
        emailVerified,
        isEmailTrusted: emailVerified && settings.isEmailTrusted,
      };
    },
  };
}

function primaryAddress(addresses: unknown): { email?: unknown; verified?: unknown } | undefined {
  if (!Array.isArray(addresses)) return undefined;
  return addresses.find((address) => (address as { primary?: unknown } | null)?.primary === true);
}
