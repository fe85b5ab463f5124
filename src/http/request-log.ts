import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';
import type { Log } from '../log.ts';
import { requestScope } from '../observer.ts';
import { withoutId } from './path.ts';

/**
 * What a proxy before us calls the request, for the log alone; undefined where there is none, or it is too odd. A proxy
 * may pass on what a stranger chose, so nothing is found by it in the audit, and no request bears the name of another.
 */
function upstreamIdOf(request: IncomingMessage, proxyHops: number): string | undefined {
  const given = request.headers['x-request-id'];
  return proxyHops > 0 && typeof given === 'string' && /^[\w.-]{8,64}$/.test(given) ? given : undefined;
}

/** Names a request in the log, in its answer, on an error page and in the audit. Always ours. */
export function newRequestId(): string {
  return randomBytes(16).toString('base64url');
}

/**
 * Begins the one line that the log has of a request: no query, no id that opens anything.
 * @returns writes the line, when the answer is made. Until then the engine may have changed method and path.
 */
export function beginLogLine(log: Log, ctx: Context, proxyHops: number): () => void {
  const started = performance.now();
  const { method } = ctx;
  const path = withoutId(ctx.path).slice(0, 200);
  const upstreamId = upstreamIdOf(ctx.req, proxyHops);
  const given = upstreamId === undefined ? {} : { upstream_request_id: upstreamId };
  return () => {
    const ms = Math.round(performance.now() - started);
    const traceId = requestScope()?.traceId;
    const trace = traceId === undefined ? {} : { traceId };
    log.info(
      { requestId: ctx.state.requestId, ...given, ...trace, method, path, status: ctx.status, ms },
      'request',
    );
  };
}
