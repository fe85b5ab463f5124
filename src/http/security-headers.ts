import type { Context, Middleware } from 'koa';

/**
 * What every answer says to browsers (OWASP ASVS 5.0, 3.4). Pages load nothing from elsewhere, run no inline
 * code, and are shown in no frame.
 */
const policy: [directive: string, ...sources: string[]][] = [
  ['default-src', "'none'"],
  ['style-src', "'self'"],
  ['img-src', "'self'"],
  ['script-src', "'self'"],
  ['connect-src', "'none'"],
  ['base-uri', "'none'"],
  ['frame-ancestors', "'none'"],
];

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
  const always = podHeaders(options);
  return async (ctx, next) => {
    ctx.set({
      'content-security-policy': contentSecurityPolicy([]),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'permissions-policy': permissions,
      'cache-control': 'no-store',
      ...always,
    });
    await next();
    // Protocol answers are read across origins where CORS allows it; pages are nobody else's.
    if (ctx.response.is('html')) ctx.set('cross-origin-resource-policy', 'same-origin');
  };
}

/** Widens what the forms of this page may lead to: browsers hold the redirects after a form against it too. */
export function allowFormAction(ctx: Context, origins: string[]): void {
  ctx.set('content-security-policy', contentSecurityPolicy(origins));
}

function contentSecurityPolicy(formActions: string[]): string {
  return [...policy, ['form-action', "'self'", ...formActions]].map((parts) => parts.join(' ')).join('; ');
}
