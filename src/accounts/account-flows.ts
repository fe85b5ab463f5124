import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import type { Mailer } from './account-mail.ts';
import { createAccountRemovalStore } from './account-removal-store.ts';
import { createAccountStore } from './account-store.ts';
import type { Accounts } from './accounts.ts';
import { type ChangeEmail, createChangeEmail } from './change-email.ts';
import { createDeleteAccount, type DeleteAccount, type DeleteAccountParts } from './delete-account.ts';
import { createEmailMoveStore } from './email-move-store.ts';
import type { FlowParts } from './flow-parts.ts';
import { createInvitations, type Invitations } from './invitations.ts';
import type { NewPasswords } from './new-password.ts';
import { createOneTimeLinks } from './one-time-link.ts';
import { createRegister, type Register } from './register.ts';
import { createResetPassword, type ResetPassword } from './reset-password.ts';
import type { SignInLimits } from './sign-in-limits.ts';
import { createTerms, type Terms } from './terms.ts';
import { createVerifyEmail, type VerifyEmail } from './verify-email.ts';

/** What people do with their accounts from registration to deletion, one flow each. */
export type AccountFlows = {
  register: Register;
  invitations: Invitations;
  verifyEmail: VerifyEmail;
  changeEmail: ChangeEmail;
  resetPassword: ResetPassword;
  terms: Terms;
  deleteAccount: DeleteAccount;
};

export function createAccountFlows(
  parts: {
    store: Store;
    ring: KeyRing;
    accounts: Accounts;
    passwords: NewPasswords;
    limits: SignInLimits;
    mail: Mailer;
    log: Log;
    config: Pick<Config, 'registration' | 'terms'>;
  } & Pick<FlowParts, 'linkUrl' | 'pages'> &
    Pick<DeleteAccountParts, 'leave'>,
): AccountFlows {
  const { store, ring, leave = [], ...rest } = parts;
  const accountStore = createAccountStore(store, ring);
  const links = createOneTimeLinks({ store, ring });
  const emailMoves = createEmailMoveStore(store, ring, accountStore);
  const removals = createAccountRemovalStore(store, ring, accountStore);
  const flow: FlowParts = { ...rest, ring, accountStore, emailMoves, links };
  return {
    register: createRegister(flow),
    invitations: createInvitations(flow),
    verifyEmail: createVerifyEmail(flow),
    changeEmail: createChangeEmail(flow),
    resetPassword: createResetPassword(flow),
    terms: createTerms(flow),
    deleteAccount: createDeleteAccount({ removals, links, mail: rest.mail, log: rest.log, leave }),
  };
}
