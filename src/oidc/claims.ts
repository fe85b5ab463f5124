import type { Change } from '../redis/change.ts';

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

/**
 * What this module needs of accounts; `app.ts` hands it over. A lookup that fails throws `Unavailable`.
 *
 * An account's epoch counts up when all that was signed in before must end. Sessions and grants remember the
 * epoch of their sign-in; with another one, or a disabled account, they are worth nothing.
 */
export type AccountSource = {
  /** The account as it is now; undefined when it is gone or disabled. */
  present(accountId: string): Promise<PresentAccount | undefined>;
  /** Adds the check to a change that the account is active and its epoch is still this one. */
  requireEpoch(change: Change, accountId: string, epoch: number): void;
};

export type PresentAccount = {
  epoch: number;
  /** All of them, by their names on the wire. */
  claims: Record<string, unknown>;
};
