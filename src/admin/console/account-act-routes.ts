import { accountsPath, counted, isForApplication } from './account-labels.ts';
import { questionRoutes } from './account-question.ts';
import type { ConsoleParts } from './console.ts';
import type { ConsoleRoute } from './console-route.ts';
import type { Visit } from './console-visit.ts';

/** Acts on an account as a whole, on its sessions and its applications. Each says in numbers what it ends. */
export function accountActRoutes(parts: ConsoleParts): ConsoleRoute[] {
  const { admin } = parts;

  /** What it is signed in to. */
  async function endsOf(visit: Visit, id: string): Promise<string[]> {
    const [sessions, grants] = await Promise.all([admin.accounts.sessions(id), admin.accounts.grants(id)]);
    return [
      ...counted(visit, 'admin.ends.sessions', sessions.ok ? sessions.value.length : 0),
      ...counted(visit, 'admin.ends.grants', grants.ok ? grants.value.filter(isForApplication).length : 0),
    ];
  }

  return questionRoutes(parts, [
    {
      path: 'disable',
      name: 'account-disabled',
      permission: 'accounts:disable',
      question: async (visit, { id }) => ({
        ends: await endsOf(visit, id),
        stays: [visit.t('admin.stays.account')],
      }),
      act: ({ actor }, { id }) => admin.accounts.disable(actor, id),
    },
    {
      path: 'enable',
      name: 'account-enabled',
      permission: 'accounts:disable',
      // What was ended comes back.
      isSensitive: true,
      isDangerous: false,
      act: ({ actor }, { id }) => admin.accounts.enable(actor, id),
    },
    {
      path: 'delete',
      name: 'account-deleted',
      permission: 'accounts:delete',
      isTyped: true,
      next: accountsPath,
      question: async (visit, { id }) => ({
        ends: [...(await endsOf(visit, id)), visit.t('admin.ends.account')],
        stays: [visit.t('admin.stays.audit')],
      }),
      act: ({ actor }, { id }) => admin.accounts.remove(actor, id),
    },
    {
      path: 'end-sessions',
      name: 'sessions-ended',
      permission: 'sessions:end',
      question: async (visit, { id }) => {
        const sessions = await admin.accounts.sessions(id);
        return {
          ends: counted(visit, 'admin.ends.sessions', sessions.ok ? sessions.value.length : 0),
        };
      },
      act: ({ actor }, { id }) => admin.sessions.endOfAccount(actor, id),
    },
    {
      path: 'sessions/:part/end',
      name: 'session-ended',
      permission: 'sessions:end',
      question: async ({ t }, { id }, uid) => {
        const found = await admin.sessions.find(uid);
        if (!found.ok || found.value.accountId !== id) return undefined;
        const { browser, address, clients } = found.value;
        const where = [browser || t('account.unknown-browser'), address].filter(Boolean).join(', ');
        return {
          lead: t('admin.ask.session-ended.lead', { where }),
          ends: clients.map(({ name }) => name),
        };
      },
      async act({ actor }, { id }, uid) {
        // The session in the address must be one of the account in it.
        const found = await admin.sessions.find(uid);
        if (found.ok && found.value.accountId !== id) return { ...missing };
        return admin.sessions.end(actor, uid);
      },
    },
    {
      path: 'grants/:part/revoke',
      name: 'grant-revoked',
      permission: 'grants:revoke',
      question: async ({ t }, { id, name, email }, grantId) => {
        const grant = await grantOf(id, grantId);
        if (!grant) return undefined;
        const values = { client: grant.client.name, who: name || email };
        return {
          lead: t('admin.ask.grant-revoked.lead', values),
          ends: [
            ...grant.scopes,
            ...Object.entries(grant.resources).map(([api, scopes]) => `${api}: ${scopes.join(' ')}`),
          ],
        };
      },
      async act({ actor }, { id }, grantId) {
        if (!(await grantOf(id, grantId))) return { ...missing };
        return admin.sessions.revokeGrant(actor, grantId);
      },
    },
  ]);

  async function grantOf(accountId: string, grantId: string) {
    const grants = await admin.accounts.grants(accountId);
    return grants.ok ? grants.value.find((one) => one.id === grantId) : undefined;
  }
}

const missing = {
  ok: false,
  problem: 'not-found',
  message: 'It has ended already.',
} as const;
