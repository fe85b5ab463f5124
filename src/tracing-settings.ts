import { z } from 'zod';

/**
 * The variables of OpenTelemetry that decide whether and what is traced, as its specification names them. Those of
 * certificates and compression the exporter reads itself.
 */
export const tracingVariables = {
  OTEL_SDK_DISABLED: z.string().default(''),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.string().optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z.string().optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: z.string().default(''),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: z.string().default(''),
  OTEL_EXPORTER_OTLP_HEADERS: z.string().default(''),
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: z.string().default(''),
  OTEL_EXPORTER_OTLP_TIMEOUT: z.string().default('10000'),
  OTEL_TRACES_EXPORTER: z.string().default('otlp'),
  OTEL_SERVICE_NAME: z.string().optional(),
  OTEL_RESOURCE_ATTRIBUTES: z.string().default(''),
  OTEL_TRACES_SAMPLER: z.string().default('parentbased_always_on'),
  OTEL_TRACES_SAMPLER_ARG: z.string().default('1'),
};

const samplers = ['always_on', 'always_off', 'traceidratio'] as const;

/** Where traces go, and what share of them; undefined where nothing is traced. */
export type TracingSettings = {
  url: string;
  /** Often with a key of the receiver's. */
  headers: Record<string, string>;
  timeoutMs: number;
  serviceName: string;
  /** More that each trace says of this service. */
  attributes: Record<string, string>;
  sampler: { isParentBased: boolean; root: (typeof samplers)[number]; ratio: number };
};

type Raw = z.output<z.ZodObject<typeof tracingVariables>>;

/**
 * Where nothing is traced anyway, nothing is wrong with any of them: they may be meant for other programs.
 * @param complain of a value that cannot be gone by
 */
export function readTracing(
  raw: Raw,
  complain: (variable: keyof Raw, message: string) => void,
): TracingSettings | undefined {
  const isOff = raw.OTEL_SDK_DISABLED.toLowerCase() === 'true' || raw.OTEL_TRACES_EXPORTER === 'none';
  const ownUrl = raw.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
  const sharedUrl = raw.OTEL_EXPORTER_OTLP_ENDPOINT;
  const url = ownUrl ?? (sharedUrl && `${sharedUrl.replace(/\/$/, '')}/v1/traces`);
  if (!url || isOff) return undefined;
  const urlVariable = ownUrl ? 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT' : 'OTEL_EXPORTER_OTLP_ENDPOINT';
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) complain(urlVariable, 'must be a web address');
  if (raw.OTEL_TRACES_EXPORTER !== 'otlp') complain('OTEL_TRACES_EXPORTER', 'must be otlp or none');
  // A receiver for protobuf over HTTP takes JSON at the same address; one for gRPC takes neither.
  if ((raw.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || raw.OTEL_EXPORTER_OTLP_PROTOCOL) === 'grpc') {
    complain('OTEL_EXPORTER_OTLP_PROTOCOL', 'must be http/json: traces are not sent by gRPC');
  }
  const isParentBased = raw.OTEL_TRACES_SAMPLER.startsWith('parentbased_');
  const root = samplers.find((name) => name === raw.OTEL_TRACES_SAMPLER.replace('parentbased_', ''));
  if (!root) {
    complain('OTEL_TRACES_SAMPLER', `must be one of ${samplers.join(', ')}, or parentbased_ and one of them`);
  }
  const ratio = Number(raw.OTEL_TRACES_SAMPLER_ARG);
  if (!(ratio >= 0 && ratio <= 1)) complain('OTEL_TRACES_SAMPLER_ARG', 'must be from 0 to 1');
  const timeoutMs = Number(raw.OTEL_EXPORTER_OTLP_TIMEOUT);
  if (!(timeoutMs > 0)) complain('OTEL_EXPORTER_OTLP_TIMEOUT', 'must be milliseconds');
  const { 'service.name': named, ...attributes } = keyValues(raw.OTEL_RESOURCE_ATTRIBUTES);
  return {
    url,
    headers: {
      ...keyValues(raw.OTEL_EXPORTER_OTLP_HEADERS),
      ...keyValues(raw.OTEL_EXPORTER_OTLP_TRACES_HEADERS),
    },
    timeoutMs,
    serviceName: raw.OTEL_SERVICE_NAME ?? named ?? 'holdfast',
    attributes,
    sampler: { isParentBased, root: root ?? 'always_on', ratio },
  };
}

/** `key=value,key=value`, percent-encoded as in W3C Baggage; what is no pair is passed over, as is specified. */
function keyValues(text: string): Record<string, string> {
  const pairs = text.split(',').flatMap((pair) => {
    const at = pair.indexOf('=');
    return at < 1 ? [] : [[decode(pair.slice(0, at)), decode(pair.slice(at + 1))]];
  });
  return Object.fromEntries(pairs);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.trim());
  } catch {
    return text.trim();
  }
}
