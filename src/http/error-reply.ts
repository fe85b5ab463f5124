import type { Context } from 'koa';
import { Refusal, Unavailable } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Locale } from './locale.ts';
import type { Renderer } from './render.ts';

/** Turns anything that was thrown into an answer. Installed on a context by server.ts. */
export type ErrorReply = (ctx: Context, error: unknown) => void;

/** Headers of an answer that was not finished, which must not go out with the error. */
const unfinished = ['location', 'set-cookie', 'www-authenticate', 'content-type', 'content-length', 'etag'];

export function createErrorReply(options: {
  renderer: Renderer;
  log: Log;
  localeOf(ctx: Context): Locale;
}): ErrorReply {
  const { renderer, log, localeOf } = options;
  return (ctx, error) => {
    for (const name of unfinished) ctx.res.removeHeader(name);
    ctx.set('cache-control', 'no-store');
    const refusal = toRefusal(error);
    if (refusal.status >= 500 && !(error instanceof Unavailable)) {
      log.error({ err: refusal.cause ?? error, requestId: ctx.state.requestId }, 'a request failed');
    }
    const retryAfterSeconds = error instanceof Unavailable ? error.retryAfterSeconds : undefined;
    if (retryAfterSeconds !== undefined) ctx.set('retry-after', String(retryAfterSeconds));
    ctx.status = refusal.status;
    // As the engine does: a page only for who prefers one.
    if (ctx.accepts('json', 'html') === 'html') {
      ctx.type = 'html';
      ctx.body = renderer.page('error', localeOf(ctx), {
        kind: refusal.kind,
        status: refusal.status,
        code: refusal.code,
        requestId: String(ctx.state.requestId),
        ...(refusal.description ? { description: refusal.description } : {}),
        ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      });
    } else {
      ctx.body = {
        error: refusal.code,
        ...(refusal.description ? { error_description: refusal.description } : {}),
      };
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
  const { status } = error as { status?: number };
  if (status === 413) return new Refusal(413, 'bad-request', { description: 'the request is too large' });
  if (status === 400) return new Refusal(400, 'bad-request', { cause: error });
  return new Refusal(500, 'server', { code: 'server_error', cause: error });
}

/** Answers with an error page from within the engine's own error handling. */
export function replyWithError(ctx: Context, error: unknown): void {
  (ctx.state.replyWithError as ErrorReply)(ctx, error);
}
