import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';
import type { Log } from '../log.ts';
import { requestScope } from '../observer.ts';
import { withoutId } from './path.ts';

/** Names a request in the log, in its answer and on an error page. One that a proxy of ours gave is kept. */
export function requestIdOf(request: IncomingMessage, proxyHops: number): string {
  const given = request.headers['x-request-id'];
  const isKept = proxyHops > 0 && typeof given === 'string' && /^[\w.-]{8,64}$/.test(given);
  return isKept ? given : newRequestId();
}

export function newRequestId(): string {
  return randomBytes(16).toString('base64url');
}

/**
 * Begins the one line that the log has of a request: no query, no id that opens anything.
 * @returns writes the line, when the answer is made. Until then the engine may have changed method and path.
 */
export function beginLogLine(log: Log, ctx: Context): () => void {
  const started = performance.now();
  const { method } = ctx;
  const path = withoutId(ctx.path).slice(0, 200);
  return () => {
    const ms = Math.round(performance.now() - started);
    const traceId = requestScope()?.traceId;
    const trace = traceId === undefined ? {} : { traceId };
    log.info({ requestId: ctx.state.requestId, ...trace, method, path, status: ctx.status, ms }, 'request');
  };
}
