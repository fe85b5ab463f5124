import { z } from 'zod';
import { usualMinimumLength as minimumLength } from '../../accounts/new-password.ts';
import type { Reply } from '../../http/route.ts';
import { randomText } from '../../random.ts';
import { accountPath, accountsPath, counted, labelOf, listCrumb } from './account-labels.ts';
import { questionRoutes } from './account-question.ts';
import type { ConsoleParts } from './console.ts';
import { boxField, type ConsoleRoute, consoleRoute, idField } from './console-route.ts';
import type { Says } from './console-views.ts';
import { doneAt, type Visit } from './console-visit.ts';

const passwordPath = `${accountsPath}/:id/password`;
const params = { id: idField };

/** How somebody signs in: their address, password and second factors, as an administrator may mend them. */
export function accountCredentialRoutes(parts: ConsoleParts): ConsoleRoute[] {
  const { admin, visits } = parts;

  async function sessionCount(id: string): Promise<number> {
    const sessions = await admin.accounts.sessions(id);
    return sessions.ok ? sessions.value.length : 0;
  }

  const endsSessions = async (visit: Visit, id: string) =>
    counted(visit, 'admin.ends.sessions', await sessionCount(id));

  async function showPassword(
    visit: Visit,
    id: string,
    mustChange: boolean,
    says: Says & { status?: number } = {},
  ): Promise<Reply> {
    const found = await admin.accounts.find(id);
    if (!found.ok) return visits.notFound(visit, 'accounts', listCrumb(visit));
    const data = {
      id,
      label: labelOf(found.value),
      suggestion: suggestion(),
      mustChange,
      sessions: await sessionCount(id),
      minimumLength,
    };
    return visits.show(visit, 'admin-account-password', 'accounts', data, says);
  }

  return [
    ...questionRoutes(parts, [
      {
        path: 'verify-email',
        name: 'email-verified',
        permission: 'accounts:update',
        isDangerous: false,
        act: ({ actor }, { id, version }) =>
          admin.accounts.update(actor, id, { emailVerified: true }, { version }),
      },
      {
        path: 'reset',
        name: 'reset-sent',
        permission: 'accounts:credentials',
        isDangerous: false,
        act: ({ actor }, { id }) => admin.accounts.sendReset(actor, id),
      },
      {
        path: 'expire-password',
        name: 'password-expired',
        permission: 'accounts:credentials',
        question: async (visit, { id }) => ({ ends: await endsSessions(visit, id) }),
        act: ({ actor }, { id }) => admin.accounts.expirePassword(actor, id),
      },
      {
        path: 'reset-factors',
        name: 'factors-reset',
        permission: 'accounts:credentials',
        question: async (visit, { id }) => {
          const factors = await admin.accounts.factors(id);
          const count = factors.ok ? factors.value.length : 0;
          return {
            ends: [...counted(visit, 'admin.ends.factors', count), ...(await endsSessions(visit, id))],
          };
        },
        act: ({ actor }, { id }) => admin.accounts.resetFactors(actor, id),
      },
      {
        path: 'factors/:part/remove',
        name: 'factor-removed',
        permission: 'accounts:credentials',
        question: async (visit, { id }, factorId) => {
          const factors = await admin.accounts.factors(id);
          const factor = factors.ok ? factors.value.find((one) => one.id === factorId) : undefined;
          if (!factor) return undefined;
          const kind = visit.t(`account.kind.${factor.kind}`);
          const what = factor.name ? `${kind}: ${factor.name}` : kind;
          return {
            lead: visit.t('admin.ask.factor-removed.lead', { what }),
            ends: await endsSessions(visit, id),
          };
        },
        act: ({ actor }, { id }, factorId) => admin.accounts.removeFactor(actor, id, factorId),
      },
    ]),

    consoleRoute({
      method: 'GET',
      path: passwordPath,
      permission: 'accounts:credentials',
      params,
      handle: ({ visit, params: { id } }) => showPassword(visit, id, true),
    }),

    consoleRoute({
      method: 'POST',
      path: passwordPath,
      permission: 'accounts:credentials',
      params,
      body: { password: z.string().max(2000).default(''), 'must-change': boxField },
      back: ({ id }) => `${accountPath(id)}/password`,
      async handle({ visit, params: { id }, body: { password, 'must-change': mustChange } }) {
        const outcome = await admin.accounts.setPassword(visit.actor, id, password, { mustChange });
        if (outcome.ok) return doneAt(accountPath(id), 'password-set');
        return showPassword(visit, id, mustChange, visits.refusal(outcome));
      },
    }),
  ];
}

/** One that can be read out on the telephone: 100 bits in groups, without letters that look like digits. */
function suggestion(): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
  const bytes = Buffer.from(randomText(60), 'base64url');
  const usable = [...bytes].filter((byte) => byte < letters.length * 8).slice(0, 20);
  const text = usable.map((byte) => letters[byte % letters.length]).join('');
  return text.replace(/(.{5})(?=.)/g, '$1-');
}
