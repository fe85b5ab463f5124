import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
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

export type Published = {
  /** Keeps what the engine answers for these paths. */
  middleware: Middleware;
  /** Answers at once what is kept, ahead of everything else. @returns false when it is for others to answer */
  answer(request: IncomingMessage, response: ServerResponse): boolean;
};

/** @param headers of every answer of this pod */
export function publishFromMemory(headers: Record<string, string>): Published {
  type Document = { body: Buffer; headers: Record<string, string> };
  const kept = new Map<string, Document>();

  return {
    async middleware(ctx, next) {
      await next();
      if (!paths.has(ctx.path) || ctx.method !== 'GET' || ctx.status !== 200) return;
      const body = Buffer.from(JSON.stringify(ctx.body));
      const digest = createHash('sha256').update(body).digest('base64url').slice(0, 22);
      const document: Document = {
        body,
        headers: {
          ...headers,
          'content-type': ctx.path === '/jwks' ? 'application/jwk-set+json' : 'application/json',
          'content-length': String(body.length),
          'cache-control': `public, max-age=${publishedForSeconds}`,
          'access-control-allow-origin': '*',
          'x-content-type-options': 'nosniff',
          etag: `"${digest}"`,
        },
      };
      kept.set(ctx.path, document);
      ctx.set(document.headers);
      ctx.body = body;
    },

    answer(request, response) {
      const { method, url = '' } = request;
      const document = method === 'GET' || method === 'HEAD' ? kept.get(url) : undefined;
      if (!document) return false;
      if (request.headers['if-none-match'] === document.headers.etag) {
        const { 'content-length': _length, ...rest } = document.headers;
        response.writeHead(304, rest).end();
      } else {
        response.writeHead(200, document.headers).end(method === 'HEAD' ? undefined : document.body);
      }
      return true;
    },
  };
}
