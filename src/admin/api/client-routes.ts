import { z } from 'zod';
import { mintClientId } from '../../oidc/oidc.ts';
import type { ClientRecord, OnceMade } from '../../oidc/registered-clients.ts';
import type { ManageClients } from '../manage-clients.ts';
import { type ApiRoute, answer, apiRoute, type Once, pageOf } from './api-route.ts';
import { changedMetadata, clientSchema, clientToWire, newMetadata } from './client-wire.ts';
import { given, id, page, pageQuery, text } from './wire.ts';

const params = z.strictObject({ client_id: id.describe('The id of the client') });
const repeats = { field: 'client_id', param: 'client_id' };
const tag = 'Clients';

const shownOnce = z.string().describe('Shown this once; it is kept as a hash alone');

export function clientRoutes(clients: ManageClients): ApiRoute[] {
  return [
    apiRoute({
      method: 'GET',
      path: '/clients',
      operationId: 'listClients',
      tag,
      summary: 'List and search clients',
      permission: 'clients:read',
      query: z.strictObject({
        q: text(256)
          .min(1)
          .optional()
          .describe('The beginning of a name, of a word in it, or of a client_id'),
        ...pageQuery(),
      }),
      response: page(clientSchema),
      statuses: [200],
      handle: async ({ query: { q, cursor, limit } }) =>
        pageOf(await clients.list({ ...given({ text: q, cursor }), count: limit }), clientToWire),
    }),
    apiRoute({
      method: 'POST',
      path: '/clients',
      operationId: 'createClient',
      tag,
      summary: 'Create a client',
      description:
        'A secret is made where the client authenticates by one. With an Idempotency-Key the same answer, secret included, is given for a day.',
      permission: 'clients:write',
      body: z.strictObject({
        client_id: id.optional().describe('Without it, one is made up'),
        ...newMetadata,
      }),
      response: z.strictObject({ client: clientSchema, client_secret: shownOnce.nullable() }),
      statuses: [201, 409],
      isIdempotent: true,
      mayDryRun: true,
      examples: {
        body: {
          client_name: 'Harbour Notes',
          redirect_uris: ['https://notes.example/callback'],
          grant_types: ['authorization_code', 'refresh_token'],
        },
      },
      async handle({ actor, body, isDryRun, once }) {
        // Of the key: a try after this pod was killed finds the client that is there already.
        const clientId = body.client_id ?? (once && mintClientId(once.id('client')));
        const metadata = { ...body, ...given({ client_id: clientId }) };
        const outcome = await clients.create(actor, metadata, { isDryRun, ...onceMade(once) });
        return answer(outcome, ({ client, secret }) => ({
          body: { client: clientToWire(client), client_secret: secret ?? null },
          version: client.version,
          location: `/clients/${encodeURIComponent(client.metadata.client_id)}`,
        }));
      },
    }),
    apiRoute({
      method: 'GET',
      path: '/clients/:client_id',
      operationId: 'getClient',
      tag,
      summary: 'Get a client',
      permission: 'clients:read',
      params,
      response: clientSchema,
      statuses: [200],
      handle: async ({ params }) => answer(await clients.find(params.client_id), one),
    }),
    apiRoute({
      method: 'PATCH',
      path: '/clients/:client_id',
      operationId: 'updateClient',
      tag,
      summary: 'Change a client',
      description: 'Metadata that are left out stay as they are; null takes one away.',
      permission: 'clients:write',
      params,
      body: z.strictObject(changedMetadata),
      repeats,
      response: clientSchema,
      statuses: [200, 409],
      isConditional: true,
      mayDryRun: true,
      examples: { body: { client_name: 'Harbour Notes 2', logo_uri: null } },
      async handle({ actor, params, body, version, isDryRun }) {
        return answer(await clients.update(actor, params.client_id, given(body), { version, isDryRun }), one);
      },
    }),
    apiRoute({
      method: 'DELETE',
      path: '/clients/:client_id',
      operationId: 'deleteClient',
      tag,
      summary: 'Delete a client',
      description:
        'Its id is never used again, and what it was granted is worth nothing. Disabling can be undone.',
      permission: 'clients:delete',
      params,
      statuses: [204, 409],
      isConditional: true,
      mayDryRun: true,
      handle: async ({ actor, params, version, isDryRun }) =>
        answer(await clients.remove(actor, params.client_id, { version, isDryRun }), () => ({})),
    }),
    ...(['enable', 'disable'] as const).map((verb) =>
      apiRoute({
        method: 'POST',
        path: `/clients/:client_id/${verb}`,
        operationId: `${verb}Client`,
        tag,
        summary: verb === 'enable' ? 'Enable a client' : 'Disable a client',
        description:
          verb === 'enable'
            ? 'It works again as before.'
            : 'It is refused everywhere within a second, and so are its tokens.',
        permission: 'clients:write',
        params,
        response: clientSchema,
        statuses: [200, 409],
        mayDryRun: true,
        handle: async ({ actor, params, isDryRun }) =>
          answer(await clients[verb](actor, params.client_id, { isDryRun }), one),
      }),
    ),
    apiRoute({
      method: 'POST',
      path: '/clients/:client_id/secrets',
      operationId: 'addClientSecret',
      tag,
      summary: 'Add a secret',
      description: 'The one that there is goes on to work, so that services can be moved over one by one.',
      permission: 'clients:secrets',
      params,
      body: z.strictObject({
        others_end_in_seconds: z
          .number()
          .int()
          .min(0)
          .max(365 * 24 * 3600)
          .optional()
          .describe('When the secret that is there ends by itself; without it, not'),
      }),
      isBodyOptional: true,
      response: z.strictObject({ client: clientSchema, secret_id: z.string(), client_secret: shownOnce }),
      statuses: [201, 409],
      isIdempotent: true,
      examples: { body: { others_end_in_seconds: 86400 } },
      async handle({ actor, params, body, once }) {
        const othersEndInSeconds = body.others_end_in_seconds;
        const options = { ...given({ othersEndInSeconds }), ...onceMade(once) };
        const outcome = await clients.addSecret(actor, params.client_id, options);
        return answer(outcome, ({ client, secretId, secret }) => ({
          body: { client: clientToWire(client), secret_id: secretId, client_secret: secret },
          version: client.version,
        }));
      },
    }),
    apiRoute({
      method: 'DELETE',
      path: '/clients/:client_id/secrets/:secret_id',
      operationId: 'removeClientSecret',
      tag,
      summary: 'Remove a secret',
      permission: 'clients:secrets',
      params: z.strictObject({ ...params.shape, secret_id: id }),
      statuses: [204, 409],
      handle: async ({ actor, params }) =>
        answer(await clients.removeSecret(actor, params.client_id, params.secret_id), () => ({})),
    }),
    apiRoute({
      method: 'POST',
      path: '/clients/:client_id/revoke-grants',
      operationId: 'revokeClientGrants',
      tag,
      summary: 'Revoke everything that was granted to a client',
      description: 'What it was granted before now is worth nothing; people are asked again.',
      permission: 'grants:revoke',
      params,
      response: clientSchema,
      statuses: [200, 409],
      handle: async ({ actor, params }) => answer(await clients.revokeGrants(actor, params.client_id), one),
    }),
  ];
}

/** What an earlier try of the same request has made is found again by this; what others made is not. */
function onceMade(once: Once | undefined): { once?: OnceMade } {
  return once ? { once: { mark: once.secret('mark').slice(0, 16), secret: once.secret('secret') } } : {};
}

function one(client: ClientRecord) {
  return { body: clientToWire(client), version: client.version };
}
