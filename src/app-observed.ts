import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from './config.ts';
import type { PeopleEvents } from './events/events.ts';
import { routeName } from './http/route-name.ts';
import type { Log } from './log.ts';
import { createMetrics, type Readings } from './metrics/metrics.ts';
import { createMetricsServer } from './metrics/metrics-server.ts';
import { inRequest, type Observer, type RequestScope, type SignInReason, unobserved } from './observer.ts';
import type { Tracing } from './tracing.ts';
import { version } from './version.ts';

/** The part of app.ts that lets metrics and traces watch a pod, where they are wanted. */
export type Observation = {
  observer: Observer;
  /** Around the answering of each request; undefined where nobody watches. */
  around: ((request: IncomingMessage, response: ServerResponse, work: () => void) => void) | undefined;
  /** Loads what traces need, and listens for who reads the metrics. */
  start(): Promise<{ metricsPort: number | undefined }>;
  close(): Promise<void>;
};

export function observe(parts: {
  config: Pick<Config, 'metrics' | 'tracing' | 'pod' | 'proxyHops'>;
  read: () => Promise<Readings>;
  probe: Parameters<typeof createMetricsServer>[0]['probe'];
  log: Log;
}): Observation {
  const { config, read, log } = parts;
  const metrics = config.metrics && createMetrics(version, read);
  const server =
    config.metrics && metrics
      ? createMetricsServer({ ...config.metrics, metrics, probe: parts.probe, log })
      : undefined;
  let tracing: Tracing | undefined;

  function around(request: IncomingMessage, response: ServerResponse, work: () => void): void {
    const { method = '', url = '' } = request;
    const scope: RequestScope = {
      route: routeName(url),
      redisWaits: 0,
      redisOpen: 0,
      traceId: undefined,
      span: undefined,
    };
    const startedAt = performance.now();
    metrics?.requestBegan();
    tracing?.requestBegan(scope, {
      method,
      requestId: String(response.getHeader('x-request-id')),
      // Whoever comes without a proxy of ours would put spans into traces of others, and decide what is traced.
      traceparent: config.proxyHops > 0 ? request.headersDistinct.traceparent?.[0] : undefined,
    });
    response.once('close', () => {
      const status = response.writableFinished ? response.statusCode : 0;
      metrics?.requestEnded(scope, status, (performance.now() - startedAt) / 1000);
      tracing?.requestEnded(scope, status);
    });
    inRequest(scope, work);
  }

  const counting = metrics?.observer ?? unobserved;
  const observer: Observer = config.tracing
    ? {
        ...counting,
        redis(kind, startedAt, isFailed) {
          counting.redis(kind, startedAt, isFailed);
          tracing?.worked(`redis ${kind}`, startedAt, isFailed);
        },
        hash(startedAt, isFailed) {
          counting.hash(startedAt, isFailed);
          tracing?.worked('password hash', startedAt, isFailed);
        },
      }
    : counting;

  return {
    observer,
    around: metrics || config.tracing ? around : undefined,
    async start() {
      if (config.tracing) {
        const { startTracing } = await import('./tracing.ts');
        tracing = await startTracing(config.tracing, { name: config.pod, version }, log);
      }
      const listening = await server?.listen();
      if (listening) log.info(listening, 'metrics are served');
      return { metricsPort: listening?.port };
    },
    async close() {
      await Promise.all([server?.close(), tracing?.close()]);
      metrics?.close();
    },
  };
}

/** Sign-ins are counted where they go into the audit trail. */
export function countSignIns(
  people: PeopleEvents,
  observer: Pick<Observer, 'signIn' | 'replay'>,
): PeopleEvents {
  return {
    note(request, event) {
      if (event.via === 'sign-in' && event.kind.startsWith('sign-in.')) {
        const isIn = event.kind === 'sign-in.succeeded';
        observer.signIn(isIn ? 'succeeded' : 'failed', isIn ? 'none' : classOf(event));
        if (event.reason === 'used-code') observer.replay('factor-code');
      }
      return people.note(request, event);
    },
  };
}

const credentials = new Set(['wrong-password', 'no-account', 'no-password']);

function classOf(event: { kind: string; reason?: string; after?: Record<string, unknown> }): SignInReason {
  const { kind, reason = '', after } = event;
  if (kind === 'sign-in.locked') return 'limits';
  if (kind === 'sign-in.factor-failed') return 'factor';
  if (reason === 'busy' || reason === 'disabled') return reason;
  if (after?.provider !== undefined) return 'provider';
  return credentials.has(reason) ? 'credentials' : 'other';
}
