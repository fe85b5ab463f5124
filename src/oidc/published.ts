import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Middleware } from 'koa';
import type { LiveEngine } from './live-engine.ts';

/**
 * Discovery and the key set, answered from memory: the engine makes each once, and they are the same for
 * everybody until the engine is made anew. They need no Redis, and so are served while it is away.
 */
const paths = new Set([
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
  '/jwks',
]);

export function isPublished(path: string): boolean {
  return paths.has(path);
}

export type PublishedDocument = { body: Buffer; headers: Record<string, string> };

export type Published = {
  /** Keeps what the engine answers for these paths. */
  middleware: Middleware;
  /** Answers at once what is kept, ahead of everything else. @returns false when it is for others to answer */
  answer(request: IncomingMessage, response: ServerResponse): boolean;
};

export function publishFromMemory(parts: {
  engine: LiveEngine;
  /** Of every answer of this pod. */
  headers: Record<string, string>;
  /** How long a relying party may keep them. A new signing key is used no sooner than this. */
  keySetSeconds: number;
  /** Whether this pod knows that there is no newer key set. */
  isFresh(): boolean;
  /** Whether what it keeps may be told; a pod that lacks a key may have one in it that was revoked. */
  mayAnswer(): boolean;
}): Published {
  const { engine, headers, keySetSeconds, isFresh, mayAnswer } = parts;

  /** A pod that is cut off may be taken for dead, and its key set for gone: then nobody may keep that. */
  function forNow(document: PublishedDocument): Record<string, string> {
    return isFresh() ? document.headers : { ...document.headers, 'cache-control': 'no-cache' };
  }

  return {
    async middleware(ctx, next) {
      const { documents } = engine.of(ctx);
      await next();
      if (!isPublished(ctx.path) || ctx.method !== 'GET' || ctx.status !== 200) return;
      const body = Buffer.from(JSON.stringify(ctx.body));
      const digest = createHash('sha256').update(body).digest('base64url').slice(0, 22);
      const document: PublishedDocument = {
        body,
        headers: {
          ...headers,
          'content-type': ctx.path === '/jwks' ? 'application/jwk-set+json' : 'application/json',
          'content-length': String(body.length),
          'cache-control': `public, max-age=${keySetSeconds}`,
          'access-control-allow-origin': '*',
          'x-content-type-options': 'nosniff',
          etag: `"${digest}"`,
        },
      };
      documents.set(ctx.path, document);
      ctx.set(forNow(document));
      ctx.body = body;
    },

    answer(request, response) {
      const { method, url = '' } = request;
      const isRead = method === 'GET' || method === 'HEAD';
      const document = isRead && mayAnswer() ? engine.current().documents.get(url) : undefined;
      if (!document) return false;
      const sent = forNow(document);
      if (request.headers['if-none-match'] === sent.etag) {
        const { 'content-length': _length, ...rest } = sent;
        response.writeHead(304, rest).end();
      } else {
        response.writeHead(200, sent).end(method === 'HEAD' ? undefined : document.body);
      }
      return true;
    },
  };
}
