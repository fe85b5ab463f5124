import type { Context, Middleware } from 'koa';
import type { ReferenceField, ReferenceOperation, ReferencePage } from '../../http/api-reference-view.ts';
import { localeOf } from '../../http/language.ts';
import type { Renderer } from '../../http/render.ts';
import { apiBase } from './api-middleware.ts';
import type { JsonSchema } from './json-schema.ts';
import type { OpenApi, Operation } from './openapi.ts';
import { problemKinds } from './problem.ts';

/** The two documents about the API, for machines and for people. Anybody may read them: they say what is in the code. */
export function documentsMiddleware(parts: { document: OpenApi; renderer: Renderer }): Middleware {
  const { document, renderer } = parts;
  const text = JSON.stringify(document);
  const data = referenceOf(document);
  return async (ctx, next) => {
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') return next();
    if (ctx.path === `${apiBase}/openapi.json`) {
      ctx.body = text;
      ctx.type = 'application/json';
    } else if (ctx.path === `${apiBase}/reference`) showReference(ctx, renderer, data);
    else await next();
  };
}

function showReference(ctx: Context, renderer: Renderer, data: ReferencePage): void {
  ctx.body = renderer.page('admin-api-reference', localeOf(ctx), data);
  ctx.type = 'html';
}

export function referenceOf(document: OpenApi): ReferencePage {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      tag: operation.tags[0] ?? '',
      operation: toReference(document, method.toUpperCase(), path, operation),
    })),
  );
  const schemas = document.components.schemas as Record<string, JsonSchema>;
  return {
    title: String(document.info.title),
    version: String(document.info.version),
    base: document.servers[0]?.url ?? '',
    introduction: String(document.info.description).replaceAll('**', '').split('\n\n'),
    tags: document.tags.map(({ name }) => ({
      name,
      anchor: `tag-${name.toLowerCase().replaceAll(/\W+/g, '-')}`,
      operations: operations.filter(({ tag }) => tag === name).map(({ operation }) => operation),
    })),
    schemas: Object.entries(schemas).map(([name, schema]) => ({
      name,
      description: schema.description ?? '',
      fields: fieldsOf(schema),
    })),
    problems: Object.entries(problemKinds).map(([kind, about]) => ({ kind, ...about })),
  };
}

function toReference(
  document: OpenApi,
  method: string,
  path: string,
  operation: Operation,
): ReferenceOperation {
  const content = operation.requestBody?.content['application/json'];
  const parameters = (operation.parameters ?? []).map((one) => {
    const shared = document.components.parameters as Record<string, Record<string, unknown>>;
    const named = '$ref' in one ? (shared[String(one.$ref).split('/').at(-1) ?? ''] ?? {}) : one;
    return {
      name: String(named.name),
      type: `${String(named.in)}, ${typeOf(named.schema as JsonSchema)}`,
      isRequired: named.required === true,
      description: String(named.description ?? ''),
    };
  });
  const [status = ''] = Object.keys(operation.responses).filter(
    (one) => one.startsWith('2') && (method !== 'POST' || one !== '200'),
  );
  const answer = operation.responses[status] ?? operation.responses['200'];
  const shown = Object.values(
    (answer as { content?: Record<string, { example: unknown }> })?.content ?? {},
  )[0];
  return {
    id: operation.operationId,
    method,
    path,
    summary: operation.summary,
    description: (operation.description ?? '').split('\n\n'),
    permission: operation['x-permission'],
    parameters,
    body: content ? fieldsOf(content.schema) : [],
    statuses: Object.keys(operation.responses),
    curl: curlOf(`${document.servers[0]?.url}${path}`, method, parameters, content?.example),
    example: shown ? JSON.stringify(shown.example, null, 2) : '',
  };
}

function fieldsOf(schema: JsonSchema): ReferenceField[] {
  return Object.entries(schema.properties ?? {}).map(([name, one]) => {
    const target = one.$ref ?? one.items?.$ref;
    return {
      name,
      type: typeOf(one),
      isRequired: schema.required?.includes(name) ?? false,
      description: one.description ?? '',
      ...(target ? { schema: target.split('/').at(-1) ?? '' } : {}),
    };
  });
}

function typeOf(schema: JsonSchema | undefined): string {
  if (!schema) return '';
  if (schema.$ref) return schema.$ref.split('/').at(-1) ?? '';
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.length > 8 ? 'one of many words' : schema.enum.map(String).join(' | ');
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map(typeOf).join(' | ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items)}`;
  if (schema.format === 'date-time') return 'time';
  return [schema.type ?? 'anything'].flat().join(' | ');
}

function curlOf(url: string, method: string, parameters: ReferenceField[], body: unknown): string {
  const has = (name: string) => parameters.some((one) => one.name === name);
  const data =
    body === undefined ? [] : ["-H 'Content-Type: application/json'", `-d '${JSON.stringify(body)}'`];
  return [
    `curl${method === 'GET' ? '' : ` -X ${method}`} '${url}'`,
    `-H "Authorization: Bearer $TOKEN"`,
    ...(has('If-Match') ? [`-H 'If-Match: "3"'`] : []),
    ...(has('Idempotency-Key') ? ['-H "Idempotency-Key: $(uuidgen)"'] : []),
    ...data,
  ].join(' \\\n  ');
}
