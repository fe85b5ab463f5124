import type { Identity } from './identity.ts';
import type { ProviderSettings } from './provider-settings.ts';

/** What makes one sign-in at another provider this one, and nobody else's. */
export type SignInChecks = {
  state: string;
  nonce: string;
  /** Of PKCE. */
  verifier: string;
};

/** Another provider. Both functions throw what `problemOf` in `provider-problem.ts` reads. */
export type Provider = {
  settings: ProviderSettings;
  /** @param isFresh asks the provider to let the person sign in anew, where it has a way to be asked */
  authorizationUrl(checks: SignInChecks, isFresh: boolean): Promise<URL>;
  /**
   * Checks an answer, exchanges its code, and asks who it is about.
   * @param callback the redirect URI, with the query that came back
   */
  identify(callback: URL, checks: SignInChecks): Promise<Identity>;
};
