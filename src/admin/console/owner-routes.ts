import { z } from 'zod';
import type { ConsoleParts } from './console.ts';
import { type ConsoleRoute, consoleRoute } from './console-route.ts';
import { doneAt, type Visit } from './console-visit.ts';

const tokenField = z.string().max(500).default('');

/** The one-time link by which somebody becomes an owner: `holdfast owner invite` prints it. */
export function ownerRoutes({ admin, visits, renderer, issuer }: ConsoleParts): ConsoleRoute[] {
  function closed({ locale, account }: Visit, kind: 'claim-gone' | 'claim-needed', status: number) {
    const data = { frame: { path: '/admin/owner' }, kind, email: account.email, issuer };
    return { status, html: renderer.page('admin-closed', locale, data) };
  }

  return [
    consoleRoute({
      method: 'GET',
      path: '/admin/owner',
      permission: 'signed-in',
      query: { token: tokenField },
      async handle({ visit, query: { token } }) {
        const { account, locale, page, session } = visit;
        if (token === '') return closed(visit, 'claim-needed', 400);
        const data = {
          frame: { path: page },
          csrfToken: visits.csrfToken(session),
          token,
          email: account.email,
          ...(account.name ? { name: account.name } : {}),
        };
        return { html: renderer.page('admin-owner', locale, data) };
      },
    }),

    consoleRoute({
      method: 'POST',
      path: '/admin/owner',
      permission: 'signed-in',
      body: { token: tokenField },
      back: () => '/admin/owner',
      async handle({ visit, body: { token } }) {
        const { requestId, address } = visit.actor;
        const claimed = await admin.accounts.claimOwnership(token, visit.account.id, { requestId, address });
        return claimed.ok ? doneAt('/admin', 'owner-claimed') : closed(visit, 'claim-gone', 409);
      },
    }),
  ];
}
