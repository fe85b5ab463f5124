import { z } from 'zod';
import type { Resource } from '../../oidc/resources.ts';
import type { ManageResources } from '../manage-resources.ts';
import { type ApiRoute, answer, apiRoute, pageOf } from './api-route.ts';
import { given, page, pageQuery, text, time, toTime, version } from './wire.ts';

const tag = 'Resources';
const indicator = z
  .string()
  .min(1)
  .max(512)
  .describe('An absolute URI without a fragment; in an address percent-encoded');
const params = z.strictObject({ indicator });
const repeats = { field: 'indicator', param: 'indicator' };

const fields = {
  name: text(200),
  scopes: z.array(z.strictObject({ name: text(200), description: text(1000) })).max(200),
  access_token_seconds: z.number().int().nullable().describe('null for the usual'),
  signing_algorithm: z.enum(['RS256', 'ES256', 'EdDSA']),
  format: z.enum(['jwt', 'opaque']),
  has_roles: z
    .boolean()
    .describe("Puts the person's `roles` and `groups` into its tokens (RFC 9068 2.2.3.1)"),
};

const changes = z.object(fields).partial().shape;

const resourceSchema = z
  .strictObject({
    indicator: z.string(),
    ...fields,
    origin: z
      .enum(['built-in', 'environment', 'settings'])
      .describe('Only those of `settings` can be changed here'),
    version,
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Resource', description: 'An API that clients ask tokens for (RFC 8707), and its scopes' });

function resourceToWire(resource: Resource): z.input<typeof resourceSchema> {
  return {
    indicator: resource.indicator,
    name: resource.name,
    scopes: resource.scopes.map(({ name, description }) => ({ name, description })),
    access_token_seconds: resource.accessTokenSeconds ?? null,
    signing_algorithm: resource.signingAlgorithm,
    format: resource.format,
    has_roles: resource.hasRoles,
    origin: resource.origin,
    version: resource.version,
    created_at: toTime(resource.createdAt),
    updated_at: toTime(resource.updatedAt),
  };
}

type Changes = z.output<z.ZodObject<typeof changes>>;

function draftFrom(body: Changes) {
  const draft = given({
    name: body.name,
    scopes: body.scopes,
    signingAlgorithm: body.signing_algorithm,
    format: body.format,
    hasRoles: body.has_roles,
  });
  const { access_token_seconds: seconds } = body;
  return seconds === undefined ? draft : { ...draft, accessTokenSeconds: seconds ?? undefined };
}

export function resourceRoutes(resources: ManageResources): ApiRoute[] {
  return [
    apiRoute({
      method: 'GET',
      path: '/resources',
      operationId: 'listResources',
      tag,
      summary: 'List resources',
      permission: 'resources:read',
      query: z.strictObject(pageQuery()),
      response: page(resourceSchema),
      statuses: [200],
      async handle({ query: { cursor, limit } }) {
        return pageOf(await resources.page({ cursor, count: limit }), resourceToWire);
      },
    }),
    apiRoute({
      method: 'POST',
      path: '/resources',
      operationId: 'createResource',
      tag,
      summary: 'Create a resource',
      permission: 'resources:write',
      body: z.strictObject({ indicator, ...changes }),
      response: resourceSchema,
      statuses: [201, 409],
      isIdempotent: true,
      mayDryRun: true,
      examples: {
        body: {
          indicator: 'https://notes.example/api',
          name: 'Notes',
          scopes: [{ name: 'notes:read', description: 'Read your notes' }],
        },
      },
      async handle({ actor, body, isDryRun, once }) {
        const { indicator: itsIndicator, ...rest } = body;
        const draft = draftFrom(rest);
        let outcome = await resources.create(actor, itsIndicator, draft, { isDryRun });
        // What a try before this one has made, before its pod was killed.
        if (!outcome.ok && outcome.problem === 'conflict' && once?.isRetry) {
          const found = await resources.find(itsIndicator);
          if (found.ok && isMadeOf(resourceToWire(found.value), rest)) outcome = found;
        }
        return answer(outcome, (resource) => ({
          ...one(resource),
          location: `/resources/${encodeURIComponent(resource.indicator)}`,
        }));
      },
    }),
    apiRoute({
      method: 'GET',
      path: '/resources/:indicator',
      operationId: 'getResource',
      tag,
      summary: 'Get a resource',
      permission: 'resources:read',
      params,
      response: resourceSchema,
      statuses: [200],
      handle: async ({ params }) => answer(await resources.find(params.indicator), one),
    }),
    apiRoute({
      method: 'PATCH',
      path: '/resources/:indicator',
      operationId: 'updateResource',
      tag,
      summary: 'Change a resource',
      description: 'What is left out stays as it is.',
      permission: 'resources:write',
      params,
      body: z.strictObject(changes),
      repeats,
      response: resourceSchema,
      statuses: [200, 409],
      isConditional: true,
      mayDryRun: true,
      examples: { body: { access_token_seconds: 300 } },
      handle: async ({ actor, params, body, version, isDryRun }) =>
        answer(await resources.update(actor, params.indicator, draftFrom(body), { version, isDryRun }), one),
    }),
    apiRoute({
      method: 'DELETE',
      path: '/resources/:indicator',
      operationId: 'deleteResource',
      tag,
      summary: 'Delete a resource',
      permission: 'resources:write',
      params,
      statuses: [204, 409],
      isConditional: true,
      mayDryRun: true,
      handle: async ({ actor, params, version, isDryRun }) =>
        answer(await resources.remove(actor, params.indicator, { version, isDryRun }), () => ({})),
    }),
  ];
}

function one(resource: Resource) {
  return { body: resourceToWire(resource), version: resource.version };
}

/** Whether a thing that is there is the one that a body asks for, and nobody has changed it since. */
export function isMadeOf(
  thing: Record<string, unknown> & { version: number },
  body: Record<string, unknown>,
): boolean {
  return (
    thing.version <= 1 &&
    Object.entries(body).every(([name, value]) => JSON.stringify(thing[name]) === JSON.stringify(value))
  );
}
