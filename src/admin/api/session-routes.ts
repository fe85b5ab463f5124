import { z } from 'zod';
import type { AnySession, GrantSummary } from '../../oidc/all-sessions.ts';
import type { Admin } from '../admin.ts';
import { type ApiRoute, answer, apiRoute, pageOf } from './api-route.ts';
import { rowResult } from './bulk-routes.ts';
import { problemKinds, toProblem } from './problem.ts';
import { given, id, list, page, pageQuery, time, toTime } from './wire.ts';

const tag = 'Sessions and grants';

const clientOfSession = z
  .strictObject({ client_id: z.string(), name: z.string() })
  .meta({ id: 'ClientName' });

const sessionSchema = z
  .strictObject({
    uid: z.string(),
    account_id: z.string(),
    signed_in_at: time,
    last_used_at: time,
    browser: z.string().describe('Empty where it is not known'),
    address: z.string().describe('IP address at sign-in; empty where it is not known'),
    acr: z.string().nullable(),
    amr: z.array(z.string()),
    clients: z.array(clientOfSession),
  })
  .meta({ id: 'Session', description: 'A browser in which somebody is signed in' });

function sessionToWire(session: AnySession): z.input<typeof sessionSchema> {
  return {
    uid: session.uid,
    account_id: session.accountId,
    signed_in_at: toTime(session.signedInAt),
    last_used_at: toTime(session.lastUsedAt),
    browser: session.browser,
    address: session.address,
    acr: session.acr ?? null,
    amr: session.amr,
    clients: session.clients.map(({ clientId, name }) => ({ client_id: clientId, name })),
  };
}

const grantSchema = z
  .strictObject({
    id: z.string(),
    account_id: z.string(),
    client: clientOfSession,
    scopes: z.array(z.string()),
    resources: z.record(z.string(), z.array(z.string())).describe('Scopes by the resource that they are for'),
    is_offline: z.boolean().describe('Whether the client may act while nobody is signed in'),
  })
  .meta({ id: 'Grant', description: 'What an account lets a client do' });

function grantToWire(grant: GrantSummary): z.input<typeof grantSchema> {
  return {
    id: grant.id,
    account_id: grant.accountId,
    client: { client_id: grant.client.clientId, name: grant.client.name },
    scopes: grant.scopes,
    resources: grant.resources,
    is_offline: grant.isOffline,
  };
}

const ended = z.strictObject({ ended: z.number().int().describe('How many were ended') });
const ofAccount = z.strictObject({ id: id.describe('The id of the account') });
const ofClient = z.strictObject({ client_id: id });

export function sessionRoutes({ sessions, accounts }: Pick<Admin, 'sessions' | 'accounts'>): ApiRoute[] {
  return [
    apiRoute({
      method: 'GET',
      path: '/sessions',
      operationId: 'listSessions',
      tag,
      summary: 'List sessions',
      description: 'The latest first. Those of an account come whole, on one page.',
      permission: 'sessions:read',
      query: z.strictObject({ account_id: id.optional(), client_id: id.optional(), ...pageQuery() }),
      response: page(sessionSchema),
      statuses: [200],
      handle: async ({ query: { account_id: accountId, client_id: clientId, cursor, limit } }) =>
        pageOf(
          await sessions.list({ ...given({ accountId, clientId, cursor }), count: limit }),
          sessionToWire,
        ),
    }),
    apiRoute({
      method: 'GET',
      path: '/sessions/:uid',
      operationId: 'getSession',
      tag,
      summary: 'Get a session',
      permission: 'sessions:read',
      params: z.strictObject({ uid: id }),
      response: sessionSchema,
      statuses: [200],
      handle: async ({ params }) =>
        answer(await sessions.find(params.uid), (session) => ({ body: sessionToWire(session) })),
    }),
    apiRoute({
      method: 'DELETE',
      path: '/sessions/:uid',
      operationId: 'endSession',
      tag,
      summary: 'End a session',
      description: 'With the tokens that end with it, on every pod within a second.',
      permission: 'sessions:end',
      params: z.strictObject({ uid: id }),
      statuses: [204],
      handle: async ({ actor, params }) => answer(await sessions.end(actor, params.uid), () => ({})),
    }),
    apiRoute({
      method: 'POST',
      path: '/sessions/end',
      operationId: 'endSessions',
      tag,
      summary: 'End many sessions',
      description: 'The results are in the order of the ids; one may be refused while others end.',
      permission: 'sessions:end',
      body: z.strictObject({ uids: z.array(id).min(1).max(500) }),
      response: z.strictObject({
        results: z.array(
          z
            .strictObject({ uid: z.string(), ...rowResult.shape, id: z.string().nullable() })
            .meta({ id: 'EndedSession' }),
        ),
      }),
      statuses: [200],
      async handle({ actor, body }) {
        const outcomes = await sessions.endMany(actor, body.uids);
        const results = outcomes.map((outcome, index) => {
          const uid = body.uids[index] ?? '';
          if (outcome.ok) return { uid, status: 200, id: outcome.value.accountId, problem: null };
          const { kind, message } = toProblem(outcome, false);
          return {
            uid,
            status: problemKinds[kind].status,
            id: null,
            problem: { type: kind, detail: message },
          };
        });
        return { body: { results } };
      },
    }),
    apiRoute({
      method: 'POST',
      path: '/sessions/end-all',
      operationId: 'endAllSessions',
      tag,
      summary: 'End every session of everybody',
      description:
        'Everything that was signed in before now ends, your own session too. Meant for an emergency; only for an owner.',
      permission: 'sessions:end',
      body: z.strictObject({ confirm: z.literal('everybody is signed out') }),
      response: z.strictObject({ before: time.describe('What was signed in before this has ended') }),
      statuses: [200],
      examples: { body: { confirm: 'everybody is signed out' } },
      handle: async ({ actor }) =>
        answer(await sessions.endAll(actor), ({ before }) => ({ body: { before: toTime(before) } })),
    }),
    apiRoute({
      method: 'GET',
      path: '/accounts/:id/sessions',
      operationId: 'listAccountSessions',
      tag,
      summary: 'List the sessions of an account',
      permission: 'sessions:read',
      params: ofAccount,
      response: list(sessionSchema),
      statuses: [200],
      handle: async ({ params }) =>
        answer(await accounts.sessions(params.id), (found) => ({
          body: { items: found.map(sessionToWire) },
        })),
    }),
    apiRoute({
      method: 'DELETE',
      path: '/accounts/:id/sessions',
      operationId: 'endAccountSessions',
      tag,
      summary: 'End the sessions of an account',
      permission: 'sessions:end',
      params: ofAccount,
      response: ended,
      statuses: [200],
      handle: async ({ actor, params }) =>
        answer(await sessions.endOfAccount(actor, params.id), (value) => ({ body: { ended: value.ended } })),
    }),
    apiRoute({
      method: 'DELETE',
      path: '/clients/:client_id/sessions',
      operationId: 'endClientSessions',
      tag,
      summary: 'End the sessions in which a client takes part',
      permission: 'sessions:end',
      params: ofClient,
      response: ended,
      statuses: [200],
      handle: async ({ actor, params }) =>
        answer(await sessions.endOfClient(actor, params.client_id), (value) => ({
          body: { ended: value.ended },
        })),
    }),
    apiRoute({
      method: 'GET',
      path: '/accounts/:id/grants',
      operationId: 'listGrants',
      tag,
      summary: 'List what an account lets clients do',
      permission: 'grants:read',
      params: ofAccount,
      response: list(grantSchema),
      statuses: [200],
      handle: async ({ params }) =>
        answer(await accounts.grants(params.id), (grants) => ({ body: { items: grants.map(grantToWire) } })),
    }),
    apiRoute({
      method: 'DELETE',
      path: '/grants/:id',
      operationId: 'revokeGrant',
      tag,
      summary: 'Revoke a grant',
      description: 'With all its tokens. A client that wants to go on has to ask again.',
      permission: 'grants:revoke',
      params: z.strictObject({ id: id.describe('The id of the grant') }),
      statuses: [204],
      handle: async ({ actor, params }) => answer(await sessions.revokeGrant(actor, params.id), () => ({})),
    }),
  ];
}
