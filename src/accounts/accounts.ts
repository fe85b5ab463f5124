/**
 * The door to accounts: the people (and others) who sign in, their e-mail addresses, passwords and claims.
 *
 * It owns who an account is, whether it may sign in, and whether a password is its own. It does not own
 * sessions, grants or what an account agreed to (oidc/), nor pages and their rate limits. A caller that ends
 * sessions compares the account's `epoch` with the one at sign-in.
 */
import type { Access } from '../access/access.ts';
import { Unavailable } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Change } from '../redis/change.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { type Account, type AccountStatus, type StoredAccount, toClaims } from './account-record.ts';
import { type AccountCursor, createAccountStore, mintAccountId } from './account-store.ts';
import { normaliseEmail } from './email.ts';
import { createNewPasswords, namesOf, type PasswordProblem, type PasswordRule } from './new-password.ts';
import type { PasswordHasher } from './password.ts';
import { faultyFields, type Profile, type ProfileField, pickProfile, profileFields } from './profile.ts';
import { createReplaceExpired, type ReplaceExpired } from './replace-expired.ts';

export type { Account, AccountStatus } from './account-record.ts';
export { mintAccountId } from './account-store.ts';
export type { PasswordProblem } from './new-password.ts';
export type { Profile, ProfileField } from './profile.ts';

export type NewAccount = Profile & {
  /**
   * From `mintAccountId`, kept by the caller: a second try with the same id and data completes a first whose
   * outcome is not known. Never something that a browser names.
   */
  id?: string;
  email: string;
  password?: string;
  /** In place of a password: its hash, from `NewPasswords.seal` for this very id. */
  passwordHash?: string;
  /** Default false. */
  emailVerified?: boolean;
  terms?: { version: string; acceptedAt: number };
  /** Ids; see access/access.ts. */
  roles?: string[];
  groups?: string[];
  /** Its person chooses another password at the first sign-in. */
  mustChangePassword?: boolean;
  /** Default active. */
  opensAs?: AccountStatus;
};

export type CreateOutcome =
  | { ok: true; account: Account }
  | PasswordProblem
  | { ok: false; problem: 'email-invalid' | 'email-taken' }
  | { ok: false; problem: 'profile-invalid'; fields: ProfileField[] };

/** Every function throws `Unavailable` when Redis cannot answer or too many passwords are being hashed. */
export type Accounts = {
  /** Whatever it decides, it has done the work of a hash if a fit password was given. */
  create(account: NewAccount): Promise<CreateOutcome>;
  /** Also disabled ones. */
  find(id: string): Promise<Account | undefined>;
  /** By any spelling of the address; also disabled ones. */
  findByEmail(email: string): Promise<Account | undefined>;
  /**
   * The oldest first. A page may hold fewer than `count`, also when others follow.
   * @param page cursor from the page before; count 1 to 1000 (default 50)
   * @returns cursor undefined at the end
   */
  list(page?: {
    cursor?: string;
    count?: number;
  }): Promise<{ accounts: Account[]; cursor: string | undefined }>;
  /** Chosen by its person. Counts the epoch up. */
  setPassword(
    id: string,
    password: string,
  ): Promise<{ ok: true; account: Account } | { ok: false; problem: 'not-found' } | PasswordProblem>;
  replaceExpired: ReplaceExpired;
  /**
   * Sets fields of the profile; an empty text takes one away. Nothing else that the object carries.
   * @param version that the person saw; when the account has another by now, nothing is changed
   */
  updateProfile(
    id: string,
    version: number,
    fields: Profile,
  ): Promise<
    | { ok: true; account: Account }
    | { ok: false; problem: 'not-found' | 'changed' }
    | { ok: false; problem: 'profile-invalid'; fields: ProfileField[] }
  >;
  /** Counts the epoch up when it disables. */
  setStatus(
    id: string,
    status: AccountStatus,
  ): Promise<{ ok: true; account: Account } | { ok: false; problem: 'not-found' | 'last-owner' }>;
  /** What others are told of it, as it is now; undefined when it is gone or disabled. */
  present(id: string): Promise<Presence | undefined>;
  /** Adds the check to a change that it is active and its epoch is still this one. */
  requireEpoch(change: Change, id: string, epoch: number): void;
  /**
   * The same work and answer whether the account does not exist, has no password, is disabled, or the
   * password is another. Counts and limits nothing.
   */
  checkPassword(email: string, password: string): Promise<PasswordCheck>;
  /**
   * The same in two steps: looks the account up from now on, while the caller does something else. `account` is for
   * decisions that come before the password, and must not tell anybody that there is one.
   * @param beside called once with the id of the account, or of nobody, to read more in the same round trip
   */
  attempt(
    email: string,
    beside?: (id: string) => void,
  ): {
    account: Promise<Account | undefined>;
    checkPassword(password: string): Promise<PasswordCheck>;
  };
};

export type Presence = {
  epoch: number;
  /** Standard claims. */
  claims: Record<string, unknown>;
  /** `roles` and `groups`, and the claims that these define; see access/access.ts. */
  roleClaims: Record<string, unknown>;
  groupClaims: Record<string, unknown>;
};

export type PasswordCheck = { ok: true; account: Account } | { ok: false; problem: 'wrong-credentials' };

export type AccountsParts = {
  store: Store;
  ring: KeyRing;
  hasher: PasswordHasher;
  log: Log;
  /** What roles and groups amount to; without it they amount to nothing. */
  access?: Pick<Access, 'effective'>;
  /** Rules for chosen passwords besides their length. */
  passwordRule?: PasswordRule;
  /**
   * The shortest password in code points: 15 (the default) where it is all that a sign-in asks for, down to 8
   * where a second factor always goes with it (SP 800-63B-4 3.1.1.2).
   */
  minimumPasswordLength?: number;
};

const longestPage = 1000;

export function createAccounts(parts: AccountsParts): Accounts {
  const { ring, hasher, log, minimumPasswordLength: minimumLength, passwordRule: check } = parts;
  const passwords = createNewPasswords({ ring, hasher, minimumLength, check });
  const store = createAccountStore(parts.store, ring);

  async function findByEmail(
    email: string,
    beside?: (id: string) => void,
  ): Promise<StoredAccount | undefined> {
    const normalised = normaliseEmail(email);
    return normalised.ok ? store.findByLookup(normalised.lookup, beside) : undefined;
  }

  /** A password that was just found right is hashed as hashes are made now. Never fails the sign-in. */
  async function refreshHash(id: string, from: string, password: string): Promise<void> {
    try {
      const isReplaced = await store.replacePasswordHash(id, from, await passwords.seal(id, password));
      if (isReplaced) log.info({ account: id }, 'password hash renewed');
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      log.warn({ account: id, error }, 'password hash not renewed; the next sign-in tries again');
    }
  }

  return {
    async create(input) {
      const normalised = normaliseEmail(input.email);
      if (!normalised.ok) return { ok: false, problem: 'email-invalid' };
      const profile = pickProfile(input);
      const fields = faultyFields(profile);
      if (fields.length > 0) return { ok: false, problem: 'profile-invalid', fields };
      const about = { email: normalised.email, names: namesOf(profile) };
      const problem =
        input.password === undefined ? undefined : await passwords.problem(input.password, about);
      if (problem) return problem;

      const id = input.id ?? mintAccountId();
      // Before the address is asked for: so time does not tell whether it is taken, and the reservation does
      // not run out in the queue.
      const passwordHash =
        input.password === undefined ? input.passwordHash : await passwords.seal(id, input.password);
      const { email, lookup } = normalised;
      const { emailVerified = false, terms, opensAs, roles, groups, mustChangePassword } = input;
      const draft = {
        ...{ ...profile, id, email, emailVerified, passwordHash },
        ...(terms && { terms }),
        ...(roles && { roles }),
        ...(groups && { groups }),
        ...(mustChangePassword && { mustChangePassword }),
        ...(opensAs && { opensAs }),
      };
      const outcome = await store.create(draft, lookup);
      if (outcome.ok) log.info({ account: id }, 'account created');
      return outcome;
    },

    find: async (id) => (await store.find(id))?.account,

    findByEmail: async (email) => (await findByEmail(email))?.account,

    async list({ cursor, count = 50 } = {}) {
      const size = Math.min(Math.max(Math.trunc(count), 1), longestPage);
      const { accounts, next } = await store.page(readCursor(cursor), size);
      return { accounts, cursor: next && `${next.createdAt}.${next.id}` };
    },

    async setPassword(id, password) {
      const before = (await store.find(id))?.account;
      const problem = await passwords.problem(
        password,
        before ? { email: before.email, names: namesOf(before) } : {},
      );
      if (problem) return problem;
      const outcome = await store.update(id, {
        set: { passwordHash: await passwords.seal(id, password) },
        drop: ['mustChangePassword'],
        endsSessions: true,
      });
      if (!outcome.ok) return { ok: false, problem: 'not-found' };
      log.info({ account: id }, 'password changed');
      return { ok: true, account: outcome.account };
    },

    replaceExpired: createReplaceExpired({ store, ring, hasher, passwords, log }),

    async updateProfile(id, version, input) {
      const profile = pickProfile(input);
      const set: Profile = {};
      const drop: ProfileField[] = [];
      for (const field of profileFields) {
        const value = profile[field];
        if (value === '') drop.push(field);
        else if (value !== undefined) set[field] = value;
      }
      const fields = faultyFields(set);
      if (fields.length > 0) return { ok: false, problem: 'profile-invalid', fields };
      const outcome = await store.update(id, { set, drop, require: { version: String(version) } });
      if (!outcome.ok) {
        return { ok: false, problem: outcome.problem === 'not-found' ? 'not-found' : 'changed' };
      }
      log.info({ account: id }, 'profile changed');
      return { ok: true, account: outcome.account };
    },

    async setStatus(id, status) {
      const outcome = await store.update(id, { set: { status }, endsSessions: status === 'disabled' });
      if (!outcome.ok) {
        return { ok: false, problem: outcome.problem === 'last-owner' ? 'last-owner' : 'not-found' };
      }
      log.info({ account: id, status }, 'account status set');
      return { ok: true, account: outcome.account };
    },

    requireEpoch: (change, id, epoch) => store.requireEpoch(change, id, epoch),

    async present(id) {
      const account = (await store.find(id))?.account;
      if (account?.status !== 'active') return undefined;
      const { roles = [], groups = [] } = account;
      const effective = parts.access?.effective({ roles, groups });
      return {
        epoch: account.epoch,
        claims: toClaims(account),
        roleClaims: effective?.roleClaims ?? {},
        groupClaims: effective?.groupClaims ?? {},
      };
    },

    checkPassword: (email, password) => checkPassword(findByEmail(email), password),

    attempt(email, beside) {
      const looking = findByEmail(email, beside);
      // It may fail before, or without, being asked for.
      looking.catch(() => {});
      const account = looking.then((stored) => stored?.account);
      account.catch(() => {});
      return { account, checkPassword: (password) => checkPassword(looking, password) };
    },
  };

  async function checkPassword(
    looking: Promise<StoredAccount | undefined>,
    password: string,
  ): Promise<PasswordCheck> {
    const wrong = { ok: false, problem: 'wrong-credentials' } as const;
    const stored = await looking;
    if (stored?.passwordHash === undefined) {
      await hasher.verifyDecoy(password);
      return wrong;
    }
    const { account, passwordHash } = stored;
    const { matches, isStale } = await hasher.verify(passwords.unseal(account.id, passwordHash), password);
    if (!matches || account.status !== 'active') return wrong;
    if (isStale) await refreshHash(account.id, passwordHash, password);
    return { ok: true, account };
  }
}

/** A cursor that was not made by `list` begins at the start. */
function readCursor(cursor: string | undefined): AccountCursor | undefined {
  const [, createdAt, id] = /^(\d{1,15})\.([\w-]{1,64})$/.exec(cursor ?? '') ?? [];
  return createdAt === undefined || id === undefined ? undefined : { createdAt: Number(createdAt), id };
}
