import type { Permission } from '../../access/access.ts';
import { type Actor, stillMay } from '../../access/actor.ts';
import type { Account } from '../../accounts/accounts.ts';
import { endedMeanwhile, type Outcome } from '../outcome.ts';
import { accountsPath, counted, labelOf, listCrumb } from './account-labels.ts';
import type { ConsoleParts } from './console.ts';
import { type ConsoleRoute, consoleRoute, manyField, textField } from './console-route.ts';
import type { Visit } from './console-visit.ts';

/** As many as a page of the list shows. */
const most = 100;
/** So many are acted on at once. */
const atOnce = 10;

type BulkAct = {
  name: 'disable' | 'end-sessions' | 'add-to-group';
  permission: Permission;
  isDangerous: boolean;
  act(actor: Actor, account: Account, group: string): Promise<Outcome<unknown>>;
  /** What ends, in numbers. */
  ends(visit: Visit, accounts: Account[]): Promise<string[]>;
};

/** Acts on the accounts that were ticked in the list: a question, then each of them, then what became of each. */
export function bulkRoutes({ admin, visits }: ConsoleParts): ConsoleRoute[] {
  async function sessionsOf(visit: Visit, accounts: Account[]): Promise<string[]> {
    const lists = await Promise.all(accounts.map(({ id }) => admin.accounts.sessions(id)));
    const count = lists.reduce((sum, list) => sum + (list.ok ? list.value.length : 0), 0);
    return counted(visit, 'admin.ends.sessions', count);
  }

  const acts: BulkAct[] = [
    {
      name: 'disable',
      permission: 'accounts:disable',
      isDangerous: true,
      act: (actor, { id }) => admin.accounts.disable(actor, id),
      ends: sessionsOf,
    },
    {
      name: 'end-sessions',
      permission: 'sessions:end',
      isDangerous: true,
      act: (actor, { id }) => admin.sessions.endOfAccount(actor, id),
      ends: sessionsOf,
    },
    {
      name: 'add-to-group',
      permission: 'accounts:assign-roles',
      isDangerous: false,
      act: async (actor, { id, version, groups = [] }, group) =>
        admin.accounts.update(actor, id, { groups: [...new Set([...groups, group])] }, { version }),
      ends: async () => [],
    },
  ];

  async function chosen(ids: string[]): Promise<Account[]> {
    const found = await Promise.all([...new Set(ids)].slice(0, most).map((id) => admin.accounts.find(id)));
    return found.flatMap((one) => (one.ok ? [one.value] : []));
  }

  const groupName = async (id: string) => {
    const found = id === '' ? undefined : await admin.groups.find(id);
    return found?.ok ? found.value.name || id : '';
  };

  const fields = { id: manyField, group: textField(64) };
  return acts.flatMap(({ name, permission, isDangerous, act, ends }) => {
    const path = `${accountsPath}/bulk/${name}`;
    return [
      consoleRoute({
        method: 'GET',
        path,
        permission,
        query: fields,
        async handle({ visit, query }) {
          const { t } = visit;
          const accounts = await chosen(query.id);
          const group = name === 'add-to-group' ? await groupName(query.group) : '';
          if (accounts.length === 0 || (name === 'add-to-group' && group === '')) {
            const missing = accounts.length === 0 ? 'admin.bulk.none' : 'admin.bulk.no-group';
            const data = { title: t(`admin.bulk.${name}`), text: t(missing), links: [listCrumb(visit)] };
            return visits.show(visit, 'admin-message', 'accounts', data, { status: 422 });
          }
          return visits.confirm(visit, 'accounts', {
            title: t(`admin.bulk.${name}.title`, { count: accounts.length }),
            lead: t(`admin.bulk.${name}.lead`, { group, who: accounts.map(labelOf).join(', ') }),
            ends: await ends(visit, accounts),
            action: path,
            // Several of one name: a blank is in no id.
            fields: { ids: accounts.map(({ id }) => id).join(' '), group: query.group },
            submit: t(`admin.bulk.${name}`),
            back: accountsPath,
            crumbs: [listCrumb(visit)],
            isDangerous,
          });
        },
      }),

      consoleRoute({
        method: 'POST',
        path,
        permission,
        body: { ids: textField(20_000), group: textField(64) },
        back: () => accountsPath,
        async handle({ visit, body }) {
          const { t } = visit;
          // The administrator's own account last, so that the others do not stop with it.
          const isOwn = (account: Account) => account.id === visit.account.id;
          const found = await chosen(body.ids.split(' ').filter(Boolean));
          const accounts = [...found.filter((one) => !isOwn(one)), ...found.filter(isOwn)];
          const rows = [];
          for (let from = 0; from < accounts.length; from += atOnce) {
            const now = await stillMay(visit.actor, permission);
            const some = accounts.slice(from, from + atOnce).map(async (account) => {
              const outcome = now ? await act(now, account, body.group) : endedMeanwhile();
              const message = outcome.ok ? t(`admin.bulk.${name}.done`) : outcome.message;
              return { id: account.id, label: labelOf(account), isDone: outcome.ok, message };
            });
            rows.push(...(await Promise.all(some)));
          }
          return visits.show(visit, 'admin-accounts-done', 'accounts', {
            title: t(`admin.bulk.${name}`),
            rows,
            back: listCrumb(visit),
          });
        },
      }),
    ];
  });
}
