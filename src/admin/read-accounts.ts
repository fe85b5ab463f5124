import { outranks } from '../access/access.ts';
import type { AccountParts } from './account-parts.ts';
import type { ManageAccounts } from './manage-accounts.ts';
import { done, notFound, type Outcome } from './outcome.ts';

const latestEvents = 20;

type ReadAccounts = Pick<
  ManageAccounts,
  'search' | 'count' | 'find' | 'overview' | 'factors' | 'activity' | 'sessions' | 'grants'
>;

export function createReadAccounts(parts: AccountParts): ReadAccounts {
  const { accounts, directory, factors, activity, upstream, allSessions, access, events } = parts;

  const sessionsOf = async (accountId: string) => (await allSessions.list({ accountId })).sessions;
  const providerNames = new Map(upstream.providers.map(({ id, name }) => [id, name]));

  async function ofAccount<T>(id: string, read: () => Promise<T>): Promise<Outcome<T>> {
    const [account, value] = await Promise.all([accounts.find(id), read()]);
    return account ? done(value) : notFound('account');
  }

  return {
    async search(query) {
      const { accounts: items, cursor } = await directory.search(query);
      return { items, cursor };
    },

    count: (of) => directory.count(of),

    async find(id) {
      const account = await accounts.find(id);
      return account ? done(account) : notFound('account');
    },

    async overview(actor, id) {
      const may = (permission: Parameters<typeof actor.permissions.has>[0]) =>
        actor.permissions.has(permission);
      const account = await accounts.find(id);
      if (!account) return notFound('account');
      const { roles = [], groups = [] } = account;
      const [effective, itsFactors, sessions, grants, itsActivity, page, links] = await Promise.all([
        access.effectiveNow({ roles, groups }),
        factors.list(id),
        may('sessions:read') ? sessionsOf(id) : [],
        may('grants:read') ? allSessions.grants(id) : [],
        activity.list(id),
        may('audit:read') ? events.list({ accountId: id, count: latestEvents }) : { events: [] },
        upstream.list(id),
      ]);
      return done({
        account,
        effective,
        isOutranked: outranks(actor.permissions, effective.permissions),
        factors: itsFactors,
        sessions,
        grants,
        activity: itsActivity,
        events: page.events,
        upstreams: links.map(({ identityId, providerId, linkedAt }) => ({
          id: identityId,
          providerName: providerNames.get(providerId) ?? providerId,
          linkedAt,
        })),
      });
    },

    factors: (id) => ofAccount(id, () => factors.list(id)),
    activity: (id) => ofAccount(id, () => activity.list(id)),
    sessions: (id) => ofAccount(id, () => sessionsOf(id)),
    grants: (id) => ofAccount(id, () => allSessions.grants(id)),
  };
}
