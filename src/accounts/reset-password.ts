/**
 * A forgotten password: a link to the account's own address, and a new password for it.
 *
 * Asking gives the same answer after the same work whether or not there is an account. The mail is enqueued when
 * the answer is on its way already, so that its time tells nothing either; `settled` waits for it.
 *
 * A reset proves the mailbox and nothing else: second factors stay, and are asked for at the next sign-in.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { nowMs } from '../clock.ts';
import type { Mail } from '../mail/mail.ts';
import { localeOf } from './account-mail.ts';
import type { Account } from './accounts.ts';
import { normaliseEmail } from './email.ts';
import { type FlowParts, type Outdated, type TooMany, tooMany } from './flow-parts.ts';
import { namesOf, type PasswordProblem } from './new-password.ts';
import { isStillBound, type LinkProblem, linkLifetimeMs } from './one-time-link.ts';

export type ResetPassword = {
  /**
   * ok tells nothing about the address.
   * @param from.address left out when nobody asked from outside, but an administrator
   * @param from.returnTo comes back from `complete` as it is
   */
  request(
    email: string,
    from: { address?: string; returnTo?: string | undefined },
  ): Promise<{ ok: true } | { ok: false; problem: 'email-invalid' } | TooMany>;
  /** For the page that the link leads to; spends nothing. */
  look(
    token: string,
    browser: string,
  ): Promise<{ ok: true; email: string } | { ok: false; problem: LinkProblem } | Outdated>;
  /**
   * By POST alone. The same browser may send the same password again. Lifts the limit on wrong passwords.
   * @param chosen.endsSessions default true; where the browser and place are told, they are named in the notice
   */
  complete(
    token: string,
    chosen: {
      browser: string;
      password: string;
      endsSessions?: boolean | undefined;
      where?: string | undefined;
    },
  ): Promise<
    | { ok: true; account: Account; returnTo: string | undefined }
    | { ok: false; problem: LinkProblem }
    | Outdated
    | PasswordProblem
  >;
  /** Resolves when every mail that was asked for is in the outbox; before the pod ends. */
  settled(): Promise<void>;
};

const purpose = 'reset-password';
/** By then the answer has left, so that its time does not tell that there is a mail to make. */
const onItsWayMs = 50;

export function createResetPassword(parts: FlowParts): ResetPassword {
  const { accounts, accountStore, links, limits, passwords, mail, ring, log, linkUrl } = parts;
  const underWay = new Set<Promise<void>>();

  function enqueueLater(one: Mail, id: string): void {
    const done = pause(onItsWayMs)
      .then(() => mail.enqueue(one, { id }))
      .then(
        () => {},
        (error: unknown) =>
          log.error({ error }, 'a mail for a forgotten password was not taken; the person has to ask again'),
      )
      .finally(() => underWay.delete(done));
    underWay.add(done);
  }

  async function lookAt(token: string, browser: string) {
    const looked = await links.look(purpose, token, browser);
    if (!looked.ok) return looked;
    const account = await accounts.find(looked.link.account ?? '');
    if (!account || (!looked.isSpent && !isStillBound(looked.link, account))) {
      return { ok: false, problem: 'outdated' } as const;
    }
    return { ok: true, account, link: looked.link } as const;
  }

  return {
    async request(typed, { address, returnTo }) {
      const normalised = normaliseEmail(typed);
      if (!normalised.ok) return { ok: false, problem: 'email-invalid' };
      const attempt = await limits.mail({ email: typed, address });
      if (!attempt.ok) return tooMany(attempt);
      const found = await accounts.findByEmail(typed);
      const account = found?.status === 'active' ? found : undefined;
      // Where there is no account, a link that nobody gets to see.
      const token = await links.make({
        purpose,
        subject: account?.id ?? ring.hash('no-account', normalised.lookup),
        account: account?.id,
        epoch: account?.epoch ?? 0,
        email: account?.email ?? normalised.email,
        payload: returnTo === undefined ? {} : { returnTo },
      });
      if (account) {
        const values = { link: linkUrl(purpose, token), minutes: linkLifetimeMs[purpose] / 60_000 };
        enqueueLater(
          { kind: purpose, to: account.email, locale: localeOf(account), values },
          `${purpose}:${ring.hash('link-mail', token)}`,
        );
      }
      return { ok: true };
    },

    async look(token, browser) {
      const looked = await lookAt(token, browser);
      return looked.ok ? { ok: true, email: looked.link.email } : looked;
    },

    async complete(token, { browser, password, endsSessions = true, where }) {
      const looked = await lookAt(token, browser);
      if (!looked.ok) return looked;
      const { id, email } = looked.account;
      const problem = await passwords.problem(password, { email, names: namesOf(looked.account) });
      if (problem) return problem;
      const passwordHash = await passwords.seal(id, password);
      const what = JSON.stringify([password.normalize('NFC'), endsSessions]);
      const spent = await links.spend(purpose, token, { browser, what });
      if (!spent.ok) return spent;
      const { link, completion } = spent;
      const outcome = await accountStore.update(id, {
        // The link came to this address.
        set: { passwordHash, emailVerified: '1' },
        drop: ['mustChangePassword'],
        endsSessions,
        require: { status: 'active', email: link.email, epoch: String(link.epoch) },
        completes: { flow: purpose, completion },
      });
      if (!outcome.ok) return { ok: false, problem: 'outdated' };
      await limits.lift(link.email);
      await mail.enqueue(
        {
          kind: 'password-changed',
          to: link.email,
          locale: localeOf(outcome.account),
          values: { when: nowMs(), ...(where !== undefined && { where }) },
        },
        { id: `password-changed:${completion}` },
      );
      log.info({ account: id, endsSessions }, 'password reset');
      const { returnTo } = link.payload as { returnTo?: string };
      return { ok: true, account: outcome.account, returnTo };
    },

    async settled() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}
