import { createHash } from 'node:crypto';
import type { Middleware } from 'koa';

/**
 * Discovery and the key set, answered from memory: the engine makes each once, and they are the same for
 * everybody until the engine is made anew. They need no Redis, and so are served while it is away.
 */
const paths = new Set([
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
  '/jwks',
]);

/** How long a relying party may keep them, in seconds. A new signing key is used no sooner than this. */
export const publishedForSeconds = 300;

export function answerFromMemory(): Middleware {
  const kept = new Map<string, { body: string; etag: string }>();
  return async (ctx, next) => {
    if ((ctx.method !== 'GET' && ctx.method !== 'HEAD') || !paths.has(ctx.path)) return next();
    let published = kept.get(ctx.path);
    if (!published) {
      await next();
      if (ctx.status !== 200) return;
      const body = JSON.stringify(ctx.body);
      const digest = createHash('sha256').update(body).digest('base64url').slice(0, 22);
      published = { body, etag: `"${digest}"` };
      kept.set(ctx.path, published);
    }
    ctx.status = 200;
    ctx.type = ctx.path === '/jwks' ? 'application/jwk-set+json' : 'application/json';
    ctx.set('cache-control', `public, max-age=${publishedForSeconds}`);
    ctx.set('access-control-allow-origin', '*');
    ctx.set('etag', published.etag);
    ctx.body = published.body;
    if (ctx.fresh) {
      ctx.status = 304;
      ctx.body = null;
    }
  };
}
