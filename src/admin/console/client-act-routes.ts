import type { ClientRecord } from '../../oidc/oidc.ts';
import type { Outcome } from '../outcome.ts';
import { type AskedAct, askedAct } from './asked-act.ts';
import { clientCrumbs, clientListCrumb, clientName, clientPath, clientsPath } from './client-labels.ts';
import type { ConsoleParts } from './console.ts';
import type { ConsoleRoute } from './console-route.ts';
import { doneAt, type Visit } from './console-visit.ts';

const path = `${clientsPath}/:id`;

type Act = Pick<AskedAct<'id', ClientRecord, unknown>, 'permission' | 'isSensitive' | 'typed'> & {
  /** Its texts: `admin.ask.<name>.title`, `.lead`, `.submit`; and of what is done. */
  name: string;
  at: string;
  isDangerous?: boolean;
  ends?(visit: Visit, client: ClientRecord): Promise<string[]>;
  stays?(visit: Visit): string[];
  act(visit: Visit, id: string): Promise<Outcome<unknown>>;
  next?: string;
};

/** Acts on a client as a whole. Each says in numbers what it ends. */
export function clientActRoutes({ admin, visits }: ConsoleParts): ConsoleRoute[] {
  async function sessionsOf({ t }: Visit, { metadata }: ClientRecord): Promise<string[]> {
    const count = await admin.sessions.count(metadata.client_id);
    return [t('admin.ends.client-sessions', { count }), t('admin.ends.client-tokens')];
  }

  const acts: Act[] = [
    {
      at: 'disable',
      name: 'client-disabled',
      permission: 'clients:write',
      // It only takes away, and may have to be quick.
      isSensitive: false,
      ends: async ({ t }) => [t('admin.ends.client-sign-ins'), t('admin.ends.client-tokens')],
      stays: ({ t }) => [t('admin.stays.client')],
      act: ({ actor }, id) => admin.clients.disable(actor, id),
    },
    {
      at: 'enable',
      name: 'client-enabled',
      permission: 'clients:write',
      isDangerous: false,
      act: ({ actor }, id) => admin.clients.enable(actor, id),
    },
    {
      at: 'delete',
      name: 'client-deleted',
      permission: 'clients:delete',
      typed: ({ t }, { metadata }) => ({
        label: t('admin.typed', { what: clientName(metadata) }),
        expected: clientName(metadata),
      }),
      ends: async (visit, client) => [
        ...(await sessionsOf(visit, client)),
        visit.t('admin.ends.client', { count: client.secrets.length }),
      ],
      stays: ({ t }) => [t('admin.stays.audit')],
      act: ({ actor }, id) => admin.clients.remove(actor, id),
      next: clientsPath,
    },
    {
      at: 'end-sessions',
      name: 'client-sessions-ended',
      permission: 'sessions:end',
      ends: sessionsOf,
      stays: ({ t }) => [t('admin.stays.sign-in-again')],
      act: ({ actor }, id) => admin.sessions.endOfClient(actor, id),
    },
    {
      at: 'revoke-grants',
      name: 'client-grants-revoked',
      permission: 'grants:revoke',
      ends: async ({ t }) => [t('admin.ends.client-tokens'), t('admin.ends.client-consents')],
      stays: ({ t }) => [t('admin.stays.sign-in-again')],
      act: ({ actor }, id) => admin.clients.revokeGrants(actor, id),
    },
  ];

  return acts.flatMap(({ at, name, isDangerous = true, ends, stays, act, next, ...rest }) =>
    askedAct(visits, {
      ...rest,
      path: `${path}/${at}`,
      parts: ['id'] as const,
      section: 'clients',
      list: clientListCrumb,
      async find(_visit, { id }) {
        const found = await admin.clients.find(id);
        return found.ok ? found.value : undefined;
      },
      async ask(visit, client) {
        const { t } = visit;
        const values = { name: clientName(client.metadata) };
        return {
          title: t(`admin.ask.${name}.title`, values),
          lead: t(`admin.ask.${name}.lead`, values),
          submit: t(`admin.ask.${name}.submit`),
          ends: (await ends?.(visit, client)) ?? [],
          stays: stays?.(visit) ?? [],
          isDangerous,
          back: clientPath(client.metadata.client_id),
          crumbs: clientCrumbs(visit, client),
        };
      },
      act: (visit, _client, { id }) => act(visit, id),
      after: (_client, _value, { id }) => doneAt(next ?? clientPath(id), name),
    }),
  );
}
