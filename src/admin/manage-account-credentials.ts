import { namesOf } from '../accounts/new-password.ts';
import type { AccountParts } from './account-parts.ts';
import { explainAccountProblem } from './account-problems.ts';
import type { ChangeAccount } from './change-account.ts';
import type { ManageAccounts } from './manage-accounts.ts';
import { notFound, refused } from './outcome.ts';

type ManageCredentials = Pick<
  ManageAccounts,
  'setPassword' | 'expirePassword' | 'sendReset' | 'removeFactor' | 'resetFactors'
>;

/** What an account signs in with. No password and no seed of a factor is ever in the audit. */
export function createManageCredentials(
  parts: Pick<AccountParts, 'administer' | 'factors' | 'flows' | 'passwords'> & { change: ChangeAccount },
): ManageCredentials {
  const { administer, factors, flows, passwords, change } = parts;

  return {
    setPassword(actor, id, password, options) {
      const { mustChange } = options;
      return change(actor, id, {
        kind: 'account.password-set',
        options,
        async check(account) {
          const problem = await passwords.problem(password, {
            email: account.email,
            names: namesOf(account),
          });
          return problem && explainAccountProblem(problem);
        },
        make: ({ version }) => administer.setPassword(id, password, { mustChange, version }),
        remark: { mustChange },
      });
    },

    expirePassword: (actor, id, options) =>
      change(actor, id, {
        kind: 'account.password-expired',
        options,
        check: async ({ hasPassword }) =>
          hasPassword
            ? undefined
            : refused(
                'conflict',
                'This account has no password that could expire. Send its person a link to choose one.',
              ),
        make: ({ version }) => administer.expirePassword(id, version),
      }),

    sendReset: (actor, id) =>
      change(actor, id, {
        kind: 'account.password-reset-sent',
        check: async ({ status }) =>
          status === 'active'
            ? undefined
            : refused('conflict', 'This account is disabled. Enable it before you send its person a link.'),
        async make(account) {
          const sent = await flows.resetPassword.request(account.email, {});
          if (sent.ok) return { ok: true, before: account, account };
          if (sent.problem === 'email-invalid') return sent;
          const minutes = Math.max(Math.ceil(sent.retryAfterSeconds / 60), 1);
          return refused(
            'conflict',
            `Too many mails went to this address lately. Try again in ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}.`,
          );
        },
        remark: { mailed: true },
      }),

    async removeFactor(actor, id, factorId) {
      const factor = (await factors.list(id)).find((one) => one.id === factorId);
      return change(actor, id, {
        kind: 'account.factor-removed',
        check: async () => (factor ? undefined : notFound('factor')),
        make: ({ version }) => administer.removeFactor(id, factorId, version),
        remark: { factor: { id: factorId, ...(factor && { kind: factor.kind, name: factor.name }) } },
      });
    },

    async resetFactors(actor, id) {
      const removed = (await factors.list(id)).map(({ kind, name }) => ({ kind, name }));
      return change(actor, id, {
        kind: 'account.factor-removed',
        make: ({ version }) => administer.resetFactors(id, version),
        remark: { removed },
      });
    },
  };
}
