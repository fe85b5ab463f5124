/**
 * The door to the self-service console (/account), where people look after their own account. It owns its routes,
 * who may open them, and what they say; what becomes of a change decides src/accounts, what is signed in src/oidc.
 *
 * Nothing is kept between two requests: where a sign-in comes back to is sealed into its `state`, what was just
 * done is a word in the address, and new recovery codes lie sealed in the browser that they were made in.
 */
import type { Context } from 'koa';
import type { AccountFlows } from '../accounts/account-flows.ts';
import type { Account } from '../accounts/accounts.ts';
import type { Activity } from '../accounts/activity.ts';
import type { SignInLimits } from '../accounts/sign-in-limits.ts';
import type { PeopleEvents } from '../events/events.ts';
import { createReturnPath, type ReturnPath, type Sealer } from '../http/return-path.ts';
import type { Route } from '../http/route.ts';
import type { Mails } from '../mail/mail.ts';
import { activityRoutes } from './activity-routes.ts';
import { applicationRoutes } from './application-routes.ts';
import { browserRoutes } from './browser-routes.ts';
import { dataRoutes } from './data-routes.ts';
import { deleteRoutes } from './delete-routes.ts';
import { emailRoutes } from './email-routes.ts';
import { factorRoutes } from './factor-routes.ts';
import { createFinishLinking, type FinishLinking } from './finish-linking.ts';
import { createNews, type News } from './news.ts';
import { overviewRoutes } from './overview-routes.ts';
import { passkeyRoutes } from './passkey-routes.ts';
import { passwordRoutes } from './password-routes.ts';
import { profileRoutes } from './profile-routes.ts';
import { providerRoutes } from './provider-routes.ts';
import { recoveryCodeRoutes } from './recovery-code-routes.ts';
import { securityRoutes } from './security-routes.ts';
import { sessionRoutes } from './session-routes.ts';
import { signInRoutes } from './sign-in-routes.ts';
import { totpRoutes } from './totp-routes.ts';
import { createVisits, type VisitParts, type Visits } from './visit.ts';

export type SelfServiceParts = Omit<VisitParts, 'returnPath'> & {
  flows: AccountFlows;
  limits: SignInLimits;
  mail: Mails;
  activity: Activity;
  people: PeopleEvents;
  /** For what a browser keeps for us. */
  sealer: Sealer;
  /** The cookie by which the account trusts this browser, not checked yet. */
  trustedCookie(ctx: Context, accountId: string): string | undefined;
  /** By which the account knows this browser; it holds for the account's present epoch. */
  knownCookie(account: Account): { name: string; value: string; maxAgeSeconds: number };
};

/** What the routes of each page are made of. */
export type PageParts = SelfServiceParts & { visits: Visits; news: News; returnPath: ReturnPath };

export function selfServiceRoutes(given: SelfServiceParts): Route[] {
  const parts = pageParts(given);
  return [
    ...signInRoutes(parts),
    ...overviewRoutes(parts),
    ...profileRoutes(parts),
    ...emailRoutes(parts),
    ...passwordRoutes(parts),
    ...securityRoutes(parts),
    ...passkeyRoutes(parts),
    ...totpRoutes(parts),
    ...recoveryCodeRoutes(parts),
    ...browserRoutes(parts),
    ...factorRoutes(parts),
    ...sessionRoutes(parts),
    ...applicationRoutes(parts),
    ...activityRoutes(parts),
    ...providerRoutes(parts),
    ...dataRoutes(parts),
    ...deleteRoutes(parts),
  ];
}

/** What the callback of other providers does with somebody who came back to link an identity to their account. */
export function finishLinking(given: SelfServiceParts): FinishLinking {
  return createFinishLinking(pageParts(given));
}

function pageParts(given: SelfServiceParts): PageParts {
  const returnPath = createReturnPath(given.sealer, { purpose: 'account-return', home: '/account' });
  return { ...given, returnPath, visits: createVisits({ ...given, returnPath }), news: createNews(given) };
}
