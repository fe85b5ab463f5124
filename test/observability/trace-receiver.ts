import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export type ReceivedSpan = {
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  name: string;
  attributes: Record<string, unknown>;
  isError: boolean;
  ms: number;
};

export type TraceReceiver = {
  url: string;
  spans: ReceivedSpan[];
  /** Everything that came, as it came. */
  raw(): string;
  /** Of the requests, and what the service says of itself. */
  headers(): IncomingHttpHeaders[];
  resource(): Record<string, unknown>;
  close(): Promise<void>;
};

type Attribute = { key: string; value: Record<string, unknown> };
type OtlpSpan = Omit<ReceivedSpan, 'attributes' | 'isError' | 'ms'> & {
  attributes: Attribute[];
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status?: { code?: number };
};
type OtlpRequest = {
  resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: OtlpSpan[] }[] }[];
};

/** Takes traces as a collector does: OTLP over HTTP, as JSON. */
export async function startTraceReceiver(): Promise<TraceReceiver> {
  const spans: ReceivedSpan[] = [];
  const bodies: string[] = [];
  const headers: IncomingHttpHeaders[] = [];
  let resource: Record<string, unknown> = {};
  const server = createServer(async (request, response) => {
    const body = await text(request);
    bodies.push(body);
    headers.push(request.headers);
    for (const one of (JSON.parse(body) as OtlpRequest).resourceSpans) {
      resource = valuesOf(one.resource.attributes);
      for (const span of one.scopeSpans.flatMap((scope) => scope.spans)) {
        spans.push({
          traceId: span.traceId,
          spanId: span.spanId,
          parentSpanId: span.parentSpanId,
          name: span.name,
          attributes: valuesOf(span.attributes),
          isError: span.status?.code === 2,
          ms: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
        });
      }
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    raw: () => bodies.join('\n'),
    headers: () => headers,
    resource: () => resource,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function valuesOf(attributes: Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
