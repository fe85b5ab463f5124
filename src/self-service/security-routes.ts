import { type Route, route } from '../http/route.ts';
import { factorItem } from './factor-items.ts';
import { saysQuery } from './forms.ts';
import type { PageParts } from './self-service.ts';
import { momentOf, type Says, type Visit } from './visit.ts';

export const securityPage = '/account/security';

/** The ways to sign in, and what is asked for besides: all at one glance. */
export function securityRoutes(parts: PageParts): Route[] {
  return [
    route({
      method: 'GET',
      path: securityPage,
      query: saysQuery,
      statuses: [200, 303],
      handle: ({ raw, query }) =>
        parts.visits.open(raw, { page: securityPage }, (visit) => showSecurity(parts, visit, query)),
    }),
  ];
}

export async function showSecurity(
  { visits, factors, trustedCookie }: PageParts,
  visit: Visit,
  says: Says = {},
) {
  const { account, ctx } = visit;
  const [list, browsers] = await Promise.all([
    factors.list(account.id),
    factors.browsers.list(account.id, trustedCookie(ctx, account.id)),
  ]);
  const items = list.flatMap((factor) => factorItem(visit, factor) ?? []);
  const codes = list.find((one) => one.kind === 'recovery-codes');
  return visits.show(
    visit,
    'account-security',
    'security',
    {
      hasPassword: account.hasPassword,
      passkeys: items.filter(({ kind }) => kind === 'passkey'),
      apps: items.filter(({ kind }) => kind === 'totp'),
      ...(codes?.kind === 'recovery-codes'
        ? { codes: { left: codes.left, madeAt: momentOf(visit, codes.createdAt) } }
        : {}),
      browsers: browsers.map(({ id, label, isThis, lastSeenAt, expiresAt }) => ({
        id,
        name: [label.browser, label.system].filter(Boolean).join(', '),
        isThis,
        seenAt: momentOf(visit, lastSeenAt),
        until: momentOf(visit, expiresAt),
      })),
    },
    says,
  );
}
