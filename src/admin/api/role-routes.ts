import { z } from 'zod';
import type { Group, Role } from '../../access/access.ts';
import { permissions } from '../../access/permissions.ts';
import type { Admin } from '../admin.ts';
import { type ApiRoute, answer, apiRoute, pageOf } from './api-route.ts';
import { isMadeOf } from './resource-routes.ts';
import { given, page, pageQuery, slug, text, time, toTime, version } from './wire.ts';

const params = z.strictObject({ id: slug });
const repeats = { field: 'id', param: 'id' };

const claims = z
  .record(text(200), z.union([text(1000), z.number(), z.boolean(), z.array(text(1000)).max(200)]))
  .describe('Claims in the tokens of those who have it, by name');

const roleFields = {
  name: text(200),
  description: text(2000),
  permissions: z.array(z.enum(permissions)).max(permissions.length),
  claims,
};
const groupFields = {
  name: text(200),
  description: text(2000),
  roles: z.array(slug).max(100).describe('Roles that its members have by it'),
  claims,
};
const common = { version, created_at: time, updated_at: time };

const roleSchema = z
  .strictObject({
    id: z.string(),
    ...roleFields,
    permissions: z.array(z.string()),
    built_in: z.boolean().describe('Part of the product: cannot be changed'),
    ...common,
  })
  .meta({ id: 'Role', description: 'What those may do who have it' });

const groupSchema = z
  .strictObject({ id: z.string(), ...groupFields, roles: z.array(z.string()), ...common })
  .meta({ id: 'Group', description: 'Accounts that have the same roles and claims by it' });

function roleToWire(role: Role): z.input<typeof roleSchema> {
  const { id, name, description, claims, isBuiltIn, version } = role;
  const times = { created_at: toTime(role.createdAt), updated_at: toTime(role.updatedAt) };
  return {
    id,
    name,
    description,
    permissions: role.permissions,
    claims,
    built_in: isBuiltIn,
    version,
    ...times,
  };
}

function groupToWire(group: Group): z.input<typeof groupSchema> {
  const { id, name, description, roles, claims, version } = group;
  const times = { created_at: toTime(group.createdAt), updated_at: toTime(group.updatedAt) };
  return { id, name, description, roles, claims, version, ...times };
}

/** What roles and groups have in common: all but their fields. */
export function roleAndGroupRoutes(admin: Pick<Admin, 'roles' | 'groups'>): ApiRoute[] {
  const { roles, groups } = admin;
  const newRole = z.strictObject({ id: slug, ...z.object(roleFields).partial().shape });
  const newGroup = z.strictObject({ id: slug, ...z.object(groupFields).partial().shape });
  const oneRole = (role: Role) => ({ body: roleToWire(role), version: role.version });
  const oneGroup = (group: Group) => ({ body: groupToWire(group), version: group.version });
  return [
    apiRoute({
      method: 'GET',
      path: '/roles',
      operationId: 'listRoles',
      tag: 'Roles',
      summary: 'List roles',
      permission: 'roles:read',
      query: z.strictObject(pageQuery()),
      response: page(roleSchema),
      statuses: [200],
      async handle({ query: { cursor, limit } }) {
        return pageOf(await roles.page({ cursor, count: limit }), roleToWire);
      },
    }),
    apiRoute({
      method: 'POST',
      path: '/roles',
      operationId: 'createRole',
      tag: 'Roles',
      summary: 'Create a role',
      description: 'Nobody makes a role that may do more than they may themselves.',
      permission: 'roles:write',
      body: newRole,
      response: roleSchema,
      statuses: [201, 409],
      isIdempotent: true,
      mayDryRun: true,
      examples: { body: { id: 'support', name: 'Support', permissions: ['accounts:read', 'sessions:read'] } },
      async handle({ actor, body: { id, ...draft }, isDryRun, once }) {
        let outcome = await roles.create(actor, id, given(draft), { isDryRun });
        // What a try before this one has made, before its pod was killed.
        if (!outcome.ok && outcome.problem === 'conflict' && once?.isRetry) {
          const found = await roles.find(id);
          if (found.ok && isMadeOf(roleToWire(found.value), draft)) outcome = found;
        }
        return answer(outcome, (role) => ({ ...oneRole(role), location: `/roles/${role.id}` }));
      },
    }),
    apiRoute({
      method: 'GET',
      path: '/roles/:id',
      operationId: 'getRole',
      tag: 'Roles',
      summary: 'Get a role',
      permission: 'roles:read',
      params,
      response: roleSchema,
      statuses: [200],
      handle: async ({ params }) => answer(await roles.find(params.id), oneRole),
    }),
    apiRoute({
      method: 'PATCH',
      path: '/roles/:id',
      operationId: 'updateRole',
      tag: 'Roles',
      summary: 'Change a role',
      description:
        'What is left out stays as it is. It holds for everybody who has the role, within a second.',
      permission: 'roles:write',
      params,
      body: z.strictObject(z.object(roleFields).partial().shape),
      repeats,
      response: roleSchema,
      statuses: [200, 409],
      isConditional: true,
      mayDryRun: true,
      examples: { body: { description: 'First line of support' } },
      handle: async ({ actor, params, body, version, isDryRun }) =>
        answer(await roles.update(actor, params.id, given(body), { version, isDryRun }), oneRole),
    }),
    apiRoute({
      method: 'DELETE',
      path: '/roles/:id',
      operationId: 'deleteRole',
      tag: 'Roles',
      summary: 'Delete a role',
      description: 'Nobody has it any more. Its id is never used again.',
      permission: 'roles:write',
      params,
      statuses: [204, 409],
      isConditional: true,
      mayDryRun: true,
      handle: async ({ actor, params, version, isDryRun }) =>
        answer(await roles.remove(actor, params.id, { version, isDryRun }), () => ({})),
    }),
    apiRoute({
      method: 'GET',
      path: '/groups',
      operationId: 'listGroups',
      tag: 'Groups',
      summary: 'List groups',
      permission: 'groups:read',
      query: z.strictObject(pageQuery()),
      response: page(groupSchema),
      statuses: [200],
      async handle({ query: { cursor, limit } }) {
        return pageOf(await groups.page({ cursor, count: limit }), groupToWire);
      },
    }),
    apiRoute({
      method: 'POST',
      path: '/groups',
      operationId: 'createGroup',
      tag: 'Groups',
      summary: 'Create a group',
      permission: 'groups:write',
      body: newGroup,
      response: groupSchema,
      statuses: [201, 409],
      isIdempotent: true,
      mayDryRun: true,
      examples: { body: { id: 'crew', name: 'Crew', roles: [], claims: { department: 'harbour' } } },
      async handle({ actor, body: { id, ...draft }, isDryRun, once }) {
        let outcome = await groups.create(actor, id, given(draft), { isDryRun });
        if (!outcome.ok && outcome.problem === 'conflict' && once?.isRetry) {
          const found = await groups.find(id);
          if (found.ok && isMadeOf(groupToWire(found.value), draft)) outcome = found;
        }
        return answer(outcome, (group) => ({ ...oneGroup(group), location: `/groups/${group.id}` }));
      },
    }),
    apiRoute({
      method: 'GET',
      path: '/groups/:id',
      operationId: 'getGroup',
      tag: 'Groups',
      summary: 'Get a group',
      permission: 'groups:read',
      params,
      response: groupSchema,
      statuses: [200],
      handle: async ({ params }) => answer(await groups.find(params.id), oneGroup),
    }),
    apiRoute({
      method: 'PATCH',
      path: '/groups/:id',
      operationId: 'updateGroup',
      tag: 'Groups',
      summary: 'Change a group',
      description: 'What is left out stays as it is. It holds for all its members, within a second.',
      permission: 'groups:write',
      params,
      body: z.strictObject(z.object(groupFields).partial().shape),
      repeats,
      response: groupSchema,
      statuses: [200, 409],
      isConditional: true,
      mayDryRun: true,
      examples: { body: { name: 'Harbour crew' } },
      handle: async ({ actor, params, body, version, isDryRun }) =>
        answer(await groups.update(actor, params.id, given(body), { version, isDryRun }), oneGroup),
    }),
    apiRoute({
      method: 'DELETE',
      path: '/groups/:id',
      operationId: 'deleteGroup',
      tag: 'Groups',
      summary: 'Delete a group',
      description: 'Nobody is a member any more. Its id is never used again.',
      permission: 'groups:write',
      params,
      statuses: [204, 409],
      isConditional: true,
      mayDryRun: true,
      handle: async ({ actor, params, version, isDryRun }) =>
        answer(await groups.remove(actor, params.id, { version, isDryRun }), () => ({})),
    }),
  ];
}
