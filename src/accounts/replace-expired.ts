import type { Log } from '../log.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Account } from './account-record.ts';
import type { AccountStore } from './account-store.ts';
import { type NewPasswords, namesOf, type PasswordProblem } from './new-password.ts';
import type { PasswordHasher } from './password.ts';

/**
 * In the middle of a sign-in: takes the place of a password that must be changed, if the account is still as it was
 * when its factors were proved. The same password for the same sign-in may be sent again.
 * @param how.epoch of the account when its factors were proved
 * @param how.signIn the id of the sign-in
 */
export type ReplaceExpired = (
  id: string,
  password: string,
  how: { epoch: number; signIn: string },
) => Promise<
  | { ok: true; account: Account; isAgain: boolean }
  | { ok: false; problem: 'changed' | 'password-same' }
  | PasswordProblem
>;

const replacing = 'replace-expired';

export function createReplaceExpired(parts: {
  store: AccountStore;
  ring: KeyRing;
  hasher: PasswordHasher;
  passwords: NewPasswords;
  log: Log;
}): ReplaceExpired {
  const { store, ring, hasher, passwords, log } = parts;

  return async (id, password, { epoch, signIn }) => {
    const completion = ring.hash('replace-expired', JSON.stringify([id, signIn, password.normalize('NFC')]));
    const completes = { flow: replacing, completion };
    const seen = await store.preview(id, {});
    if (!seen) return { ok: false, problem: 'changed' };
    const { before, fields } = seen;
    if (fields[`done:${replacing}`] === completion) {
      // Nothing has ended what was proved since then but this.
      const isLatest = before.epoch === epoch + 1 && before.status === 'active';
      return isLatest ? { ok: true, account: before, isAgain: true } : { ok: false, problem: 'changed' };
    }
    if (before.epoch !== epoch || !before.mustChangePassword) return { ok: false, problem: 'changed' };
    const problem = await passwords.problem(password, { email: before.email, names: namesOf(before) });
    if (problem) return problem;
    const { passwordHash = '' } = fields;
    const isSame =
      passwordHash !== '' && (await hasher.verify(passwords.unseal(id, passwordHash), password)).matches;
    if (isSame) return { ok: false, problem: 'password-same' };
    const outcome = await store.update(id, {
      set: { passwordHash: await passwords.seal(id, password) },
      drop: ['mustChangePassword'],
      endsSessions: true,
      require: { status: 'active', epoch: String(epoch), mustChangePassword: '1' },
      completes,
    });
    if (!outcome.ok || outcome.account.epoch !== epoch + 1) return { ok: false, problem: 'changed' };
    log.info({ account: id }, 'expired password replaced');
    return { ok: true, account: outcome.account, isAgain: outcome.isAgain };
  };
}
