/** Owns the security headers of the relying party's responses. */
import type { Middleware } from 'koa';

/** `issuerOrigin` is where a form may lead: signing out ends at the provider. */
export function pageHeaders(issuerOrigin: string, secure: boolean): Middleware {
  const policy = [
    `default-src 'none'`,
    `style-src 'self'`,
    `script-src 'self'`,
    `img-src 'self'`,
    `connect-src 'self'`,
    `form-action 'self' ${issuerOrigin}`,
    `frame-ancestors 'none'`,
    `base-uri 'none'`,
  ].join('; ');

  return async (ctx, next) => {
    ctx.set({
      'Cache-Control': 'no-store',
      'Content-Security-Policy': policy,
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
      ...(secure ? { 'Strict-Transport-Security': 'max-age=31536000' } : {}),
    });
    await next();
  };
}
