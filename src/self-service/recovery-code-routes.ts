import { type Reply, type Route, route } from '../http/route.ts';
import { translator } from '../locale.ts';
import { csrfForm, saysQuery } from './forms.ts';
import { createNewCodesCookie } from './new-codes-cookie.ts';
import { securityPage } from './security-routes.ts';
import type { PageParts } from './self-service.ts';
import type { Says, Visit } from './visit.ts';

const page = '/account/security/recovery-codes';

/** Recovery codes: made anew, shown once, and put away. */
export function recoveryCodeRoutes(parts: PageParts): Route[] {
  const { visits, factors, news } = parts;
  const cookie = createNewCodesCookie(parts.sealer);
  const ownerOf = ({ account, session }: Visit) => ({ accountId: account.id, uid: session.uid });

  /** The new codes that this browser has still to put away; 'replaced' when a newer set has made them void. */
  async function fresh(visit: Visit): Promise<string[] | 'replaced' | undefined> {
    const codes = cookie.read(visit.ctx, ownerOf(visit));
    if (!codes) return undefined;
    return (await factors.recoveryCodes.areCurrent(visit.account.id, codes)) ? codes : 'replaced';
  }

  async function show(visit: Visit, says: Says = {}): Promise<Reply> {
    const [list, codes] = await Promise.all([factors.list(visit.account.id), fresh(visit)]);
    const present = list.find((one) => one.kind === 'recovery-codes');
    const isReplaced = codes === 'replaced';
    const data = {
      ...(present?.kind === 'recovery-codes' ? { left: present.left } : {}),
      ...(codes && !isReplaced ? { codes } : {}),
    };
    const reply = visits.show(visit, 'account-recovery-codes', 'security', data, {
      ...(isReplaced ? { problem: 'codes-replaced' } : {}),
      ...says,
    });
    return isReplaced ? { ...reply, cookies: [cookie.drop(visit.ctx)] } : reply;
  }

  return [
    route({
      method: 'GET',
      path: page,
      query: saysQuery,
      statuses: [200, 303],
      handle: ({ raw, query }) =>
        visits.open(raw, { page, isSensitive: true }, (visit) => show(visit, query)),
    }),

    route({
      method: 'POST',
      path: page,
      body: csrfForm,
      statuses: [303, 400],
      handle: ({ raw, body }) =>
        visits.open(raw, { page, isSensitive: true }, async (visit) => {
          if (!visits.isOwnForm(visit, body.csrf)) {
            return show(visit, { problem: 'form-expired', status: 400 });
          }
          const made = await factors.recoveryCodes.replace(visit.account.id);
          if (!made.ok) {
            if (made.problem === 'account-gone') return { redirect: '/account' };
            return show(visit, { problem: made.problem, status: 400 });
          }
          await news.note(visit, 'recovery-codes-made');
          return { redirect: page, cookies: [cookie.give(raw, ownerOf(visit), made.codes)] };
        }),
    }),

    route({
      method: 'GET',
      path: `${page}/file`,
      statuses: [200, 303],
      handle: ({ raw }) =>
        visits.open(raw, { page, isSensitive: true }, async (visit) => {
          const codes = await fresh(visit);
          if (codes === undefined || codes === 'replaced') return { redirect: page };
          const t = translator(visit.locale);
          const { email } = visit.account;
          const lines = [t('account.codes.file', { email }), '', ...codes, '', t('recovery-codes.lead')];
          raw.attachment('holdfast-recovery-codes.txt');
          raw.type = 'text/plain; charset=utf-8';
          raw.body = `${lines.join('\r\n')}\r\n`;
          return { asIs: true };
        }),
    }),

    route({
      method: 'POST',
      path: `${page}/kept`,
      body: csrfForm,
      statuses: [303, 400],
      handle: ({ raw, body }) =>
        visits.open(raw, { page }, async (visit) => {
          if (!visits.isOwnForm(visit, body.csrf)) {
            return show(visit, { problem: 'form-expired', status: 400 });
          }
          return { redirect: `${securityPage}?done=codes-kept`, cookies: [cookie.drop(raw)] };
        }),
    }),
  ];
}
