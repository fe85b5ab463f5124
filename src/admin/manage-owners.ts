import { permissions } from '../access/access.ts';
import type { Actor } from '../access/actor.ts';
import type { Account } from '../accounts/accounts.ts';
import type { LinkProblem } from '../accounts/one-time-link.ts';
import { nowMs } from '../clock.ts';
import type { AccountParts } from './account-parts.ts';
import { explainAccountProblem } from './account-problems.ts';
import { whileChanging } from './again.ts';
import { targetOf } from './change-account.ts';
import { differenceOf } from './difference.ts';
import type { ManageAccounts } from './manage-accounts.ts';
import { done, notFound, refused } from './outcome.ts';

/**
 * How somebody becomes an owner with nobody there who could make them one: by a link that whoever has the keys and
 * the Redis makes on the command line. Nothing else opens this door, and an empty Redis does not either.
 *
 * There is one such link at a time. It is spent by the account that uses it first. The same account that asks again is
 * told how it is now, and nothing is changed: an owner who has lost the role since must not take it back by that.
 */
const purpose = 'owner';
const role = 'owner';

export function createManageOwners(
  parts: Pick<AccountParts, 'accounts' | 'administer' | 'links' | 'act' | 'events' | 'hierarchy'>,
): Pick<ManageAccounts, 'inviteOwner' | 'claimOwnership'> {
  const { accounts, administer, links, act, hierarchy } = parts;

  return {
    inviteOwner: (actor, lifetimeSeconds) =>
      act(actor, { kind: 'owner.invited', target: { kind: 'role', id: role } }, async (note) => {
        const refusal = hierarchy.overPermissions(actor, permissions, 'role');
        if (refusal) return refusal;
        const lifetimeMs = lifetimeSeconds * 1000;
        const madeAt = nowMs();
        const token = await links.make({
          purpose,
          subject: role,
          account: undefined,
          epoch: undefined,
          email: '',
          lifetimeMs,
        });
        note({ after: { expiresAt: madeAt + lifetimeMs } });
        return done({ token, expiresAt: madeAt + lifetimeMs });
      }),

    async claimOwnership(token, accountId, from) {
      const account = await accounts.find(accountId);
      if (account?.status !== 'active') return notFound('account');
      const actor: Actor = {
        kind: 'account',
        id: account.id,
        name: account.email,
        permissions: new Set(),
        via: 'console',
        ...from,
      };
      return act<Account>(actor, { kind: 'owner.claimed', target: targetOf(account) }, async (note) => {
        const looked = await links.look(purpose, token, accountId);
        if (!looked.ok) return refused('conflict', linkTexts[looked.problem]);
        if (account.roles?.includes(role)) return looked.isSpent ? done(account) : ownerAlready;
        if (looked.isSpent) return usedBefore;
        const spent = await links.spend(purpose, token, { browser: accountId, what: accountId });
        if (!spent.ok) return refused('conflict', linkTexts[spent.problem]);
        if (spent.isAgain) return usedBefore;
        return whileChanging<Account>(undefined, async () => {
          const now = await accounts.find(accountId);
          if (now?.status !== 'active') return notFound('account');
          const roles = [...new Set([...(now.roles ?? []), role])];
          const made = await administer.update(accountId, now.version, { roles });
          if (!made.ok) return explainAccountProblem(made);
          note(differenceOf(made.before, made.account));
          return done(made.account);
        });
      });
    },
  };
}

const ownerAlready = refused(
  'conflict',
  'You are an owner already. The link was not used: whom you give it to can still become one by it.',
);

const makeAnother = 'Make another one with "holdfast owner invite".';
const usedBefore = refused(
  'conflict',
  `You have used this link before, and are not an owner now. It does not work a second time. ${makeAnother}`,
);
const linkTexts: Record<LinkProblem, string> = {
  gone: `This link does not work any more. ${makeAnother}`,
  superseded: `A newer link was made; this one does not work any more. ${makeAnother}`,
  spent: `Somebody else has used this link. If that was not to be, look into the audit at once. ${makeAnother}`,
};
