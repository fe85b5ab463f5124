import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Mailer } from './account-mail.ts';
import type { AccountStore } from './account-store.ts';
import type { Accounts } from './accounts.ts';
import type { EmailMoves } from './email-move-store.ts';
import type { NewPasswords } from './new-password.ts';
import type { LinkPurpose, OneTimeLinks } from './one-time-link.ts';
import type { SignInLimits } from './sign-in-limits.ts';

/** What the flows from registration to deletion are made of. */
export type FlowParts = {
  accounts: Accounts;
  accountStore: AccountStore;
  emailMoves: EmailMoves;
  links: OneTimeLinks;
  limits: SignInLimits;
  passwords: NewPasswords;
  mail: Mailer;
  ring: KeyRing;
  log: Log;
  /** Read at each use: settings change while pods run. */
  config: Pick<Config, 'registration' | 'terms'>;
  /** The address of the page that a link leads to; the pages know it. */
  linkUrl: (purpose: LinkPurpose, token: string) => string;
  /** Addresses of pages that mails name, absolute. */
  pages: { signIn: string; forgotPassword: string };
};

/** Too many were asked for; the same whether or not there is an account. */
export type TooMany = { ok: false; problem: 'too-many-attempts'; retryAfterSeconds: number };

/** A refusal by the limits, as the flows give it. */
export function tooMany({ retryAfterSeconds }: { retryAfterSeconds: number }): TooMany {
  return { ok: false, problem: 'too-many-attempts', retryAfterSeconds };
}

/** The account is no longer as it was when the link was made for it: its address, or all that was signed in. */
export type Outdated = { ok: false; problem: 'outdated' };
