import type { Context } from 'koa';
import { Refusal, Unavailable } from '../errors.ts';
import type { Log } from '../log.ts';
import { localeOf } from './language.ts';
import type { Renderer } from './render.ts';
import { allowFormAction } from './security-headers.ts';

/** Turns anything that was thrown into an answer. Installed on a context by server.ts. */
export type ErrorReply = (ctx: Context, error: unknown) => void;

/** Headers of an answer that was not finished, which must not go out with the error. */
const unfinished = [
  'content-disposition',
  'content-encoding',
  'content-length',
  'content-type',
  'etag',
  'last-modified',
  'location',
  'retry-after',
  'set-cookie',
  'www-authenticate',
];

export function createErrorReply(renderer: Renderer, log: Log): ErrorReply {
  return (ctx, error) => {
    for (const name of unfinished) ctx.res.removeHeader(name);
    ctx.set('cache-control', 'no-store');
    allowFormAction(ctx, []);
    const requestId = String(ctx.state.requestId);
    const refusal = toRefusal(error);
    const { status, kind, code, description } = refusal;
    if (status >= 500 && !(error instanceof Unavailable)) {
      log.error({ err: refusal.cause ?? error, requestId }, 'a request failed');
    }
    const retryAfterSeconds = error instanceof Unavailable ? error.retryAfterSeconds : undefined;
    if (retryAfterSeconds !== undefined) ctx.set('retry-after', String(retryAfterSeconds));
    ctx.status = status;
    // As the engine does: a page only for who prefers one.
    if (ctx.accepts('json', 'html') !== 'html') {
      ctx.body = { error: code, ...(description ? { error_description: description } : {}) };
      return;
    }
    try {
      ctx.body = renderer.page('error', localeOf(ctx), {
        kind,
        status,
        code,
        requestId,
        ...(description ? { description } : {}),
        ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      });
      ctx.type = 'html';
    } catch (err) {
      log.error({ err, requestId }, 'the error page failed');
      ctx.body = `${code} (${requestId})\n`;
      ctx.type = 'text';
    }
  };
}

function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof Unavailable) {
    return new Refusal(503, 'unavailable', {
      code: 'temporarily_unavailable',
      description: 'the service cannot answer now; send the request again in a moment',
      cause: error,
    });
  }
  return new Refusal(500, 'server', { code: 'server_error', cause: error });
}

/** Answers with an error page from within the engine's own error handling. */
export function replyWithError(ctx: Context, error: unknown): void {
  (ctx.state.replyWithError as ErrorReply)(ctx, error);
}
