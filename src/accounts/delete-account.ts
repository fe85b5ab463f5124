/**
 * The end of an account at its person's wish. Afterwards Redis holds nothing personal of it, only a tombstone for a
 * time, and its address is free. account-removal-store.ts owns what lies in Redis; what other modules keep of an
 * account they end themselves, in `leave`.
 *
 * Every step may be done again: a deletion that a killed pod left is finished by `sweep`, or by asking again.
 */
import type { Log } from '../log.ts';
import { localeOf, type Mailer } from './account-mail.ts';
import type { createAccountRemovalStore } from './account-removal-store.ts';
import { undoSubject } from './change-email.ts';
import { normaliseEmail } from './email.ts';
import type { OneTimeLinks } from './one-time-link.ts';

export type DeleteAccount = {
  /**
   * For the person who signed in freshly, or an administrator. Also ok when there is no such account any more.
   * last-owner: there would be no active account left with the role `owner`; nothing was done.
   */
  delete(accountId: string): Promise<Exclude<Deleted, { problem: 'changed' }>>;
  /** The same of the very version that was seen. Asked again with it, it finishes what was cut off. */
  deleteVersion(accountId: string, version: number): Promise<Deleted>;
  /** Finishes what killed pods left. From time to time, on any pod. @returns how many it finished */
  sweep(): Promise<number>;
};

/** changed: it is still there, with another version, and nothing was done that cannot be had again. */
export type Deleted = { ok: true } | { ok: false; problem: 'last-owner' } | { ok: false; problem: 'changed' };

export type DeleteAccountParts = {
  removals: ReturnType<typeof createAccountRemovalStore>;
  links: OneTimeLinks;
  mail: Mailer;
  log: Log;
  /** What others do first: end its sessions everywhere, unlink it. May be called again for the same account. */
  leave?: ((accountId: string) => Promise<void>)[];
};

/** Far longer than a deletion takes. */
const leftBehindMs = 60_000;

export function createDeleteAccount(parts: DeleteAccountParts): DeleteAccount {
  const { removals, links, mail, log, leave = [] } = parts;

  async function remove(id: string, version?: number): Promise<Deleted> {
    const first = async () => {
      for (const step of leave) await step(id);
    };
    const leaver = await removals.bury(id, first, version);
    if (leaver === 'last-owner') return { ok: false, problem: leaver };
    if (leaver === 'changed') return { ok: false, problem: leaver };
    if (!leaver) return { ok: true };
    for (const purpose of ['verify-email', 'change-email', 'reset-password'] as const) {
      await links.end(purpose, id);
    }
    for (const move of leaver.moves) await links.end('undo-email-change', undoSubject(id, move));
    const normalised = normaliseEmail(leaver.email);
    if (normalised.ok) await links.end('register', normalised.lookup);
    const { email, locale } = leaver;
    await mail.enqueue(
      { kind: 'account-deleted', to: email, locale: localeOf({ locale }), values: {} },
      { id: `account-deleted:${id}` },
    );
    await removals.finish(leaver);
    log.info({ account: id }, 'account deleted');
    return { ok: true };
  }

  return {
    async delete(accountId) {
      const deleted = await remove(accountId);
      if (!deleted.ok && deleted.problem === 'changed') throw new Error('no version was asked for');
      return deleted;
    },
    deleteVersion: remove,
    async sweep() {
      const ids = await removals.unfinished(leftBehindMs);
      for (const id of ids) await remove(id);
      return ids.length;
    },
  };
}
