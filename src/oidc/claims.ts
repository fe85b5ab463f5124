import type { Change } from '../redis/change.ts';

const standardClaims = {
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

/** Which claims each scope opens (OpenID Connect Core 5.4). @param names of the claims that roles and groups define */
export function claimsByScope(names: { roles: string[]; groups: string[] }): Record<string, string[]> {
  return { ...standardClaims, roles: ['roles', ...names.roles], groups: ['groups', ...names.groups] };
}

/**
 * All claims that there are for a person, those of roles and groups among them. Where a role and a group define a
 * claim of the same name, the one that a scope was granted for is told.
 */
export function claimsOf(present: PresentAccount, scope: string): Record<string, unknown> {
  const { claims, roleClaims, groupClaims } = present;
  return scope.split(' ').includes('roles')
    ? { ...groupClaims, ...roleClaims, ...claims }
    : { ...roleClaims, ...groupClaims, ...claims };
}

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
  /** Of the account itself, by their names on the wire. */
  claims: Record<string, unknown>;
  /** Of scope `roles`: the ids, and what the roles define. */
  roleClaims: Record<string, unknown>;
  /** Of scope `groups`. */
  groupClaims: Record<string, unknown>;
};
