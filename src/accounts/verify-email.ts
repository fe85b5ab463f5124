import { localeOf } from './account-mail.ts';
import type { Account } from './accounts.ts';
import { type FlowParts, type Outdated, type TooMany, tooMany } from './flow-parts.ts';
import { isStillBound, type LinkProblem } from './one-time-link.ts';

/** Shows that the address of an account that is there already is its person's: by a link that is mailed to it. */
export type VerifyEmail = {
  /** For the person who is signed in. */
  request(
    accountId: string,
    from: { address: string },
  ): Promise<{ ok: true } | { ok: false; problem: 'not-found' | 'already-verified' } | TooMany>;
  look(
    token: string,
    browser: string,
  ): Promise<{ ok: true; email: string } | { ok: false; problem: LinkProblem } | Outdated>;
  /** By POST alone. The same browser may send it again. */
  confirm(
    token: string,
    from: { browser: string },
  ): Promise<{ ok: true; account: Account } | { ok: false; problem: LinkProblem } | Outdated>;
};

const purpose = 'verify-email';

export function createVerifyEmail(parts: FlowParts): VerifyEmail {
  const { accounts, accountStore, links, limits, mail, log, linkUrl } = parts;

  const look: VerifyEmail['look'] = async (token, browser) => {
    const looked = await links.look(purpose, token, browser);
    if (!looked.ok) return looked;
    const { link, isSpent } = looked;
    const account = await accounts.find(link.account ?? '');
    if (!isSpent && !isStillBound(link, account)) return { ok: false, problem: 'outdated' };
    return { ok: true, email: link.email };
  };

  return {
    async request(accountId, { address }) {
      const account = await accounts.find(accountId);
      if (account?.status !== 'active') return { ok: false, problem: 'not-found' };
      if (account.emailVerified) return { ok: false, problem: 'already-verified' };
      const { email, epoch } = account;
      const attempt = await limits.mail({ email, address });
      if (!attempt.ok) return tooMany(attempt);
      const token = await links.make({ purpose, subject: accountId, account: accountId, epoch, email });
      await mail.enqueue(
        {
          kind: 'verify-email',
          to: email,
          locale: localeOf(account),
          values: { link: linkUrl(purpose, token) },
        },
        { id: mailId(token) },
      );
      return { ok: true };
    },

    look,

    async confirm(token, { browser }) {
      const looked = await look(token, browser);
      if (!looked.ok) return looked;
      const spent = await links.spend(purpose, token, { browser, what: '' });
      if (!spent.ok) return spent;
      const { account = '', epoch, email } = spent.link;
      const outcome = await accountStore.update(account, {
        set: { emailVerified: '1' },
        require: { status: 'active', email, epoch: String(epoch) },
        completes: { flow: purpose, completion: spent.completion },
      });
      if (!outcome.ok) return { ok: false, problem: 'outdated' };
      log.info({ account }, 'e-mail address verified');
      return { ok: true, account: outcome.account };
    },
  };

  function mailId(token: string): string {
    return `${purpose}:${parts.ring.hash('link-mail', token)}`;
  }
}
