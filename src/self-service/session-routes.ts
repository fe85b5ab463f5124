import { z } from 'zod';
import { type Reply, type Route, route } from '../http/route.ts';
import { ownClientId } from '../oidc/own-pages.ts';
import { csrfField, csrfForm, idField, saysQuery } from './forms.ts';
import type { PageParts } from './self-service.ts';
import { momentOf, type Says, type Visit } from './visit.ts';

const page = '/account/sessions';
const endForm = z.strictObject({ csrf: csrfField, session: idField });

/** Where the account is signed in. To end a session needs no fresh sign-in: it only ever takes something away. */
export function sessionRoutes(parts: PageParts): Route[] {
  const { visits, signedIn, news } = parts;

  async function show(visit: Visit, says: Says = {}): Promise<Reply> {
    const sessions = await signedIn.sessions(visit.account.id);
    // This one first.
    sessions.sort((a, b) => Number(b.uid === visit.session.uid) - Number(a.uid === visit.session.uid));
    const data = {
      sessions: sessions.map(({ uid, browser, address, signedInAt, lastUsedAt, clients }) => ({
        uid,
        isThis: uid === visit.session.uid,
        browser,
        address,
        signedInAt: momentOf(visit, signedInAt),
        usedAt: momentOf(visit, lastUsedAt),
        applications: clients.filter(({ clientId }) => clientId !== ownClientId).map(({ name }) => name),
      })),
    };
    return visits.show(visit, 'account-sessions', 'sessions', data, says);
  }

  return [
    route({
      method: 'GET',
      path: page,
      query: saysQuery,
      statuses: [200, 303],
      handle: ({ raw, query }) => visits.open(raw, { page }, (visit) => show(visit, query)),
    }),

    route({
      method: 'POST',
      path: `${page}/end`,
      body: endForm,
      statuses: [303, 400, 404],
      handle: ({ raw, body: { csrf, session } }) =>
        visits.open(raw, { page }, async (visit) => {
          if (!visits.isOwnForm(visit, csrf)) return show(visit, { problem: 'form-expired', status: 400 });
          // The same whether it ended before, is another person's, or never was.
          if (!(await signedIn.endSession(visit.account.id, session))) {
            return show(visit, { problem: 'session-unknown', status: 404 });
          }
          await news.note(visit, 'session-ended', { id: session });
          return { redirect: `${page}?done=session-ended` };
        }),
    }),

    route({
      method: 'POST',
      path: `${page}/end-others`,
      body: csrfForm,
      statuses: [303, 400],
      handle: ({ raw, body: { csrf } }) =>
        visits.open(raw, { page }, async (visit) => {
          if (!visits.isOwnForm(visit, csrf)) return show(visit, { problem: 'form-expired', status: 400 });
          const ended = await signedIn.endOtherSessions(visit.account.id, visit.session.uid);
          if (ended > 0) await news.note(visit, 'session-ended');
          return { redirect: `${page}?done=sessions-ended` };
        }),
    }),
  ];
}
