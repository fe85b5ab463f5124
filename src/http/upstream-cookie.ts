import type { Context } from 'koa';

/** The cookie that binds the way to another provider to this browser. The prefix binds it to this host and to https. */
export function upstreamCookie(isHttps: boolean): string {
  return isHttps ? '__Host-holdfast_upstream' : 'holdfast_upstream';
}

/** What the browser keeps of it, not checked yet; undefined when it never went to another provider. */
export function upstreamSecret(ctx: Context, isHttps: boolean): string | undefined {
  return ctx.cookies.get(upstreamCookie(isHttps), { signed: false });
}
