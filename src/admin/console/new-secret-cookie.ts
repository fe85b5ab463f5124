import type { Context } from 'koa';
import { nowMs } from '../../clock.ts';
import type { Sealer } from '../../http/return-path.ts';
import type { Visit } from './console-visit.ts';

/**
 * A client's new secret between the request that made it and the page that shows it: sealed, in a cookie of the
 * browser that asked for it, for its session and this client alone. So any pod shows it, a reload makes no second
 * one, and nobody else sees it.
 */
export type NewSecretCookie = {
  give(
    visit: Visit,
    clientId: string,
    secret: string,
  ): { name: string; value: string; maxAgeSeconds: number };
  read(visit: Visit, clientId: string): string | undefined;
  drop(ctx: Context): { name: string; value: null };
};

const purpose = 'admin-new-client-secret';
/** Long enough to put it where it belongs. */
const lifetimeSeconds = 10 * 60;

const nameOf = (ctx: Context) => `${ctx.secure ? '__Host-' : ''}holdfast_client_secret`;
const recordOf = ({ account, session }: Visit, clientId: string) =>
  JSON.stringify([account.id, session.uid, clientId]);

export function createNewSecretCookie(sealer: Sealer): NewSecretCookie {
  return {
    give: (visit, clientId, secret) => ({
      name: nameOf(visit.ctx),
      value: sealer.seal(
        purpose,
        recordOf(visit, clientId),
        JSON.stringify({ secret, until: nowMs() + lifetimeSeconds * 1000 }),
      ),
      maxAgeSeconds: lifetimeSeconds,
    }),
    read(visit, clientId) {
      const value = visit.ctx.cookies.get(nameOf(visit.ctx), { signed: false });
      if (value === undefined) return undefined;
      try {
        const { secret, until } = JSON.parse(sealer.open(purpose, recordOf(visit, clientId), value)) as {
          secret: string;
          until: number;
        };
        return until > nowMs() ? secret : undefined;
      } catch {
        // Of another session or client, or nothing of ours.
        return undefined;
      }
    },
    drop: (ctx) => ({ name: nameOf(ctx), value: null }),
  };
}
