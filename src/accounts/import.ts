/**
 * Brings accounts in that another system had. Owns what becomes of each: created once, skipped when it is there
 * already, or refused with a reason. It can be killed anywhere and run again, since an account's id follows from
 * its e-mail address: what was begun is completed, what is there is skipped.
 */
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import type { AccountStatus } from './account-record.ts';
import type { Accounts } from './accounts.ts';
import { normaliseEmail } from './email.ts';
import type { FileRow } from './import-file.ts';
import type { ImportRow, RowProblem } from './import-row.ts';
import { sealPasswordHash } from './new-password.ts';
import { adoptHash } from './password.ts';
import { faultyFields, type Profile, type ProfileField, pickProfile } from './profile.ts';

export type ImportProblem =
  | RowProblem
  | 'email-missing'
  | 'email-invalid'
  /** An account that did not come from this import has it. */
  | 'email-taken'
  /** A row before has it. */
  | 'email-twice'
  | 'id-invalid'
  /** It was here, and was deleted within the last 90 days. */
  | 'deleted'
  | 'hash-too-costly'
  | 'hash-refused';

export type RowOutcome = {
  line: number;
  /** As far as the row has one. */
  email?: string;
} & (
  | { outcome: 'created'; id: string; hasPassword: boolean; leftOut: ProfileField[] }
  | { outcome: 'skipped'; id: string; reason: 'already-there' }
  | { outcome: 'skipped'; reason: 'not-an-account' }
  | { outcome: 'refused'; reason: ImportProblem }
);

export type ImportOptions = {
  /** Tells what would be, and changes nothing. */
  isDryRun?: boolean;
  /** Takes accounts whose password hash is unknown, too costly or refused; their people reset the password. */
  dropsUnfitHashes?: boolean;
};

export type AccountImport = {
  /**
   * In the order of the rows, some of them at a time.
   * @throws Unavailable when Redis cannot answer; what was not reported may have been done
   */
  run(rows: AsyncIterable<FileRow>, options?: ImportOptions): AsyncGenerator<RowOutcome>;
};

type Prepared = {
  id: string;
  email: string;
  emailVerified: boolean;
  status: AccountStatus;
  profile: Profile;
  leftOut: ProfileField[];
  hash: string | undefined;
  terms: ImportRow['terms'];
};

const atOnce = 16;
const idPattern = /^[\w-]{22}$/;

export function createAccountImport(parts: {
  store: Store;
  ring: KeyRing;
  accounts: Accounts;
}): AccountImport {
  const { store, ring, accounts } = parts;

  function prepare(row: ImportRow, options: ImportOptions): Prepared | { problem: ImportProblem } {
    if (row.email === '') return { problem: 'email-missing' };
    const normalised = normaliseEmail(row.email);
    if (!normalised.ok) return { problem: 'email-invalid' };
    if (row.id !== undefined && !idPattern.test(row.id)) return { problem: 'id-invalid' };
    const adopted = row.passwordHash === undefined ? undefined : adoptHash(row.passwordHash);
    if (adopted?.ok === false && !options.dropsUnfitHashes) return { problem: adopted.problem };
    const profile = pickProfile(row.profile);
    const leftOut = faultyFields(profile);
    for (const field of leftOut) delete profile[field];
    return {
      id: row.id ?? ring.hash('account-import', normalised.lookup),
      email: normalised.email,
      emailVerified: row.emailVerified,
      status: row.status,
      profile,
      // An empty value was none.
      leftOut: leftOut.filter((field) => row.profile[field] !== ''),
      hash: adopted?.ok ? adopted.stored : undefined,
      terms: row.terms,
    };
  }

  type Decided =
    | { outcome: 'created'; id: string; hasPassword: boolean; leftOut: ProfileField[] }
    | { outcome: 'skipped'; id: string; reason: 'already-there' }
    | { outcome: 'refused'; reason: ImportProblem };

  async function bring(account: Prepared, isDryRun: boolean): Promise<Decided> {
    const { id, email, emailVerified, profile, leftOut, hash, terms, status } = account;
    if (await accounts.find(id)) return { outcome: 'skipped', id, reason: 'already-there' };
    if (await isDeleted(id)) return { outcome: 'refused', reason: 'deleted' };
    // Also completes an account that a killed run left half done.
    const holder = await accounts.findByEmail(email);
    if (holder?.id === id) return { outcome: 'skipped', id, reason: 'already-there' };
    if (holder) return { outcome: 'refused', reason: 'email-taken' };
    const created = { outcome: 'created', id, hasPassword: hash !== undefined, leftOut } as const;
    if (isDryRun) return created;
    const made = await accounts.create({
      ...profile,
      ...{ id, email, emailVerified, opensAs: status },
      ...(hash === undefined ? {} : { passwordHash: sealPasswordHash(ring, id, hash) }),
      ...(terms && { terms }),
    });
    if (made.ok) return created;
    if (made.problem === 'email-taken' || made.problem === 'email-invalid') {
      return { outcome: 'refused', reason: made.problem };
    }
    throw new Error(`an account that was looked at before was refused: ${made.problem}`);
  }

  async function isDeleted(id: string): Promise<boolean> {
    return (await store.call('HGET', store.keys.account(id), 'status')) === 'deleted';
  }

  return {
    async *run(rows, options = {}) {
      const { isDryRun = false } = options;
      /** Of the rows so far: a second one must not change what the first one made, nor hide behind it. */
      const seen = new Set<string>();
      let pending: Promise<RowOutcome>[] = [];

      async function decide({ line, row }: FileRow): Promise<RowOutcome> {
        if ('problem' in row) {
          return row.problem === 'not-an-account'
            ? { line, outcome: 'skipped', reason: row.problem }
            : { line, outcome: 'refused', reason: row.problem };
        }
        const about = { line, ...(row.email === '' ? {} : { email: row.email }) };
        const prepared = prepare(row, options);
        if ('problem' in prepared) return { ...about, outcome: 'refused', reason: prepared.problem };
        const lookup = normaliseEmail(prepared.email);
        const email = ring.hash('account-import', lookup.ok ? lookup.lookup : prepared.email);
        const isTwice = seen.has(email) || seen.has(prepared.id);
        seen.add(email).add(prepared.id);
        if (isTwice) return { ...about, outcome: 'refused', reason: 'email-twice' };
        return { ...about, ...(await bring(prepared, isDryRun)) };
      }

      for await (const row of rows) {
        const decided = decide(row);
        // It may fail before it is waited for.
        decided.catch(() => {});
        pending.push(decided);
        if (pending.length < atOnce) continue;
        yield* await Promise.all(pending);
        pending = [];
      }
      yield* await Promise.all(pending);
    },
  };
}
