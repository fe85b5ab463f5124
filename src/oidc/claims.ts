/** Which claims each scope opens (OpenID Connect Core 5.4), and those that have no scope. */
export const claimsByScope = {
  openid: ['sub', 'acr', 'amr', 'auth_time'],
  profile: [
    'name',
    'family_name',
    'given_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'profile',
    'picture',
    'website',
    'gender',
    'birthdate',
    'zoneinfo',
    'locale',
    'updated_at',
  ],
  email: ['email', 'email_verified'],
};

/** What the engine asks an account for. */
export type AccountClaims = Record<string, unknown> & { sub: string };

/**
 * What this module needs of accounts; `app.ts` hands it over. A lookup that fails throws `Unavailable`.
 */
export type AccountSource = {
  /** Whether the account exists and may sign in. */
  isActive(accountId: string): Promise<boolean>;
  /** All claims of the account; undefined when it is gone or disabled. */
  claims(accountId: string): Promise<Record<string, unknown> | undefined>;
};
