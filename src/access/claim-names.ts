/**
 * Names that a claim of a role or group must not have: those that say something else in a token or at userinfo
 * already. Whoever defines roles must not be able to pass for another account, client, session or sign-in by them.
 */
const taken = new Set([
  // RFC 7519 4.1
  ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti'],
  // OpenID Connect Core 2, 3.1.3.6, 3.3.2.11, 5.6.2; Front- and Back-Channel Logout
  ...[
    'auth_time',
    'nonce',
    'acr',
    'amr',
    'azp',
    'at_hash',
    'c_hash',
    's_hash',
    '_claim_names',
    '_claim_sources',
  ],
  ...['sid', 'events', 'sub_jwk', 'sub_id', 'txn', 'toe'],
  // OpenID Connect Core 5.1
  ...[
    'name',
    'given_name',
    'family_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'profile',
    'picture',
  ],
  ...['website', 'email', 'email_verified', 'gender', 'birthdate', 'zoneinfo', 'locale', 'phone_number'],
  ...['phone_number_verified', 'address', 'updated_at', 'verified_claims'],
  // RFC 9068 2.2, RFC 8693 4, RFC 7800 3.1, RFC 9396 9.1, RFC 7662 2.2
  ...[
    'client_id',
    'scope',
    'roles',
    'groups',
    'entitlements',
    'act',
    'may_act',
    'cnf',
    'authorization_details',
  ],
  ...['active', 'username', 'token_type', 'claims'],
  // Members of every object, which must not be hidden by a value.
  ...Object.getOwnPropertyNames(Object.prototype),
  'prototype',
]);

const pattern = /^[A-Za-z_][A-Za-z0-9_.:/~-]{0,119}$/;

/** @returns what is wrong with the name, for people; undefined when it fits */
export function claimNameFault(name: string): string | undefined {
  if (!pattern.test(name)) {
    return 'Begin with a letter and use letters, digits and _ . : / ~ - only, at most 120.';
  }
  // `hf` is where this provider puts what is its own.
  if (taken.has(name) || /^hf(?![A-Za-z0-9])/.test(name)) {
    return 'This name means something else in tokens already. Please choose another one.';
  }
  return undefined;
}
