import type { Route } from '../http/route.ts';
import type { AccountPageParts } from './account-forms.ts';
import { emailLinkRoutes } from './email-links.ts';
import { invitationRoutes } from './invitation.ts';
import { localMailRoutes } from './local-mails.ts';
import { passwordResetRoutes } from './password-reset.ts';
import { registrationRoutes } from './registration.ts';
import { registrationConfirmationRoutes } from './registration-confirmation.ts';
import { wayBackRoutes } from './way-back.ts';

/** All pages around accounts for people who are not signed in. */
export function accountPageRoutes(parts: AccountPageParts): Route[] {
  return [
    ...registrationRoutes(parts),
    ...registrationConfirmationRoutes(parts),
    ...invitationRoutes(parts),
    ...passwordResetRoutes(parts),
    ...emailLinkRoutes(parts),
    ...wayBackRoutes(parts),
    ...(parts.showsMails ? localMailRoutes(parts) : []),
  ];
}
