import type { Context } from 'koa';
import type { Accounts } from '../accounts/accounts.ts';
import type { Refusal } from '../errors.ts';
import { replyWithError } from '../http/error-reply.ts';
import { localeOf } from '../http/language.ts';
import type { Renderer } from '../http/render.ts';
import { allowFormAction } from '../http/security-headers.ts';
import type { Views } from '../http/views.ts';
import type { EnginePages } from '../oidc/oidc.ts';

/** The pages that the engine shows at its own endpoints, as ours. */
export function createEnginePages(renderer: Renderer, accounts: Accounts): EnginePages {
  function show<V extends keyof Views>(ctx: Context, view: V, data: Views[V]): void {
    ctx.type = 'html';
    ctx.body = renderer.page(view, localeOf(ctx, askedLocales(ctx)), data);
  }

  return {
    logout: async (ctx, { action, xsrf, client, accountId, goesOnTo }) => {
      const account = accountId ? await accounts.find(accountId) : undefined;
      allowFormAction(ctx, goesOnTo);
      show(ctx, 'logout', {
        action,
        xsrf,
        ...(client ? { client } : {}),
        ...(account ? { account: { email: account.email } } : {}),
      });
    },
    signedOut: (ctx, data) => show(ctx, 'signed-out', data),
    error: (ctx, refusal: Refusal) => replyWithError(ctx, refusal),
    continue: (ctx, { action, fields, message, goesOnTo }) => {
      allowFormAction(ctx, [new URL(action).origin, ...goesOnTo]);
      show(ctx, 'continue', { action, fields, message });
    },
    deviceCode: (ctx, data) => show(ctx, 'device-code', data),
    deviceConfirm: (ctx, data) => show(ctx, 'device-confirm', data),
    deviceDone: (ctx, data) => show(ctx, 'device-done', data),
  };
}

/** These pages have a `ui_locales` of their own only where the engine kept the request's parameters. */
function askedLocales(ctx: Context): string | undefined {
  const { oidc } = ctx as Context & { oidc?: { params?: { ui_locales?: unknown } } };
  const asked = oidc?.params?.ui_locales;
  return typeof asked === 'string' ? asked : undefined;
}
