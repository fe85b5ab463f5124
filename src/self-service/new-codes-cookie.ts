import type { Context } from 'koa';
import { nowMs } from '../clock.ts';
import type { Sealer } from '../http/return-path.ts';

/**
 * Recovery codes between the request that made them and the page that shows them: sealed, in a cookie of the
 * browser that asked for them, for its session alone. So any pod shows them, a reload does, and nobody else.
 */
export type NewCodesCookie = {
  give(ctx: Context, owner: Owner, codes: string[]): { name: string; value: string; maxAgeSeconds: number };
  read(ctx: Context, owner: Owner): string[] | undefined;
  drop(ctx: Context): { name: string; value: null };
};

type Owner = { accountId: string; uid: string };

const purpose = 'account-new-codes';
/** Long enough to write them down. */
const lifetimeSeconds = 30 * 60;

const nameOf = (ctx: Context) => `${ctx.secure ? '__Host-' : ''}holdfast_codes`;
const recordOf = ({ accountId, uid }: Owner) => `${accountId} ${uid}`;

export function createNewCodesCookie(sealer: Sealer): NewCodesCookie {
  return {
    give: (ctx, owner, codes) => ({
      name: nameOf(ctx),
      value: sealer.seal(
        purpose,
        recordOf(owner),
        JSON.stringify({ codes, until: nowMs() + lifetimeSeconds * 1000 }),
      ),
      maxAgeSeconds: lifetimeSeconds,
    }),
    read(ctx, owner) {
      const value = ctx.cookies.get(nameOf(ctx), { signed: false });
      if (value === undefined) return undefined;
      try {
        const { codes, until } = JSON.parse(sealer.open(purpose, recordOf(owner), value)) as {
          codes: string[];
          until: number;
        };
        return until > nowMs() ? codes : undefined;
      } catch {
        // Of another session, or nothing of ours.
        return undefined;
      }
    },
    drop: (ctx) => ({ name: nameOf(ctx), value: null }),
  };
}
