import type { Actor } from '../access/actor.ts';
import { type Account, mintAccountId } from '../accounts/accounts.ts';
import { normaliseEmail } from '../accounts/email.ts';
import { namesOf } from '../accounts/new-password.ts';
import { faultyFields, type Profile, pickProfile } from '../accounts/profile.ts';
import type { AccountParts } from './account-parts.ts';
import { explainAccountProblem } from './account-problems.ts';
import { differenceOf } from './difference.ts';
import type { AccountDraft, ManageAccounts } from './manage-accounts.ts';
import { mayAssign } from './may-assign.ts';
import { done, type Refused, refused } from './outcome.ts';

type Parts = Pick<AccountParts, 'accounts' | 'passwords' | 'flows' | 'act' | 'hierarchy'>;

export function createCreateAccount(parts: Parts): ManageAccounts['create'] {
  const { accounts, flows, act, hierarchy } = parts;

  /** An act of its own: the account is there, whatever becomes of the mail. */
  async function invite(actor: Actor, { id, email }: Account): Promise<{ warning?: string }> {
    const target = { kind: 'account', id, name: email } as const;
    const sent = await act(actor, { kind: 'account.invited', target }, async () => {
      const mailed = await flows.resetPassword.request(email, {});
      return mailed.ok ? done({ id }) : inviteLater;
    });
    return sent.ok ? {} : { warning: sent.message };
  }

  return async (actor, draft, options = {}) => {
    const { id = mintAccountId(), isDryRun, sendsInvitation = false } = options;
    const { email, emailVerified = false, password, mustChangePassword, roles = [], groups = [] } = draft;
    const target = { kind: 'account', id, name: email } as const;
    const created = await act<Account>(actor, { kind: 'account.created', target, isDryRun }, async (note) => {
      const refusal =
        (await mayAssign(actor, hierarchy, { roles, groups })) ?? (await problemOf(parts, draft, id));
      if (refusal) return refusal;
      if (isDryRun) return done(asItWouldBe(id, draft));
      const made = await accounts.create({
        ...pickProfile(draft),
        id,
        email,
        emailVerified,
        ...(password !== undefined && { password }),
        ...(mustChangePassword && { mustChangePassword }),
        ...(roles.length > 0 && { roles }),
        ...(groups.length > 0 && { groups }),
      });
      if (!made.ok) return explainAccountProblem(made);
      const { after } = differenceOf(undefined, made.account);
      note({ after });
      return done(made.account);
    });
    if (!created.ok || isDryRun || !sendsInvitation) return created;
    return { ...created, ...(await invite(actor, created.value)) };
  };
}

const inviteLater = refused(
  'conflict',
  'The account is there, but no mail was sent: too many mails went to this address lately. Send the link from the page of the account in an hour.',
);

/** What can be seen without making it. */
async function problemOf(
  { accounts, passwords }: Parts,
  draft: AccountDraft,
  id: string,
): Promise<Refused | undefined> {
  const normalised = normaliseEmail(draft.email);
  if (!normalised.ok) return explainAccountProblem({ ok: false, problem: 'email-invalid' });
  const profile = pickProfile(draft);
  const fields = faultyFields(profile);
  if (fields.length > 0) return explainAccountProblem({ ok: false, problem: 'profile-invalid', fields });
  if (draft.password !== undefined) {
    const about = { email: draft.email, names: namesOf(profile) };
    const problem = await passwords.problem(draft.password, about);
    if (problem) return explainAccountProblem(problem);
  }
  const holder = await accounts.findByEmail(draft.email);
  if (holder && holder.id !== id) return explainAccountProblem({ ok: false, problem: 'email-taken' });
  return undefined;
}

/** For a dry run: what a creation would give, but for its times. */
function asItWouldBe(id: string, draft: AccountDraft): Account {
  const profile: Profile = pickProfile(draft);
  return {
    ...profile,
    id,
    email: draft.email,
    emailVerified: draft.emailVerified ?? false,
    hasPassword: draft.password !== undefined,
    status: 'active',
    ...(draft.roles?.length && { roles: draft.roles }),
    ...(draft.groups?.length && { groups: draft.groups }),
    ...(draft.mustChangePassword && { mustChangePassword: true }),
    epoch: 0,
    version: 0,
    createdAt: 0,
    updatedAt: 0,
  };
}
