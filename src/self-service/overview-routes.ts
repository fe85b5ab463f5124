import type { ActivityEntry } from '../accounts/activity.ts';
import type { Factor } from '../accounts/factors.ts';
import type { AccountViews } from '../http/account-views.ts';
import { type Route, route } from '../http/route.ts';
import { ownClientId } from '../oidc/own-pages.ts';
import { saysQuery } from './forms.ts';
import type { PageParts } from './self-service.ts';
import { momentOf, type Visit } from './visit.ts';

/** A sign-in is noted some moments after its session began. */
const sameSignInMs = 60_000;
const fewCodes = 3;

export function overviewRoutes(parts: PageParts): Route[] {
  const { visits, factors, signedIn, activity, mail } = parts;

  function before(visit: Visit, entries: ActivityEntry[]): AccountViews['account']['before'] {
    const { session } = visit;
    const found = entries.find(
      ({ kind, at }) => kind === 'signed-in' && at < session.signedInAt - sameSignInMs,
    );
    return (
      found && { at: momentOf(visit, found.at), browser: found.browser ?? '', address: found.address ?? '' }
    );
  }

  function todosOf({ account }: Visit, list: Factor[]): AccountViews['account']['todos'] {
    const todos: AccountViews['account']['todos'] = [];
    if (!account.emailVerified && mail.isOn) todos.push({ kind: 'verify-email' });
    const codes = list.find((one) => one.kind === 'recovery-codes');
    if (!list.some(({ kind }) => kind !== 'recovery-codes')) todos.push({ kind: 'second-factor' });
    else if (codes?.kind !== 'recovery-codes') todos.push({ kind: 'recovery-codes' });
    else if (codes.left <= fewCodes) todos.push({ kind: 'few-codes', left: codes.left });
    return todos;
  }

  return [
    route({
      method: 'GET',
      path: '/account',
      query: saysQuery,
      statuses: [200, 303],
      handle: ({ raw, query }) =>
        visits.open(raw, { page: '/account' }, async (visit) => {
          const { account, session } = visit;
          const [list, sessions, applications, entries] = await Promise.all([
            factors.list(account.id),
            signedIn.sessions(account.id),
            signedIn.applications(account.id),
            activity.list(account.id),
          ]);
          const own = sessions.find(({ uid }) => uid === session.uid);
          const earlier = before(visit, entries);
          return visits.show(
            visit,
            'account',
            'overview',
            {
              signedIn: {
                at: momentOf(visit, session.signedInAt),
                browser: own?.browser ?? '',
                address: own?.address ?? '',
              },
              ...(earlier ? { before: earlier } : {}),
              todos: todosOf(visit, list),
              counts: {
                passkeys: list.filter(({ kind }) => kind === 'passkey').length,
                apps: list.filter(({ kind }) => kind === 'totp').length,
                sessions: sessions.length,
                applications: applications.filter(({ client }) => client.clientId !== ownClientId).length,
              },
              hasPassword: account.hasPassword,
            },
            query,
          );
        }),
    }),
  ];
}
