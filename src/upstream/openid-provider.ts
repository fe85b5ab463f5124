import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type Configuration,
  type CustomFetch,
  calculatePKCECodeChallenge,
  fetchUserInfo,
} from 'openid-client';
import type { Log } from '../log.ts';
import { createDiscovery } from './discovery.ts';
import { type Claims, type Identity, readProfile } from './identity.ts';
import type { Provider } from './provider.ts';
import { BadAnswer, problemOf } from './provider-problem.ts';
import type { ProviderSettings } from './provider-settings.ts';

/** Any OpenID Connect issuer, by the authorization code flow (Core 3.1) with PKCE (RFC 7636). */
export function createOpenIdProvider(
  settings: ProviderSettings,
  redirectUri: string,
  fetch: CustomFetch,
  log: Log,
): Provider {
  const configure = createDiscovery(settings, fetch, log);

  /** What the ID token leaves out, where the provider tells it elsewhere. */
  async function moreClaims(
    configuration: Configuration,
    accessToken: string,
    claims: Claims,
  ): Promise<Claims> {
    const isEnough = claims.email !== undefined && claims.name !== undefined;
    if (isEnough || configuration.serverMetadata().userinfo_endpoint === undefined) return claims;
    try {
      const more = await fetchUserInfo(configuration, accessToken, String(claims.sub));
      return { ...more, ...claims, ...emailOf(claims.email === undefined ? more : claims) };
    } catch (error) {
      const { problem, reason } = problemOf(error);
      if (problem !== 'provider-away') throw error;
      // Who it is, is known: that is enough for a person who has an account.
      log.warn({ upstream: settings.id, reason }, 'another provider tells no more about a person now');
      return claims;
    }
  }

  return {
    settings,

    async authorizationUrl({ state, nonce, verifier }, isFresh) {
      return buildAuthorizationUrl(await configure(), {
        redirect_uri: redirectUri,
        scope: settings.scope,
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        // Core 3.1.2.1. Not every provider heeds them; `auth_time` says so where it comes.
        ...(isFresh ? { prompt: 'login', max_age: '0' } : {}),
      });
    },

    async identify(callback, { state, nonce, verifier }) {
      const configuration = await configure();
      const tokens = await authorizationCodeGrant(configuration, callback, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      });
      const token = tokens.claims();
      if (!token) throw new BadAnswer('there is no ID token');
      if (token.sub === '' || token.sub.length > 255) throw new BadAnswer('sub is not of a fit length');
      const claims = await moreClaims(configuration, tokens.access_token, token);
      const profile = readProfile(claims);
      const emailVerified = profile.email !== undefined && isVerified(settings, claims);
      return {
        providerId: settings.id,
        issuer: token.iss,
        sub: token.sub,
        ...(typeof token.auth_time === 'number' ? { authenticatedAt: token.auth_time * 1000 } : {}),
        ...profile,
        emailVerified,
        isEmailTrusted: emailVerified && settings.isEmailTrusted && decidesAbout(settings, claims, profile),
      };
    },
  };
}

/** An address, and what is said of it, from one place: the one says nothing of the other's. */
function emailOf({ email, email_verified, xms_edov }: Claims): Claims {
  return { email, email_verified, xms_edov };
}

function isVerified(settings: ProviderSettings, claims: Claims): boolean {
  // Anyone with a tenant can write any address into it. This optional claim says that the tenant owns the
  // domain; nothing else of Microsoft's does.
  if (settings.kind === 'microsoft') return isTrue(claims.xms_edov);
  return isTrue(claims.email_verified);
}

/** Some providers send it as a text, or a number. */
function isTrue(value: unknown): boolean {
  return value === true || value === 'true' || value === 1 || value === '1';
}

/**
 * Google has verified an address of another domain once, and the mailbox may be somebody else's by now; it
 * decides about its own mail and about the domains that it hosts.
 */
function decidesAbout(
  settings: ProviderSettings,
  claims: Claims,
  { email = '' }: Pick<Identity, 'email'>,
): boolean {
  if (settings.kind !== 'google') return true;
  return /@(gmail|googlemail)\.com$/i.test(email) || typeof claims.hd === 'string';
}
