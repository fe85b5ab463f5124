import { nowMs } from '../clock.ts';
import { Unavailable } from '../errors.ts';
import type { Log } from '../log.ts';
import { randomText } from '../random.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { fromFields, pairs } from './account-record.ts';
import { createAccountStore } from './account-store.ts';
import type { AccountUpdate } from './account-update-store.ts';
import type { Account, PasswordProblem, Profile, ProfileField } from './accounts.ts';
import { normaliseEmail } from './email.ts';
import { createEmailMoveStore } from './email-move-store.ts';
import { type NewPasswords, namesOf } from './new-password.ts';
import { faultyFields, pickProfile, profileFields } from './profile.ts';

/**
 * What administrators do with accounts beyond what their people do themselves. Whether they may is decided before
 * (admin/); each function is one change, made if the account still has the version that was seen.
 */
export type AccountPatch = {
  /** Replaces the address at once, without a mail to confirm it. */
  email?: string;
  emailVerified?: boolean;
  /** An empty text takes a field away. */
  profile?: Profile;
  roles?: string[];
  groups?: string[];
  /** Ends everything that it is signed in to. */
  endsSessions?: boolean;
};

export type Administered =
  | { ok: true; before: Account; account: Account }
  /** last-owner: there would be no active account left with the role `owner`. */
  | { ok: false; problem: 'not-found' | 'changed' | 'email-invalid' | 'email-taken' | 'last-owner' }
  | { ok: false; problem: 'profile-invalid'; fields: ProfileField[] };

export type AdministerAccounts = {
  /** @param version undefined for whichever */
  update(id: string, version: number | undefined, patch: AccountPatch): Promise<Administered>;
  /** Disabling ends everything that it is signed in to. */
  setStatus(id: string, version: number | undefined, status: Account['status']): Promise<Administered>;
  /**
   * Ends everything that it is signed in to.
   * @param options.mustChange its person chooses another one at the next sign-in
   */
  setPassword(
    id: string,
    password: string,
    options: { mustChange: boolean; version?: number | undefined },
  ): Promise<Administered | PasswordProblem>;
  /** The password is right once more, and its person chooses another one then. Ends what it is signed in to. */
  expirePassword(id: string, version: number | undefined): Promise<Administered>;
  /** Takes a factor away, also the last. Ends what it is signed in to. */
  removeFactor(id: string, factorId: string, version?: number): Promise<Administered>;
  /** All second factors, passkeys, recovery codes and trusted browsers. Ends what it is signed in to. */
  resetFactors(id: string, version?: number): Promise<Administered>;
};

/** Others may change the same account at the same moment; each time one of them gets through. */
const mostTries = 100;
const completionBytes = 16;

/** One change of the fields of an account. */
type Fields = Required<Pick<AccountUpdate, 'set' | 'drop' | 'endsSessions'>>;

export function createAdministerAccounts(parts: {
  store: Store;
  ring: KeyRing;
  passwords: NewPasswords;
  log: Log;
}): AdministerAccounts {
  const { store, ring, passwords, log } = parts;
  const { keys } = store;
  const accounts = createAccountStore(store, ring);
  const moves = createEmailMoveStore(store, ring, accounts);

  /** Changes the account from the very version that `make` is given; again where another one came in between. */
  async function change(
    id: string,
    version: number | undefined,
    make: (before: Account) => Promise<{ ok: true; account: Account } | Problem>,
  ): Promise<Administered> {
    for (let tries = 0; tries < mostTries; tries += 1) {
      const before = (await accounts.find(id))?.account;
      if (!before) return { ok: false, problem: 'not-found' };
      if (version !== undefined && version !== before.version) return { ok: false, problem: 'changed' };
      const made = await make(before);
      if (made.ok) return { ok: true, before, account: made.account };
      if (made.problem !== 'changed' || version !== undefined) return made;
    }
    throw new Unavailable('an account was changed by others all the while');
  }

  const setFields = (id: string, version: number | undefined, fields: Partial<Fields>) =>
    change(id, version, (before) =>
      accounts.update(id, { ...fields, require: { version: String(before.version) } }),
    );

  async function takeFactors(
    id: string,
    version: number | undefined,
    factorId: string,
  ): Promise<Administered> {
    const taken = [keys.account(id), keys.accountFactors(id), keys.accountBrowsers(id)];
    return change(id, version, async (before) => {
      const given = [before.version, factorId, nowMs()];
      const [result, ...all] = (await store.run('factor-reset', taken, given)) as string[];
      if (result === undefined) return { ok: false, problem: 'not-found' };
      if (result === 'changed') return { ok: false, problem: 'changed' };
      await store.settle(keys.account(id));
      return { ok: true, account: fromFields(id, pairs(all) ?? {}).account };
    });
  }

  return {
    async update(id, version, patch) {
      const fields = toFieldsOf(patch);
      if (!fields.ok) return fields;
      const { email } = patch;
      const to = email === undefined ? undefined : normaliseEmail(email);
      if (to?.ok === false) return { ok: false, problem: 'email-invalid' };
      const outcome = await change(id, version, async (before) => {
        if (to === undefined || to.email === before.email) {
          return accounts.update(id, { ...fields.change, require: { version: String(before.version) } });
        }
        const { set, drop, endsSessions } = fields.change;
        const moved = await moves.move(
          {
            ...{ account: id, from: before.email, to: to.email, epoch: undefined, isFinal: true },
            ...{ completion: randomText(completionBytes), version: before.version },
            // Nobody has shown that they read the mails of the new address.
            also: { set: { emailVerified: '0', ...set }, drop, endsSessions },
          },
          async () => {},
        );
        if (moved.ok) return moved;
        const { problem } = moved;
        if (problem === 'too-often') throw new Error('a final move has no limit');
        return { ok: false, problem };
      });
      if (outcome.ok) log.info({ account: id }, 'account changed by an administrator');
      return outcome;
    },

    async setStatus(id, version, status) {
      const outcome = await setFields(id, version, { set: { status }, endsSessions: status === 'disabled' });
      if (outcome.ok) log.info({ account: id, status }, 'account status set');
      return outcome;
    },

    async setPassword(id, password, { mustChange, version }) {
      const account = (await accounts.find(id))?.account;
      if (!account) return { ok: false, problem: 'not-found' };
      const problem = await passwords.problem(password, { email: account.email, names: namesOf(account) });
      if (problem) return problem;
      const passwordHash = await passwords.seal(id, password);
      const outcome = await setFields(id, version, {
        set: { passwordHash, ...(mustChange && { mustChangePassword: '1' }) },
        drop: mustChange ? [] : ['mustChangePassword'],
        endsSessions: true,
      });
      if (outcome.ok) log.info({ account: id, mustChange }, 'password set by an administrator');
      return outcome;
    },

    async expirePassword(id, version) {
      const outcome = await setFields(id, version, { set: { mustChangePassword: '1' }, endsSessions: true });
      if (outcome.ok) log.info({ account: id }, 'password expired');
      return outcome;
    },

    async removeFactor(id, factorId, version) {
      if (factorId === '') return { ok: false, problem: 'not-found' };
      const outcome = await takeFactors(id, version, factorId);
      if (outcome.ok) log.info({ account: id, factor: factorId }, 'factor removed by an administrator');
      return outcome;
    },

    async resetFactors(id, version) {
      const outcome = await takeFactors(id, version, '');
      if (outcome.ok) log.info({ account: id }, 'factors reset by an administrator');
      return outcome;
    },
  };
}

type Problem = Exclude<Administered, { ok: true }>;

/** The fields of the hash that a patch changes, all but the address. */
function toFieldsOf(patch: AccountPatch): { ok: true; change: Fields } | Problem {
  const set: Record<string, string> = {};
  const drop: string[] = [];
  const put = (field: string, value: string) => {
    if (value === '') drop.push(field);
    else set[field] = value;
  };
  const profile = pickProfile(patch.profile ?? {});
  for (const field of profileFields) {
    const value = profile[field];
    if (value !== undefined) put(field, value);
  }
  const fields = faultyFields(pickProfile(set));
  if (fields.length > 0) return { ok: false, problem: 'profile-invalid', fields };
  for (const list of ['roles', 'groups'] as const) {
    const ids = patch[list];
    if (ids !== undefined) put(list, [...new Set(ids)].sort().join(' '));
  }
  if (patch.emailVerified !== undefined) set.emailVerified = patch.emailVerified ? '1' : '0';
  return { ok: true, change: { set, drop, endsSessions: patch.endsSessions ?? false } };
}
