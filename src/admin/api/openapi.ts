import { STATUS_CODES } from 'node:http';
import type { z } from 'zod';
import { permissionTexts } from '../../access/permission-texts.ts';
import { permissions } from '../../access/permissions.ts';
import { type ApiRoute, statusesOf } from './api-route.ts';
import { type JsonSchema, sampleOf, toJsonSchema } from './json-schema.ts';
import {
  headerParameters,
  headers,
  problemResponse,
  problemSchema,
  problemStatuses,
} from './openapi-components.ts';

/** The OpenAPI 3.1 document of the API, made of its table of routes: nothing in it is said a second time. */
export type OpenApi = {
  openapi: string;
  info: Record<string, unknown>;
  servers: { url: string }[];
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: Record<string, Record<string, unknown>>;
};

export type Operation = {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  security: Record<string, string[]>[];
  parameters?: Parameter[];
  requestBody?: { required: boolean; content: Record<string, { schema: JsonSchema; example: unknown }> };
  responses: Record<string, unknown>;
  'x-permission': string | null;
};

type Parameter = { $ref: string } | ({ name: string; in: 'path' | 'query' } & Record<string, unknown>);

const introduction = `Everything that administrators do here, over HTTP.

**Access.** Ask this provider for an access token with \`resource\` set to the address of this API, and the permissions that you need as \`scope\`: a service by client credentials, a person through a client of theirs. What a token may do is what its scope, the roles of its client and, for a person, the roles of the person have in common. It is looked up at each request, so whatever is taken away is gone at once.

**Changes.** Send the \`ETag\` of what you have read in \`If-Match\` (or \`*\`): when somebody else has changed it since, the answer is 412 and nothing is done. \`?dry_run=true\` says what would happen, and does nothing.

**Sending again.** A create with an \`Idempotency-Key\` is done once, however often it is sent within a day.

**Lists** come by the page: \`next_cursor\`, and the \`Link\` header, lead to the next one.

**Errors** are problem details (RFC 9457). Unknown fields are refused, never ignored.`;

export function openApiOf(routes: ApiRoute[], options: { issuer: string; version: string }): OpenApi {
  const { issuer, version } = options;
  const named = new Map<string, JsonSchema>([['Problem', problemSchema]]);
  const paths: OpenApi['paths'] = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: toOperation(route, named) };
  }
  const scopes = Object.fromEntries(permissions.map((name) => [name, permissionTexts[name]]));
  return {
    openapi: '3.1.0',
    info: {
      title: 'Holdfast admin API',
      version,
      description: introduction,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: `${issuer}/admin/api/v1` }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries([...named].sort(([a], [b]) => (a < b ? -1 : 1))),
      parameters: headerParameters,
      headers,
      responses: Object.fromEntries(
        problemStatuses().map((status) => [`Problem${status}`, problemResponse(status, issuer)]),
      ),
      securitySchemes: {
        oauth2: {
          type: 'oauth2',
          description: `Tokens are asked for with resource=${issuer}/admin/api/v1`,
          flows: {
            clientCredentials: { tokenUrl: `${issuer}/token`, scopes },
            authorizationCode: { authorizationUrl: `${issuer}/auth`, tokenUrl: `${issuer}/token`, scopes },
          },
        },
      },
    },
  };
}

function toOperation(route: ApiRoute, named: Map<string, JsonSchema>): Operation {
  const parameters: Parameter[] = [
    ...parametersOf(route.params, 'path', named),
    ...parametersOf(route.query, 'query', named),
    ...(route.mayDryRun ? [{ $ref: '#/components/parameters/DryRun' }] : []),
    ...(route.isConditional ? [{ $ref: '#/components/parameters/IfMatch' }] : []),
    ...(route.isIdempotent ? [{ $ref: '#/components/parameters/IdempotencyKey' }] : []),
  ];
  const body = route.body && toJsonSchema(route.body, 'input', named);
  return {
    operationId: route.operationId,
    tags: [route.tag],
    summary: route.summary,
    description: describe(route),
    security: [{ oauth2: route.permission ? [route.permission] : [] }],
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        required: route.isBodyOptional !== true,
        content: {
          'application/json': { schema: body, example: route.examples?.body ?? sampleOf(body, named) },
        },
      },
    }),
    responses: Object.fromEntries(
      statusesOf(route).map((status) => [
        String(status),
        status >= 400 ? { $ref: `#/components/responses/Problem${status}` } : success(route, status, named),
      ]),
    ),
    'x-permission': route.permission,
  };
}

function describe(route: ApiRoute): string {
  const also = route.alsoNeeds?.map(({ permission, when }) => `\`${permission}\` when ${when}`) ?? [];
  return [
    route.description,
    route.permission ? `Needs the permission \`${route.permission}\`.` : 'Needs a valid token alone.',
    also.length > 0 ? `Also ${also.join(', ')}.` : undefined,
  ]
    .filter(Boolean)
    .join('\n\n');
}

function parametersOf(
  schema: z.ZodType | undefined,
  where: 'path' | 'query',
  named: Map<string, JsonSchema>,
): Parameter[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = toJsonSchema(schema, 'input', named);
  return Object.entries(properties).map(([name, { description, ...one }]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    ...(description ? { description } : {}),
    schema: one,
  }));
}

function success(route: ApiRoute, status: number, named: Map<string, JsonSchema>): Record<string, unknown> {
  if (status === 304) return { description: 'It is as If-None-Match says' };
  const isBare = !route.response || (status === 200 && route.statuses[0] === 204);
  if (isBare) return { description: status === 200 ? 'It could be done; nothing was' : 'Done' };
  const schema = toJsonSchema(route.response as z.ZodType, 'output', named);
  const isVersioned =
    JSON.stringify(sampleOf(schema, named)).includes('"version"') && !route.path.startsWith('/overview');
  const isList = schema.properties?.next_cursor !== undefined;
  return {
    description:
      status === 200 && route.statuses[0] !== 200
        ? 'What would have been made; nothing was'
        : (STATUS_CODES[status] ?? ''),
    headers: {
      ...(isVersioned && !isList ? { ETag: { $ref: '#/components/headers/ETag' } } : {}),
      ...(isList ? { Link: { $ref: '#/components/headers/Link' } } : {}),
      ...(status === 201 ? { Location: { $ref: '#/components/headers/Location' } } : {}),
    },
    content: {
      [route.contentType ?? 'application/json']: {
        schema,
        example: route.examples?.response ?? sampleOf(schema, named),
      },
    },
  };
}
