import type { Account } from '../../accounts/accounts.ts';
import { twoFactors } from '../../acr.ts';
import type { BrowserSession } from '../../oidc/oidc.ts';
import type { SignInWish } from '../../oidc/own-pages.ts';
import type { Settings } from '../../settings/settings.ts';

/** What to ask for when a sign-in was not strong enough (oidc/second-factor.ts). */
export function strongerWish(
  session: BrowserSession,
  rule: Settings['console_second_factor'],
  { email }: Account,
): Partial<SignInWish> {
  // A browser that is trusted may answer for the second factor, unless it may not here.
  const isAsked = rule === 'required-always' || (rule === 'required' && !session.isWaived);
  return { loginHint: email, ...(isAsked ? { acrValues: twoFactors } : {}) };
}
