import { randomText } from '../random.ts';
import type { ClientMetadata } from './client-store.ts';
import type { SecondFactorRule } from './second-factor.ts';

/**
 * Holdfast's own pages about an account sign people in by the same authorization request as any client, so that
 * there is no second kind of sign-in. What they want of it is the session alone, which they then have; so the code
 * is bound to a PKCE challenge whose verifier nobody knows, and cannot be exchanged.
 */
export const ownClientId = 'holdfast-account';
export const signedInPath = '/account/signed-in';
/** The admin console, which is such a page of its own: it may ask for a stronger sign-in. */
export const adminClientId = 'holdfast-admin';
export const adminSignedInPath = '/admin/signed-in';

/** @param secondFactor what it asks of a sign-in, as it is now; see second-factor.ts */
export function ownClient(issuer: string, secondFactor: () => SecondFactorRule): ClientMetadata {
  return pageClient(
    issuer,
    { id: ownClientId, name: 'Holdfast', home: '/account', signedInPath },
    secondFactor,
  );
}

export function adminClient(issuer: string, secondFactor: () => SecondFactorRule): ClientMetadata {
  const page = {
    id: adminClientId,
    name: 'Holdfast administration',
    home: '/admin',
    signedInPath: adminSignedInPath,
  };
  return pageClient(issuer, page, secondFactor);
}

function pageClient(
  issuer: string,
  page: { id: string; name: string; home: string; signedInPath: string },
  secondFactor: () => SecondFactorRule,
): ClientMetadata {
  return {
    client_id: page.id,
    client_name: page.name,
    client_uri: `${issuer}${page.home}`,
    redirect_uris: [`${issuer}${page.signedInPath}`],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    first_party: true,
    get second_factor() {
      return secondFactor();
    },
  };
}

export type SignInWish = {
  /** Comes back as `state`, with whatever the caller sealed into it. */
  state: string;
  /** The sign-in may be this old at the most; 0 asks for a new one. */
  maxAgeSeconds?: number;
  acrValues?: string;
  loginHint?: string;
  uiLocales?: string;
};

/**
 * @param clientId the page's own client, where it is not the account's
 * @returns path and query of the authorization request that brings the browser back to its `signedInPath`
 */
export function signInPath(
  issuer: string,
  wish: SignInWish,
  clientId: typeof ownClientId | typeof adminClientId = ownClientId,
): string {
  const back = clientId === ownClientId ? signedInPath : adminSignedInPath;
  const query = new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    scope: 'openid',
    redirect_uri: `${issuer}${back}`,
    state: wish.state,
    code_challenge: randomText(32),
    code_challenge_method: 'S256',
  });
  if (wish.maxAgeSeconds !== undefined) query.set('max_age', String(wish.maxAgeSeconds));
  if (wish.acrValues) query.set('acr_values', wish.acrValues);
  if (wish.loginHint) query.set('login_hint', wish.loginHint);
  if (wish.uiLocales) query.set('ui_locales', wish.uiLocales);
  return `/auth?${query}`;
}
