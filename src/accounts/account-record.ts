import { type Profile, pickProfile } from './profile.ts';

export const idPattern = /^[\w-]{1,64}$/;

export type AccountStatus = 'active' | 'disabled';

/** An account as the rest of Holdfast sees it: without its password hash. Times are ms since the epoch. */
export type Account = Profile & {
  id: string;
  email: string;
  emailVerified: boolean;
  hasPassword: boolean;
  status: AccountStatus;
  /** The version of the terms that was accepted last, and when. */
  terms?: { version: string; acceptedAt: number };
  /** Ids of its roles and groups; see access/access.ts. Absent for none. */
  roles?: string[];
  groups?: string[];
  /** Its person chooses another password at the next sign-in. */
  mustChangePassword?: boolean;
  /** Counts up when all that was signed in before must end: another password, disabled. */
  epoch: number;
  /** Counts up with every change. */
  version: number;
  createdAt: number;
  updatedAt: number;
};

/** An account as it lies in Redis. */
export type StoredAccount = {
  account: Account;
  /** Written, but its e-mail address is not its own for good yet: nobody may see it. */
  isPending: boolean;
  /** What it becomes when it is no longer pending. */
  opensAs: AccountStatus;
  /**
   * The address that it holds besides its own, as a keyed hash: the one that it is moving to, or for a time the
   * one that it had. `until` is ms of Redis time.
   */
  otherEmail: { hash: string; until: number } | undefined;
  /** The completions of its moves to another address that can still be taken back. */
  moves: string[];
  /** Sealed for this account; see `accounts.ts`. */
  passwordHash: string | undefined;
};

/** The fields of the hash. */
export function toFields(account: Omit<Account, 'hasPassword' | 'status'>): Record<string, string> {
  return {
    ...pickProfile(account),
    email: account.email,
    emailVerified: account.emailVerified ? '1' : '0',
    ...(account.terms && toTermsFields(account.terms)),
    ...toAccessFields(account),
    epoch: String(account.epoch),
    version: String(account.version),
    createdAt: String(account.createdAt),
    updatedAt: String(account.updatedAt),
  };
}

export function toTermsFields(terms: { version: string; acceptedAt: number }): Record<string, string> {
  return { termsVersion: terms.version, termsAcceptedAt: String(terms.acceptedAt) };
}

/** Fields for what is there: a list that is empty, and `false`, are fields that are absent. */
export function toAccessFields(
  account: Pick<Account, 'roles' | 'groups' | 'mustChangePassword'>,
): Record<string, string> {
  return {
    ...(account.roles?.length && { roles: account.roles.join(' ') }),
    ...(account.groups?.length && { groups: account.groups.join(' ') }),
    ...(account.mustChangePassword && { mustChangePassword: '1' }),
  };
}

export function fromFields(id: string, fields: Record<string, string>): StoredAccount {
  return {
    account: {
      ...pickProfile(fields),
      id,
      email: fields.email ?? '',
      emailVerified: fields.emailVerified === '1',
      hasPassword: fields.passwordHash !== undefined,
      // What is not plainly active may not sign in.
      status: fields.status === 'active' ? 'active' : 'disabled',
      ...(fields.termsVersion !== undefined && {
        terms: { version: fields.termsVersion, acceptedAt: Number(fields.termsAcceptedAt) },
      }),
      ...(fields.roles && { roles: fields.roles.split(' ') }),
      ...(fields.groups && { groups: fields.groups.split(' ') }),
      ...(fields.mustChangePassword === '1' && { mustChangePassword: true }),
      epoch: Number(fields.epoch),
      version: Number(fields.version),
      createdAt: Number(fields.createdAt),
      updatedAt: Number(fields.updatedAt),
    },
    isPending: fields.status === 'pending',
    opensAs: fields.opensAs === 'disabled' ? 'disabled' : 'active',
    otherEmail:
      fields.otherEmail === undefined
        ? undefined
        : { hash: fields.otherEmail, until: Number(fields.otherEmailUntil) },
    moves: (fields.moves ?? '').split(',').flatMap((move) => move.split(':')[0] || []),
    passwordHash: fields.passwordHash,
  };
}

/** The standard claims (OpenID Connect Core 5.1) that the account has values for. */
export function toClaims(account: Account): Record<string, unknown> {
  return {
    sub: account.id,
    ...pickProfile(account),
    email: account.email,
    email_verified: account.emailVerified,
    updated_at: Math.floor(account.updatedAt / 1000),
  };
}

/** Fields and values in turns, as a script gives them; undefined for none. */
export function pairs(reply: unknown): Record<string, string> | undefined {
  const flat = reply as string[];
  if (flat.length === 0) return undefined;
  const record: Record<string, string> = Object.create(null);
  for (let i = 0; i + 1 < flat.length; i += 2) record[flat[i] as string] = flat[i + 1] as string;
  return record;
}
