import type { Account } from '../accounts/accounts.ts';
import type { AccountPatch } from '../accounts/administer.ts';
import { normaliseEmail } from '../accounts/email.ts';
import { faultyFields, pickProfile } from '../accounts/profile.ts';
import type { AccountParts } from './account-parts.ts';
import { explainAccountProblem } from './account-problems.ts';
import { whileChanging } from './again.ts';
import { type ChangeAccount, targetOf } from './change-account.ts';
import type { ManageAccounts } from './manage-accounts.ts';
import { mayAssign } from './may-assign.ts';
import { changed, done, notFound, type Refused } from './outcome.ts';

const owner = 'owner';

type Parts = Pick<AccountParts, 'accounts' | 'administer' | 'directory' | 'flows' | 'act' | 'hierarchy'> & {
  change: ChangeAccount;
};

export function createUpdateAccount(
  parts: Parts,
): Pick<ManageAccounts, 'update' | 'disable' | 'enable' | 'remove'> {
  const { accounts, administer, directory, flows, act, hierarchy, change } = parts;

  /** As far as can be seen beforehand; it is made sure of where the account is changed. */
  async function lastOwner({ id, roles = [], status }: Account): Promise<Refused | undefined> {
    if (!roles.includes(owner) || status !== 'active') return undefined;
    for (let cursor: string | undefined; ; ) {
      const page = await directory.search({ role: owner, status: 'active', ...(cursor && { cursor }) });
      if (page.accounts.some((one) => one.id !== id)) return undefined;
      if (page.cursor === undefined) return explainAccountProblem({ ok: false, problem: 'last-owner' });
      cursor = page.cursor;
    }
  }

  async function unfitPatch(account: Account, patch: AccountPatch): Promise<Refused | undefined> {
    if (patch.email !== undefined) {
      if (!normaliseEmail(patch.email).ok) {
        return explainAccountProblem({ ok: false, problem: 'email-invalid' });
      }
      const holder = await accounts.findByEmail(patch.email);
      if (holder && holder.id !== account.id) {
        return explainAccountProblem({ ok: false, problem: 'email-taken' });
      }
    }
    const profile = pickProfile(patch.profile ?? {});
    const kept = Object.fromEntries(Object.entries(profile).filter(([, value]) => value !== ''));
    const fields = faultyFields(kept);
    return fields.length > 0
      ? explainAccountProblem({ ok: false, problem: 'profile-invalid', fields })
      : undefined;
  }

  return {
    update(actor, id, patch, options) {
      const isVerifying = patch.emailVerified === true && Object.keys(patch).length === 1;
      const isAssigning = Object.keys(patch).every((field) => ['roles', 'groups'].includes(field));
      return change(actor, id, {
        kind: isVerifying
          ? 'account.email-verified'
          : isAssigning
            ? 'account.roles-changed'
            : 'account.updated',
        options,
        async check(account) {
          const wanted = { roles: patch.roles ?? account.roles, groups: patch.groups ?? account.groups };
          const losesOwner = patch.roles !== undefined && !patch.roles.includes(owner);
          return (
            (await mayAssign(actor, hierarchy, wanted, account)) ??
            (await unfitPatch(account, patch)) ??
            (losesOwner ? await lastOwner(account) : undefined)
          );
        },
        make: ({ version }) => administer.update(id, version, patch),
      });
    },

    disable: (actor, id, options) =>
      change(actor, id, {
        kind: 'account.disabled',
        options,
        check: lastOwner,
        make: ({ version }) => administer.setStatus(id, version, 'disabled'),
      }),

    enable: (actor, id, options) =>
      change(actor, id, {
        kind: 'account.enabled',
        options,
        make: ({ version }) => administer.setStatus(id, version, 'active'),
      }),

    remove: (actor, id, { version, isDryRun } = {}) =>
      act(actor, { kind: 'account.deleted', target: { kind: 'account', id }, isDryRun }, (note) =>
        whileChanging<{ id: string }>(version, async () => {
          const account = await accounts.find(id);
          if (!account) {
            // Perhaps it is half gone, by a try that was cut off.
            if (!isDryRun) await flows.deleteAccount.delete(id);
            return notFound('account');
          }
          const { email, status, roles, groups } = account;
          // Only what is needed to tell whose it was: the rest of the person goes with the account.
          note({ target: targetOf(account), before: { email, status, roles, groups } });
          const refusal = await hierarchy.over(actor, account, 'account');
          if (refusal) return refusal;
          if (version !== undefined && version !== account.version) return changed('account');
          const objection = await lastOwner(account);
          if (objection) return objection;
          if (isDryRun) return done({ id });
          // The very account that was looked at. Cut off on the way, it is there as it was, or gone.
          const deleted = await flows.deleteAccount.deleteVersion(id, account.version);
          return deleted.ok ? done({ id }) : explainAccountProblem(deleted);
        }),
      ),
  };
}
