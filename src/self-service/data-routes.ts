import { pickProfile } from '../accounts/profile.ts';
import { nowMs } from '../clock.ts';
import { type Route, route } from '../http/route.ts';
import { ownClientId } from '../oidc/own-pages.ts';
import { csrfForm, saysQuery } from './forms.ts';
import type { PageParts } from './self-service.ts';
import type { Says, Visit } from './visit.ts';

const page = '/account/data';

/** All that is kept of the account, as a file; but for what opens a door, which nobody gets to see again. */
export function dataRoutes(parts: PageParts): Route[] {
  const { visits, factors, signedIn, upstream, activity, news } = parts;

  const show = (visit: Visit, says: Says = {}) => visits.show(visit, 'account-data', 'data', {}, says);

  async function collect({ account, session }: Visit): Promise<Record<string, unknown>> {
    const { id } = account;
    const [factorList, browsers, sessions, applications, links, entries] = await Promise.all([
      factors.list(id),
      factors.browsers.list(id),
      signedIn.sessions(id),
      signedIn.applications(id),
      upstream.list(id),
      activity.list(id),
    ]);
    return {
      downloadedAt: time(nowMs()),
      account: {
        id,
        email: account.email,
        emailVerified: account.emailVerified,
        hasPassword: account.hasPassword,
        createdAt: time(account.createdAt),
        updatedAt: time(account.updatedAt),
        ...(account.terms
          ? { terms: { version: account.terms.version, acceptedAt: time(account.terms.acceptedAt) } }
          : {}),
        profile: pickProfile(account),
      },
      factors: factorList.map(({ id: _, createdAt, lastUsedAt, ...factor }) => ({
        ...factor,
        createdAt: time(createdAt),
        lastUsedAt: time(lastUsedAt),
      })),
      trustedBrowsers: browsers.map(({ label, createdAt, lastSeenAt, expiresAt }) => ({
        ...label,
        createdAt: time(createdAt),
        lastSeenAt: time(lastSeenAt),
        expiresAt: time(expiresAt),
      })),
      otherProviders: links.map(({ issuer, sub, email, name, linkedAt, lastUsedAt }) => ({
        issuer,
        sub,
        email,
        name,
        linkedAt: time(linkedAt),
        lastUsedAt: time(lastUsedAt),
      })),
      sessions: sessions.map(({ uid, signedInAt, lastUsedAt, browser, address, acr, amr, clients }) => ({
        isThis: uid === session.uid,
        signedInAt: time(signedInAt),
        lastUsedAt: time(lastUsedAt),
        browser,
        address,
        acr,
        amr,
        applications: clients.filter(({ clientId }) => clientId !== ownClientId).map(({ name }) => name),
      })),
      applications: applications
        .filter(({ client }) => client.clientId !== ownClientId)
        .map(({ client, scopes, resources }) => ({
          clientId: client.clientId,
          name: client.name,
          scopes,
          resources,
        })),
      activity: entries.map(({ at, ...entry }) => ({ at: time(at), ...entry })),
    };
  }

  return [
    route({
      method: 'GET',
      path: page,
      query: saysQuery,
      statuses: [200, 303],
      handle: ({ raw, query }) =>
        visits.open(raw, { page, isSensitive: true }, async (visit) => show(visit, query)),
    }),

    route({
      method: 'POST',
      path: `${page}/download`,
      body: csrfForm,
      statuses: [200, 303, 400],
      handle: ({ raw, body }) =>
        visits.open(raw, { page, isSensitive: true }, async (visit) => {
          if (!visits.isOwnForm(visit, body.csrf)) {
            return show(visit, { problem: 'form-expired', status: 400 });
          }
          await news.note(visit, 'data-downloaded');
          const data = await collect(visit);
          raw.attachment('holdfast-account.json');
          raw.type = 'application/json; charset=utf-8';
          raw.body = `${JSON.stringify(data, undefined, 2)}\n`;
          return { asIs: true };
        }),
    }),
  ];
}

/** As ISO 8601 writes it. */
function time(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
