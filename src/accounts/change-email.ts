/**
 * Another e-mail address for an account: confirmed by a link to the new one, told to the old one, with a link that
 * takes it back for seven days, together with whatever changes followed it. Owns the flow; email-move-store.ts owns how the address changes hands.
 *
 * Taking it back is for somebody whose account was taken over: it ends all that is signed in and takes the password
 * away, and a link for a new one comes to the old address.
 */
import { localeOf } from './account-mail.ts';
import type { Account } from './accounts.ts';
import { normaliseEmail } from './email.ts';
import type { MoveOutcome } from './email-move-store.ts';
import { type FlowParts, type Outdated, type TooMany, tooMany } from './flow-parts.ts';
import { isLookAlike } from './names.ts';
import { isStillBound, type LinkProblem, linkLifetimeMs } from './one-time-link.ts';

type Looked = { ok: true; from: string; to: string } | { ok: false; problem: LinkProblem } | Outdated;
type Confirmed =
  | { ok: true; account: Account }
  | { ok: false; problem: LinkProblem | 'email-taken' | 'too-often' }
  | Outdated;

export type ChangeEmail = {
  /**
   * For the person who signed in freshly. ok does not tell whether the new address has an account; if it has, its
   * owner gets a mail and the person none.
   */
  request(
    accountId: string,
    newEmail: string,
    from: { address: string },
  ): Promise<
    | { ok: true }
    | { ok: false; problem: 'not-found' | 'email-invalid' | 'email-look-alike' | 'same-email' }
    | TooMany
  >;
  look(token: string, browser: string): Promise<Looked>;
  /** By POST alone. The same browser may send it again. */
  confirm(token: string, from: { browser: string }): Promise<Confirmed>;
  lookUndo(token: string, browser: string): Promise<Looked>;
  /** Takes a change back. By POST alone. The same browser may send it again. */
  undo(token: string, from: { browser: string }): Promise<Confirmed>;
};

const changing = 'change-email';
const undoing = 'undo-email-change';
/** An undo follows an account that moves on meanwhile; more often than this it does not. */
const mostTries = 5;

export function createChangeEmail(parts: FlowParts): ChangeEmail {
  const { accounts, accountStore, emailMoves, links, limits, mail, ring, log, linkUrl, pages } = parts;

  const look: ChangeEmail['look'] = async (token, browser) => {
    const looked = await links.look(changing, token, browser);
    if (!looked.ok) return looked;
    const { link, isSpent } = looked;
    const account = await accounts.find(link.account ?? '');
    if (!isSpent && !isStillBound(link, account)) return { ok: false, problem: 'outdated' };
    return { ok: true, from: link.email, to: newEmailOf(link) };
  };

  const lookUndo: ChangeEmail['lookUndo'] = async (token, browser) => {
    const looked = await links.look(undoing, token, browser);
    if (!looked.ok) return looked;
    const { link, isSpent } = looked;
    const stored = await accountStore.find(link.account ?? '');
    const isPossible = isSpent || stored?.moves.includes(moveOf(link));
    if (stored?.account.status !== 'active' || !isPossible) return { ok: false, problem: 'outdated' };
    return { ok: true, from: stored.account.email, to: link.email };
  };

  /** Tells the old address, with the link that takes the change back: the same one however often this runs. */
  async function notify(account: Account, completion: string): Promise<void> {
    const { id, email } = account;
    const token = await links.make({
      purpose: undoing,
      subject: undoSubject(id, completion),
      seed: completion,
      account: id,
      epoch: undefined,
      email,
      payload: { move: completion },
    });
    await mail.enqueue(
      {
        kind: 'email-changed',
        to: email,
        locale: localeOf(account),
        values: { link: linkUrl(undoing, token) },
      },
      { id: `email-changed:${completion}` },
    );
  }

  return {
    async request(accountId, typed, { address }) {
      const account = await accounts.find(accountId);
      if (account?.status !== 'active') return { ok: false, problem: 'not-found' };
      const normalised = normaliseEmail(typed);
      if (!normalised.ok) return { ok: false, problem: 'email-invalid' };
      const { email: newEmail, lookup } = normalised;
      if (isLookAlike(lookup)) return { ok: false, problem: 'email-look-alike' };
      if (newEmail === account.email) return { ok: false, problem: 'same-email' };
      const attempt = await limits.mail({ email: newEmail, address });
      if (!attempt.ok) return tooMany(attempt);

      const known = await accounts.findByEmail(newEmail);
      const { epoch, email } = account;
      const token = await links.make({
        purpose: changing,
        subject: accountId,
        account: accountId,
        epoch,
        email,
        payload: { newEmail },
      });
      await mail.enqueue(
        known && known.id !== accountId
          ? {
              kind: 'address-already-known',
              to: known.email,
              locale: localeOf(known),
              values: { signInLink: pages.signIn, resetLink: pages.forgotPassword },
            }
          : {
              kind: 'confirm-new-email',
              to: newEmail,
              locale: localeOf(account),
              values: { link: linkUrl(changing, token) },
            },
        { id: `${changing}:${ring.hash('link-mail', token)}` },
      );
      return { ok: true };
    },

    look,

    async confirm(token, { browser }) {
      const looked = await look(token, browser);
      if (!looked.ok) return looked;
      const spent = await links.spend(changing, token, { browser, what: '' });
      if (!spent.ok) return spent;
      const { link, completion } = spent;
      const id = link.account ?? '';
      const before = await accounts.find(id);
      if (!before) return { ok: false, problem: 'outdated' };
      const moved = await emailMoves.move(
        { account: id, from: link.email, to: newEmailOf(link), epoch: link.epoch, completion },
        // To the address of the link: asked again, the account may have moved already.
        () => notify({ ...before, email: link.email }, completion),
      );
      if (moved.ok) log.info({ account: id }, 'e-mail address changed');
      return outcomeOf(moved);
    },

    lookUndo,

    async undo(token, { browser }) {
      const looked = await lookUndo(token, browser);
      if (!looked.ok) return looked;
      const spent = await links.spend(undoing, token, { browser, what: '' });
      if (!spent.ok) return spent;
      const { link, completion } = spent;
      const id = link.account ?? '';
      for (let tries = 0; tries < mostTries; tries++) {
        const before = await accounts.find(id);
        if (before?.status !== 'active') return { ok: false, problem: 'outdated' };
        const move = { account: id, from: before.email, to: link.email, epoch: undefined, completion };
        const moved = await emailMoves.move({ ...move, undoes: moveOf(link) }, async () => {});
        if (!moved.ok && moved.problem === 'changed') continue;
        if (!moved.ok) return outcomeOf(moved);
        await mailReset(moved.account, completion);
        log.info({ account: id }, 'change of the e-mail address undone');
        return { ok: true, account: moved.account };
      }
      return { ok: false, problem: 'outdated' };
    },
  };

  async function mailReset(account: Account, completion: string): Promise<void> {
    const { id, email, epoch } = account;
    const purpose = 'reset-password';
    const token = await links.make({ purpose, subject: id, seed: completion, account: id, epoch, email });
    const values = { link: linkUrl(purpose, token), minutes: linkLifetimeMs[purpose] / 60_000 };
    await mail.enqueue(
      { kind: purpose, to: email, locale: localeOf(account), values },
      { id: `${purpose}:${completion}` },
    );
  }
}

/** For each change one: whoever changes the address twice does not end the way back from the first. */
export function undoSubject(accountId: string, move: string): string {
  return `${accountId}\n${move}`;
}

function newEmailOf(link: { payload: Record<string, unknown> }): string {
  return String(link.payload.newEmail);
}

function moveOf(link: { payload: Record<string, unknown> }): string {
  return String(link.payload.move);
}

function outcomeOf(moved: MoveOutcome): Confirmed {
  if (moved.ok) return { ok: true, account: moved.account };
  const { problem } = moved;
  return { ok: false, problem: problem === 'email-taken' || problem === 'too-often' ? problem : 'outdated' };
}
