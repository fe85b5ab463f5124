import { z } from 'zod';
import { askedAct } from './asked-act.ts';
import { clientCrumbs, clientListCrumb, clientName, clientPath, clientsPath } from './client-labels.ts';
import type { ConsoleParts } from './console.ts';
import { type ConsoleRoute, consoleRoute, idField } from './console-route.ts';
import type { Says } from './console-views.ts';
import { doneAt, type Visit } from './console-visit.ts';
import { createNewSecretCookie } from './new-secret-cookie.ts';

const path = `${clientsPath}/:id/secrets`;
const params = { id: idField };

/** How long the secret that is there goes on to work beside a new one, in seconds. */
export const overlaps = ['none', '3600', '86400', '604800'] as const;

/** A second secret, so that an application can be given it with no failed request, and the end of the first. */
export function clientSecretRoutes({ admin, visits, sealer }: ConsoleParts): ConsoleRoute[] {
  const secrets = createNewSecretCookie(sealer);

  async function show(visit: Visit, id: string, says: Says & { status?: number } = {}) {
    const found = await admin.clients.find(id);
    if (!found.ok) return visits.notFound(visit, 'clients', clientListCrumb(visit));
    const { metadata, secrets: present } = found.value;
    const data = { id, name: clientName(metadata), secrets: present.length };
    return visits.show(visit, 'admin-client-secret-new', 'clients', data, says);
  }

  return [
    consoleRoute({
      method: 'GET',
      path: `${path}/new`,
      permission: 'clients:secrets',
      params,
      handle: ({ visit, params: { id } }) => show(visit, id),
    }),
    consoleRoute({
      method: 'POST',
      path: `${path}/new`,
      permission: 'clients:secrets',
      params,
      body: { overlap: z.enum(overlaps).catch('none').default('none') },
      back: ({ id }) => `${clientPath(id)}/secrets/new`,
      async handle({ visit, params: { id }, body: { overlap } }) {
        const made = await admin.clients.addSecret(
          visit.actor,
          id,
          overlap === 'none' ? {} : { othersEndInSeconds: Number(overlap) },
        );
        if (!made.ok) return show(visit, id, visits.refusal(made));
        return {
          ...doneAt(`${clientPath(id)}/ready`, 'secret-added'),
          cookies: [secrets.give(visit, id, made.value.secret)],
        };
      },
    }),
    ...askedAct(visits, {
      path: `${path}/:secret/remove`,
      parts: ['id', 'secret'],
      permission: 'clients:secrets',
      section: 'clients',
      list: clientListCrumb,
      async find(_visit, { id, secret }) {
        const found = await admin.clients.find(id);
        const isThere = found.ok && found.value.secrets.some((one) => one.id === secret);
        return isThere ? found.value : undefined;
      },
      async ask(visit, client) {
        const { t } = visit;
        return {
          title: t('admin.ask.secret-removed.title'),
          lead: t('admin.ask.secret-removed.lead', { name: clientName(client.metadata) }),
          submit: t('admin.ask.secret-removed.submit'),
          ends: [t('admin.ask.secret-removed.ends')],
          stays: client.secrets.length > 1 ? [t('admin.ask.secret-removed.stays')] : [],
          back: clientPath(client.metadata.client_id),
          crumbs: clientCrumbs(visit, client),
        };
      },
      act: (visit, _client, { id, secret }) => admin.clients.removeSecret(visit.actor, id, secret),
      after: (_client, _value, { id }) => doneAt(clientPath(id), 'secret-removed'),
    }),
  ];
}
