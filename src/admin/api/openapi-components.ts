import type { JsonSchema } from './json-schema.ts';
import { problemKinds } from './problem.ts';

/** What operations of the OpenAPI document share. */

export const headerParameters = {
  IfMatch: {
    name: 'If-Match',
    in: 'header',
    required: true,
    description: 'The ETag of what you change, or * for whichever there is',
    schema: { type: 'string' },
    example: '"3"',
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description: 'Of your own making, one for each request that is to be done once; kept for 24 hours',
    schema: { type: 'string', minLength: 1, maxLength: 128, pattern: '^[\\x21-\\x7e]+$' },
    example: '8e03978e-40d5-43dd-bc93-6894a57f9324',
  },
  DryRun: {
    name: 'dry_run',
    in: 'query',
    required: false,
    description: 'true says what would happen, and does nothing',
    schema: { type: 'boolean' },
  },
};

export const headers = {
  ETag: { description: 'The version of the thing, for If-Match', schema: { type: 'string' } },
  Link: {
    description: 'Leads to the next page, with rel="next"; not there at the end',
    schema: { type: 'string' },
  },
  Location: { description: 'Where the new thing is', schema: { type: 'string' } },
};

export const problemSchema: JsonSchema = {
  type: 'object',
  description: 'Why the request was not done (RFC 9457)',
  properties: {
    type: { type: 'string', format: 'uri', description: 'Leads to what is said about this kind of problem' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What is wrong with this request, for people' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          pointer: {
            type: 'string',
            description: 'A JSON pointer into the body, or query/…, path/…, header/…',
          },
          detail: { type: 'string' },
        },
        required: ['pointer', 'detail'],
        additionalProperties: false,
      },
    },
    request_id: { type: 'string', description: 'Finds the request in the audit and the log' },
  },
  required: ['type', 'title', 'status', 'detail', 'request_id'],
  additionalProperties: false,
};

export function problemStatuses(): number[] {
  return [...new Set(Object.values(problemKinds).map(({ status }) => status))].sort((a, b) => a - b);
}

export function problemResponse(status: number, issuer: string): Record<string, unknown> {
  const kinds = Object.entries(problemKinds).filter(([, kind]) => kind.status === status);
  const [first] = kinds;
  return {
    description: kinds.map(([, { title }]) => title).join('; or: '),
    headers: {
      ...([409, 429, 503].includes(status)
        ? {
            'Retry-After': {
              description: 'Seconds to wait before the next try',
              schema: { type: 'integer' },
            },
          }
        : {}),
      ...([401, 403].includes(status)
        ? { 'WWW-Authenticate': { description: 'RFC 6750, RFC 9449', schema: { type: 'string' } } }
        : {}),
    },
    content: {
      'application/problem+json': {
        schema: { $ref: '#/components/schemas/Problem' },
        example: {
          type: `${issuer}/admin/api/v1/reference#problem-${first?.[0]}`,
          title: first?.[1].title,
          status,
          detail: first?.[1].title,
          request_id: 'b3rQ0m1Vt0u9u1m0o0bJ2A',
        },
      },
    },
  };
}
