import type { Reply } from '../../http/route.ts';
import type { Gate } from './console-route.ts';
import type { Visit, VisitParts, Visits } from './console-visit.ts';

const fewOwners = 3;

/** The pages for those who may not, or whose form is too old. */
export type Refusals = {
  noPermission(visit: Visit, lacking: Gate): Promise<Reply>;
  formExpired(visit: Visit): Reply;
};

export function createRefusals(parts: VisitParts, visits: Visits): Refusals {
  const { admin, issuer, renderer, events } = parts;

  return {
    async noPermission(visit, lacking) {
      const { account, actor, locale } = visit;
      await events.note({
        kind: 'access.refused',
        outcome: 'failure',
        actor: { kind: 'account', id: account.id, name: account.email },
        reason: lacking,
        via: 'console',
        address: actor.address,
        requestId: actor.requestId,
      });
      if (actor.permissions.size === 0) {
        const data = { frame: { path: '/admin' }, kind: 'no-role', email: account.email, issuer } as const;
        return { status: 403, html: renderer.page('admin-closed', locale, data) };
      }
      const [roles, owners] = await Promise.all([
        admin.roles.list(),
        admin.accounts.search({ role: 'owner', status: 'active', count: fewOwners }),
      ]);
      const helpful = roles.filter(({ permissions }) => (permissions as readonly string[]).includes(lacking));
      const data = {
        permission: lacking,
        roles: helpful.map(({ name, id }) => name || id),
        owners: owners.items.map(({ email }) => email),
      };
      return visits.show(visit, 'admin-no-permission', undefined, data, { status: 403 });
    },

    formExpired(visit) {
      const { t, page } = visit;
      const data = {
        title: t('admin.form-expired'),
        text: t('admin.form-expired.why'),
        links: [{ label: t('admin.form-expired.back'), href: page }],
      };
      return visits.show(visit, 'admin-message', undefined, data, { status: 400 });
    },
  };
}
