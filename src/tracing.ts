/**
 * Traces by OpenTelemetry, sent by OTLP over HTTP: a span for each request, and one in it for each command of Redis and
 * each password hash. The only file that knows OpenTelemetry; it is loaded only where traces are wanted.
 *
 * A span says what kind of thing was asked for and how it ended. It has no path, no query, no address and nobody's id:
 * traces are read by more people than the audit, and kept in other places.
 */
import type { Context, Span, SpanContext } from '@opentelemetry/api';
import type { ReadableSpan, Sampler, SpanExporter } from '@opentelemetry/sdk-trace';
import type { Log } from './log.ts';
import { type RequestScope, requestScope } from './observer.ts';
import type { TracingSettings } from './tracing-settings.ts';

export type Tracing = {
  /** @param traceparent of whoever sent the request, where that may be gone by (W3C Trace Context) */
  requestBegan(
    scope: RequestScope,
    request: { method: string; requestId: string; traceparent: string | undefined },
  ): void;
  /** @param status 0 when the connection was gone before the answer */
  requestEnded(scope: RequestScope, status: number): void;
  /** Work of the request at hand that has just ended; of none nothing is said. @param startedAt as of performance.now() */
  worked(name: string, startedAt: number, isFailed: boolean): void;
  /** Sends what there is, but waits for no receiver that does not answer. */
  close(): Promise<void>;
};

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const complainEveryMs = 60_000;
const closeMs = 2000;

export async function startTracing(
  settings: TracingSettings,
  pod: { name: string; version: string },
  log: Log,
): Promise<Tracing> {
  const [api, sdk, { OTLPTraceExporter }, resources] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = api;

  function makeSampler(): Sampler {
    const { root, ratio, isParentBased } = settings.sampler;
    const sampler = {
      always_on: () => new sdk.AlwaysOnSampler(),
      always_off: () => new sdk.AlwaysOffSampler(),
      traceidratio: () => new sdk.TraceIdRatioBasedSampler(ratio),
    }[root]();
    return isParentBased ? new sdk.ParentBasedSampler({ root: sampler }) : sampler;
  }

  const { url, headers, timeoutMs } = settings;
  const exporter = tellOfFailures(new OTLPTraceExporter({ url, headers, timeoutMillis: timeoutMs }), log);
  const provider = new sdk.TracerProvider({
    sampler: makeSampler(),
    resource: resources.defaultResource().merge(
      resources.resourceFromAttributes({
        'service.version': pod.version,
        'service.instance.id': pod.name,
        ...settings.attributes,
        'service.name': settings.serviceName,
      }),
    ),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter })],
  });
  const tracer = provider.getTracer('holdfast', pod.version);

  return {
    requestBegan(scope, { method, requestId, traceparent }) {
      const parent = traceparent === undefined ? undefined : readTraceparent(traceparent);
      const span = tracer.startSpan(
        `${methods.has(method) ? method : 'HTTP'} ${scope.route}`,
        {
          kind: SpanKind.SERVER,
          attributes: {
            'http.request.method': methods.has(method) ? method : '_OTHER',
            'http.route': scope.route,
            'holdfast.request_id': requestId,
          },
        },
        parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT,
      );
      scope.traceId = span.spanContext().traceId;
      if (span.isRecording()) scope.span = { span, within: trace.setSpan(ROOT_CONTEXT, span) };
    },

    requestEnded(scope, status) {
      const span = spanOf(scope)?.span;
      if (!span) return;
      scope.span = undefined;
      if (status > 0) span.setAttribute('http.response.status_code', status);
      span.setAttribute('holdfast.redis_round_trips', scope.redisWaits);
      if (status === 0 || status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },

    worked(name, startedAt, isFailed) {
      const at = spanOf(requestScope());
      if (!at) return;
      const span = tracer.startSpan(name, { kind: SpanKind.INTERNAL, startTime: startedAt }, at.within);
      if (isFailed) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end(performance.now());
    },

    async close() {
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, closeMs);
      });
      await Promise.race([provider.shutdown().catch(() => {}), patience]);
      clearTimeout(timer);
    },
  };
}

function spanOf(scope: RequestScope | undefined): { span: Span; within: Context } | undefined {
  return scope?.span as { span: Span; within: Context } | undefined;
}

/** https://www.w3.org/TR/trace-context/#traceparent-header; later versions may have more after it. */
function readTraceparent(text: string): SpanContext | undefined {
  const [, version, traceId = '', spanId = '', flags = '', more] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(text) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
}

/** A receiver that is away is said once in a while; the spans are lost, and nothing else. */
function tellOfFailures(exporter: SpanExporter, log: Log): SpanExporter {
  let complainedAt = Number.NEGATIVE_INFINITY;
  return {
    export(spans: ReadableSpan[], done) {
      exporter.export(spans, (result) => {
        if (result.error && performance.now() - complainedAt >= complainEveryMs) {
          complainedAt = performance.now();
          log.warn({ reason: result.error.message, spans: spans.length }, 'traces could not be sent');
        }
        done({ code: 0 });
      });
    },
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush ? { forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve() } : {}),
  };
}
