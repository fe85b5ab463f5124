import type { AnySession } from '../../oidc/all-sessions.ts';
import { accountPath, labelOf } from './account-labels.ts';
import { askedAct } from './asked-act.ts';
import { clientName } from './client-labels.ts';
import type { ConsoleParts } from './console.ts';
import { type ConsoleRoute, consoleRoute, cursorField, manyField, textField } from './console-route.ts';
import { doneAt, type Visit, withQuery } from './console-visit.ts';

const path = '/admin/sessions';
const perPage = 50;
const namedAtMost = 5;

/** Who is signed in where; ended one, many, or all. */
export function sessionRoutes({ admin, visits, issuer }: ConsoleParts): ConsoleRoute[] {
  const list = ({ t }: Visit) => ({ label: t('admin.section.sessions'), href: path });
  const host = () => new URL(issuer).host;

  /** By id, or by an address that is somebody's. */
  async function accountOf(text: string) {
    if (text === '') return undefined;
    if (!text.includes('@')) {
      const found = await admin.accounts.find(text);
      return found.ok ? found.value : undefined;
    }
    const { items } = await admin.accounts.search({ text, count: 10 });
    return items.find(({ email }) => email.toLowerCase() === text.toLowerCase());
  }

  async function labelsOf(visit: Visit, sessions: AnySession[]): Promise<Map<string, string>> {
    const ids = [...new Set(sessions.map(({ accountId }) => accountId))];
    if (!visit.may('accounts:read')) return new Map();
    const found = await Promise.all(ids.map((id) => admin.accounts.find(id)));
    return new Map(ids.map((id, at) => [id, found[at]?.ok ? labelOf(found[at].value) : id]));
  }

  /** Those of a question, which may have ended meanwhile. */
  async function present(uids: string[]): Promise<AnySession[]> {
    const found = await Promise.all(uids.slice(0, 200).map((uid) => admin.sessions.find(uid)));
    return found.flatMap((one) => (one.ok ? [one.value] : []));
  }

  return [
    consoleRoute({
      method: 'GET',
      path,
      permission: 'sessions:read',
      query: { account: textField(320), client: textField(128), cursor: cursorField },
      async handle({ visit, query: { account, client, cursor } }) {
        const [who, which] = await Promise.all([
          visit.may('accounts:read') ? accountOf(account) : undefined,
          client ? admin.clients.find(client) : undefined,
        ]);
        const accountId = who?.id ?? account;
        const [page, total] = await Promise.all([
          admin.sessions.list({
            ...(account ? { accountId } : {}),
            ...(client ? { clientId: client } : {}),
            ...(cursor ? { cursor } : {}),
            count: perPage,
          }),
          admin.sessions.count(client || undefined),
        ]);
        const labels = await labelsOf(visit, page.items);
        const here = withQuery(path, { account, client });
        return visits.show(visit, 'admin-sessions', 'sessions', {
          sessions: page.items.map((one) => ({ ...one, label: labels.get(one.accountId) ?? one.accountId })),
          total: account ? page.items.length : total,
          filters: { account, client },
          isFiltered: account !== '' || client !== '',
          ...(account ? { accountId, accountLabel: who ? labelOf(who) : account } : {}),
          ...(client ? { clientName: which?.ok ? clientName(which.value.metadata) : client } : {}),
          isSelf: accountId === visit.account.id,
          ownUid: visit.session.uid,
          ...(cursor ? { first: here } : {}),
          ...(page.cursor ? { next: withQuery(here, { cursor: page.cursor }) } : {}),
        });
      },
    }),

    consoleRoute({
      method: 'GET',
      path: `${path}/end`,
      permission: 'sessions:end',
      query: { uid: manyField },
      async handle({ visit, query: { uid } }) {
        const { t } = visit;
        const sessions = await present(uid);
        if (sessions.length === 0) {
          const data = {
            title: t('admin.sessions.none-ticked'),
            text: t('admin.sessions.none-ticked.why'),
            links: [list(visit)],
          };
          return visits.show(visit, 'admin-message', 'sessions', data, { status: 404 });
        }
        const labels = await labelsOf(visit, sessions);
        const people = [...new Set(sessions.map(({ accountId }) => labels.get(accountId) ?? accountId))];
        const who = [...people.slice(0, namedAtMost), ...(people.length > namedAtMost ? ['…'] : [])].join(
          ', ',
        );
        return visits.confirm(visit, 'sessions', {
          title: t('admin.ask.sessions-picked.title', { count: sessions.length }),
          lead: t('admin.ask.sessions-picked.lead', { who }),
          submit: t('admin.ask.sessions-picked.submit'),
          ends: [t('admin.ends.sessions', { count: sessions.length })],
          stays: [t('admin.stays.sign-in-again')],
          action: `${path}/end`,
          fields: { uids: sessions.map((one) => one.uid).join(' ') },
          back: path,
          crumbs: [list(visit)],
        });
      },
    }),
    consoleRoute({
      method: 'POST',
      path: `${path}/end`,
      permission: 'sessions:end',
      body: { uids: textField(20_000) },
      back: () => path,
      async handle({ visit, body: { uids } }) {
        const wanted = uids.split(' ').filter(Boolean).slice(0, 200);
        const outcomes = await admin.sessions.endMany(visit.actor, wanted);
        const refused = outcomes.filter(
          (one) => !one.ok && (one.problem === 'outranked' || one.problem === 'ended'),
        ).length;
        const ended = outcomes.filter(({ ok }) => ok).length;
        if (refused === 0) return doneAt(path, 'sessions-picked', ended);
        const { t } = visit;
        const data = {
          title: t('admin.sessions.some-refused', { count: refused }),
          text: t('admin.sessions.some-refused.why', { ended }),
          links: [list(visit)],
        };
        return visits.show(visit, 'admin-message', 'sessions', data, { status: 403 });
      },
    }),

    ...askedAct(visits, {
      path: `${path}/account/:id/end`,
      parts: ['id'],
      permission: 'sessions:end',
      section: 'sessions',
      list,
      async find(_visit, { id }) {
        const found = await admin.accounts.find(id);
        return found.ok ? found.value : undefined;
      },
      async ask(visit, account) {
        const { t } = visit;
        const page = await admin.sessions.list({ accountId: account.id });
        const values = { who: labelOf(account), email: account.email };
        return {
          title: t('admin.ask.sessions-ended.title', values),
          lead: t('admin.ask.sessions-ended.lead', values),
          submit: t('admin.ask.sessions-ended.submit'),
          ends: [t('admin.ends.sessions', { count: page.items.length })],
          back: accountPath(account.id),
          crumbs: [list(visit)],
        };
      },
      act: (visit, { id }) => admin.sessions.endOfAccount(visit.actor, id),
      after: (_account, { ended }) => doneAt(path, 'sessions-picked', ended),
    }),

    ...askedAct(visits, {
      path: `${path}/end-all`,
      parts: [],
      permission: 'sessions:end',
      isSensitive: true,
      section: 'sessions',
      list,
      find: async () => ({}),
      async ask(visit) {
        const { t } = visit;
        const count = await admin.sessions.count();
        return {
          title: t('admin.ask.everything-ended.title'),
          lead: t('admin.ask.everything-ended.lead'),
          submit: t('admin.ask.everything-ended.submit'),
          ends: [
            t('admin.ends.sessions', { count }),
            t('admin.ends.all-tokens'),
            t('admin.ends.your-session'),
          ],
          stays: [t('admin.stays.sign-in-again')],
          back: path,
          crumbs: [list(visit)],
        };
      },
      typed: ({ t }) => ({ label: t('admin.typed', { what: host() }), expected: host() }),
      act: (visit) => admin.sessions.endAll(visit.actor),
      // The actor is signed out as well: another page would only ask them to sign in, and not say why.
      after: (_nothing, _ended, _parts, visit) =>
        visits.show(
          visit,
          'admin-message',
          'sessions',
          {
            title: visit.t('admin.section.sessions'),
            text: visit.t('admin.stays.sign-in-again'),
            links: [{ label: visit.t('admin.closed.sign-in'), href: path }],
          },
          { done: 'everything-ended' },
        ),
    }),
  ];
}
