import type { Context, Middleware } from 'koa';

/**
 * What every answer says to browsers (OWASP ASVS 5.0, 3.4). Pages load nothing from elsewhere, run no inline
 * code, and are shown in no frame.
 */
const policy = [
  "default-src 'none'",
  "style-src 'self'",
  "img-src 'self'",
  "script-src 'self'",
  "connect-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "form-action 'self'",
].join('; ');

const permissions = 'camera=(), geolocation=(), microphone=(), payment=(), usb=()';

/** What every answer of a pod carries, whoever makes it. */
export function podHeaders(options: { issuer: string; pod: string }): Record<string, string> {
  const isHttps = options.issuer.startsWith('https:');
  return {
    'holdfast-pod': options.pod,
    ...(isHttps ? { 'strict-transport-security': 'max-age=63072000; includeSubDomains' } : {}),
  };
}

export function securityHeaders(options: { issuer: string; pod: string }): Middleware {
  const headers = {
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    // Not `no-referrer`: under that, browsers call the origin of our own forms `null`.
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'permissions-policy': permissions,
    'cache-control': 'no-store',
    ...podHeaders(options),
  };
  return async (ctx, next) => {
    ctx.set(headers);
    await next();
    // Protocol answers are read across origins where CORS allows it; pages are nobody else's.
    if (ctx.response.is('html')) ctx.set('cross-origin-resource-policy', 'same-origin');
  };
}

/** Lets the scripts of this page ask this pod for pages. */
export function allowConnect(ctx: Context): void {
  ctx.set('content-security-policy', policy.replace("connect-src 'none'", "connect-src 'self'"));
}

/** What cannot be said in a policy, or could end its directive, is left out: it comes from clients. */
const source = /^(?:https?:\/\/[a-z0-9.-]+(?::\d+)?|[a-z][a-z0-9+.-]*:)$/i;

/**
 * Says where the forms of this page may lead beside here: browsers hold the redirects after a form against it.
 * @param targets origins, or schemes such as `app.example:` of an application on a device
 */
export function allowFormAction(ctx: Context, targets: string[]): void {
  // An IPv6 address cannot be said in a policy (CSP 3, 2.3.1), so its scheme has to do.
  const sources = targets.map((target) => target.replace(/^(https?:)\/\/\[[0-9a-f:.]+\](?::\d+)?$/i, '$1'));
  ctx.set('content-security-policy', [policy, ...sources.filter((one) => source.test(one))].join(' '));
}
