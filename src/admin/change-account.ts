import type { Actor } from '../access/actor.ts';
import type { Account } from '../accounts/accounts.ts';
import type { EventKind } from '../events/events.ts';
import type { AccountParts } from './account-parts.ts';
import { type AccountProblem, explainAccountProblem } from './account-problems.ts';
import { whileChanging } from './again.ts';
import { differenceOf } from './difference.ts';
import { changed, done, notFound, type Outcome, type Refused, type WriteOptions } from './outcome.ts';

/** One change of an account that is there, by somebody who may do all that it may. */
export type ChangeAccount = (
  actor: Actor,
  id: string,
  change: {
    kind: EventKind;
    options?: WriteOptions | undefined;
    /** What else stands against it, of the account as it is; also all that a dry run can see. */
    check?: (account: Account) => Promise<Refused | undefined>;
    /** Changes the account if it is still as it was checked. */
    make: (
      account: Account,
    ) => Promise<{ ok: true; before: Account; account: Account } | AccountProblem | Refused>;
    /** What the audit says besides the fields that differ. */
    remark?: Record<string, unknown>;
  },
) => Promise<Outcome<Account>>;

export function createChangeAccount(
  parts: Pick<AccountParts, 'accounts' | 'act' | 'hierarchy'>,
): ChangeAccount {
  const { accounts, act, hierarchy } = parts;

  return (actor, id, { kind, options = {}, check, make, remark = {} }) => {
    const { version, isDryRun } = options;
    return act(actor, { kind, target: { kind: 'account', id }, isDryRun }, (note) =>
      whileChanging<Account>(version, async () => {
        const account = await accounts.find(id);
        if (!account) return notFound('account');
        note({ target: targetOf(account) });
        const refusal = await hierarchy.over(actor, account, 'account');
        if (refusal) return refusal;
        if (version !== undefined && version !== account.version) return changed('account');
        const objection = await check?.(account);
        if (objection) return objection;
        if (isDryRun) return done(account);
        const made = await make(account);
        if (!made.ok) return 'message' in made ? made : explainAccountProblem(made);
        const { before, after } = differenceOf(made.before, made.account);
        note({ before, after: { ...after, ...remark } });
        return done(made.account);
      }),
    );
  };
}

export function targetOf({ id, email }: Pick<Account, 'id' | 'email'>) {
  return { kind: 'account', id, name: email } as const;
}
