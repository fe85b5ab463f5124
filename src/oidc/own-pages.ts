import { randomText } from '../random.ts';
import type { ClientMetadata } from './client-store.ts';

/**
 * Holdfast's own pages about an account sign people in by the same authorization request as any client, so that
 * there is no second kind of sign-in. What they want of it is the session alone, which they then have; so the code
 * is bound to a PKCE challenge whose verifier nobody knows, and cannot be exchanged.
 */
export const ownClientId = 'holdfast-account';
export const signedInPath = '/account/signed-in';

export function ownClient(issuer: string): ClientMetadata {
  return {
    client_id: ownClientId,
    client_name: 'Holdfast',
    client_uri: `${issuer}/account`,
    redirect_uris: [`${issuer}${signedInPath}`],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    first_party: true,
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

/** @returns path and query of the authorization request that brings the browser back to `signedInPath` */
export function signInPath(issuer: string, wish: SignInWish): string {
  const query = new URLSearchParams({
    client_id: ownClientId,
    response_type: 'code',
    scope: 'openid',
    redirect_uri: `${issuer}${signedInPath}`,
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
