/**
 * The door to the admin console (/admin): pages over the flows of `Admin`. It owns its routes, who may open them and
 * what they say. What may be done to what decide the flows; what was done is in the audit by their hand.
 *
 * How a page is made:
 *
 *   routes   `<thing>-routes.ts` exports `<thing>Routes(parts: ConsoleParts): ConsoleRoute[]`, listed in `consoleTable`
 *            below. Each is a `consoleRoute({ method, path, permission, params, query, body, handle })`: without a
 *            permission it does not compile. `params`, `query` and `body` are one zod schema for each name. `handle`
 *            gets a `visit`: somebody who is signed in as strongly as the console asks for and has the permission,
 *            with a form that came from a page of theirs (Origin, CSRF). Not there is: what they may not do to one
 *            thing or another; the flows say so (`Outcome`).
 *   views    `<thing>-views.ts` says what each page is given, as `ConsolePage & { … }`, and adds it to `Views` by
 *            `declare module`; the page is views/pages/admin-<…>.ejs. It begins with `partial('admin-head', …)`, and
 *            writes times and numbers with `moment(ms)` and `number(n)`.
 *   answers  `visits.show(visit, view, section, data)`; after an act `doneAt(path, word)`, which leads to the page and
 *            says `admin.done.<word>` there; for a refused one the page again, with `visits.refusal(outcome)`.
 *   ending   What takes something away is asked first: GET `…/<act>` answers `visits.confirm(…)`, which says in
 *            numbers what ends, POST `…/<act>` does it. A link with `data-confirm` opens the question in the page
 *            where scripts run.
 *   texts    views/locales/admin/{en,de}.json, keys `admin.…`.
 *
 * Nothing is kept between two requests: where a sign-in comes back to is sealed into its `state`, what was just done
 * is a word in the address. The console goes by the sign-in session itself, so that ending it, disabling its account
 * or taking a role away holds at once.
 */
import type { Csrf } from '../../http/csrf.ts';
import { createReturnPath, type Sealer } from '../../http/return-path.ts';
import type { Route } from '../../http/route.ts';
import { accountActRoutes } from './account-act-routes.ts';
import { accountCredentialRoutes } from './account-credential-routes.ts';
import { accountListRoutes } from './account-list-routes.ts';
import { accountNewRoutes } from './account-new-routes.ts';
import { accountRoutes } from './account-routes.ts';
import { apiPageRoutes } from './api-page-routes.ts';
import { auditRoutes } from './audit-routes.ts';
import { clientActRoutes } from './client-act-routes.ts';
import { clientEditRoutes } from './client-edit-routes.ts';
import { clientListRoutes } from './client-list-routes.ts';
import { clientNewRoutes } from './client-new-routes.ts';
import { clientRoutes } from './client-routes.ts';
import { clientSecretRoutes } from './client-secret-routes.ts';
import type { ConsoleRoute } from './console-route.ts';
import { createVisits, type VisitParts, type Visits } from './console-visit.ts';
import { groupRoutes } from './group-routes.ts';
import { keyRoutes } from './key-routes.ts';
import { overviewRoutes } from './overview-routes.ts';
import { ownerRoutes } from './owner-routes.ts';
import { resourceRoutes } from './resource-routes.ts';
import { roleRoutes } from './role-routes.ts';
import { searchRoutes } from './search-routes.ts';
import { sessionRoutes } from './session-routes.ts';
import { settingRoutes } from './setting-routes.ts';
import { signInRoutes } from './sign-in-routes.ts';

export type { ConsoleRoute, Gate } from './console-route.ts';

export type ConsoleGiven = Omit<VisitParts, 'returnPath'> & {
  csrf: Csrf;
  /** For what a browser keeps for us. */
  sealer: Sealer;
  /** Without mails nobody can be invited, or sent a reset. */
  mail: { isOn: boolean };
};

/** What the routes of each page are made of. */
export type ConsoleParts = ConsoleGiven & VisitParts & { visits: Visits };

/** Every route of the console behind its sign-in; a test walks them with every role. */
export function consoleTable(parts: ConsoleParts): ConsoleRoute[] {
  return [
    ...overviewRoutes(parts),
    ...searchRoutes(parts),
    ...accountListRoutes(parts),
    ...accountNewRoutes(parts),
    ...accountRoutes(parts),
    ...accountActRoutes(parts),
    ...accountCredentialRoutes(parts),
    ...clientListRoutes(parts),
    ...clientNewRoutes(parts),
    ...clientRoutes(parts),
    ...clientEditRoutes(parts),
    ...clientSecretRoutes(parts),
    ...clientActRoutes(parts),
    ...resourceRoutes(parts),
    ...roleRoutes(parts),
    ...groupRoutes(parts),
    ...sessionRoutes(parts),
    ...keyRoutes(parts),
    ...settingRoutes(parts),
    ...apiPageRoutes(parts),
    ...auditRoutes(parts),
    ...ownerRoutes(parts),
  ];
}

export function consoleRoutes(given: ConsoleGiven): Route[] {
  const returnPath = createReturnPath(given.sealer, { purpose: 'admin-return', home: '/admin' });
  const visits = createVisits({ ...given, returnPath });
  const parts = { ...given, returnPath, visits };
  return [...signInRoutes(parts), ...consoleTable(parts).map((one) => one.route(visits))];
}
