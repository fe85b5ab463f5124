import type { Account } from '../../accounts/accounts.ts';
import { meetsAcr, twoFactors } from '../../acr.ts';
import type { BrowserSession } from '../../oidc/oidc.ts';
import type { SignInWish } from '../../oidc/own-pages.ts';
import type { Settings } from '../../settings/settings.ts';

/**
 * The same as the engine goes by for the console's client (oidc/prompt-policy.ts), so that nobody who comes back from
 * there is sent there again.
 */
export function isStrongEnough(session: BrowserSession, rule: Settings['console_second_factor']): boolean {
  if (session.isWaived) return false;
  if (rule === 'optional' || meetsAcr(session.acr, twoFactors)) return true;
  return rule === 'required' && session.isTrusted;
}

/** What to ask for when it was not. */
export function strongerWish(
  session: BrowserSession,
  rule: Settings['console_second_factor'],
  { email }: Account,
): Partial<SignInWish> {
  // A browser that is trusted may answer for the second factor, unless it may not here.
  const isAsked = rule === 'required-always' || (rule === 'required' && !session.isWaived);
  return { loginHint: email, ...(isAsked ? { acrValues: twoFactors } : {}) };
}
