import { Readable } from 'node:stream';
import type { Context, Middleware } from 'koa';
import type { Actor } from '../../access/actor.ts';
import type { Permission } from '../../access/permissions.ts';
import { readPairs } from '../../http/body.ts';
import type { Log } from '../../log.ts';
import { actorOf } from './api-actor.ts';
import { type ApiReply, type ApiRequest, type ApiRoute, type Once, statusesOf } from './api-route.ts';
import type { Bearer } from './bearer.ts';
import { insufficientScope } from './challenges.ts';
import type { Cursors } from './cursors.ts';
import { limitFailures } from './failure-limit.ts';
import type { Idempotency, KeptAnswer } from './idempotency.ts';
import { readJson } from './json-body.ts';
import { type ApiFault, ApiProblem, problemKinds, problemReply, toProblem } from './problem.ts';
import {
  decodeAll,
  listOf,
  matcher,
  nextAddress,
  readDryRun,
  readIfMatch,
  refuseMethod,
  validate,
  withoutRepeats,
} from './read-request.ts';

export const apiBase = '/admin/api/v1';

export type ApiParts = {
  issuer: string;
  log: Log;
  bearer: Bearer;
  idempotency: Idempotency;
  cursors: Cursors;
  /** A refusal for want of permission goes to the audit. Never throws. */
  noteRefusal(actor: Actor, permission: Permission): Promise<void>;
  /** For tests: what is not declared becomes a failure. */
  strict: boolean;
};

/** Answers everything below `apiBase`; goes on with everything else. */
export function apiMiddleware(routes: ApiRoute[], parts: ApiParts): Middleware {
  const { bearer, idempotency, strict } = parts;
  const table = routes.map((route) => ({ route, match: matcher(`${apiBase}${route.path}`) }));
  const replyWithProblem = problemReply(parts);
  const countFailure = limitFailures();

  async function handle(ctx: Context): Promise<void> {
    const matching = table.flatMap(({ route, match }) => {
      const params = match(ctx.path);
      return params ? [{ route, params }] : [];
    });
    if (matching.length === 0) throw new ApiProblem('not-found', 'There is nothing at this address.');
    const method = ctx.method === 'HEAD' ? 'GET' : ctx.method;
    const found = matching.find(({ route }) => route.method === method);
    if (!found) {
      const methods = matching.map(({ route }) => route.method);
      return refuseMethod(ctx, methods);
    }
    const { route } = found;
    const actor = await identify(ctx);
    const demand = (permission: Permission) => {
      if (!actor.permissions.has(permission)) throw new Lacking(permission);
    };
    try {
      if (route.permission) demand(route.permission);
      await answerRoute(ctx, route, found.params, actor, demand);
    } catch (error) {
      if (!(error instanceof Lacking)) throw error;
      await parts.noteRefusal(actor, error.permission);
      throw insufficientScope(error.permission);
    }
  }

  async function identify(ctx: Context): Promise<Actor> {
    const { authorization = [], dpop = [] } = ctx.req.headersDistinct;
    try {
      const sender = await bearer.identify({
        method: ctx.method,
        path: ctx.path,
        authorization,
        proofs: dpop,
      });
      const from = { via: 'api', requestId: String(ctx.state.requestId), address: ctx.ip } as const;
      return actorOf(sender, from);
    } catch (error) {
      // A token that is good and not enough is nobody's guess.
      const isBad = error instanceof ApiProblem && error.kind === 'invalid-token';
      if (isBad && authorization.length > 0) countFailure(ctx.ip);
      throw error;
    }
  }

  function openCursor(ctx: Context, query: unknown): unknown {
    const { cursor } = query as { cursor?: string };
    if (cursor === undefined) return query;
    const opened = parts.cursors.open(listOf(ctx), cursor);
    if (opened === undefined) {
      throw new ApiProblem('invalid-request', 'The cursor is not one of this list.', {
        faults: [{ pointer: 'query/cursor', detail: 'is not one of this list' }],
      });
    }
    return { ...(query as object), cursor: opened };
  }

  async function answerRoute(
    ctx: Context,
    route: ApiRoute,
    given: Record<string, string>,
    actor: Actor,
    demand: (permission: Permission) => void,
  ): Promise<void> {
    const params = validate(route.params, decodeAll(given), 'path/');
    const { dry_run: dryRun, ...queryFields } = readPairs(ctx.querystring, 'the query');
    const isDryRun = readDryRun(route, dryRun);
    const query = openCursor(ctx, validate(route.query, queryFields, 'query/'));
    const version = readIfMatch(ctx, route);
    const sent = withoutRepeats(route, await readJson(ctx.req), params as Record<string, unknown>);
    const isLeftOut = sent === undefined && (route.isBodyOptional || !route.body);
    const body = isLeftOut ? undefined : validate(route.body, sent === undefined ? {} : sent, '/');
    const gone = new AbortController();
    ctx.res.once('close', () => gone.abort());
    const request: ApiRequest<unknown, unknown, unknown> = {
      actor,
      params,
      query,
      body: isLeftOut && route.body ? route.body.parse({}) : body,
      version,
      isDryRun,
      once: undefined,
      demand,
      signal: gone.signal,
    };
    const key = ctx.get('idempotency-key');
    const work = async (once: Once | undefined) =>
      toKept(ctx, route, await run(route, { ...request, once }), isDryRun);
    if (key !== '' && !route.isIdempotent) {
      throw new ApiProblem('invalid-request', 'This operation takes no Idempotency-Key.', {
        faults: [{ pointer: 'header/Idempotency-Key', detail: 'is not taken here' }],
      });
    }
    const reply =
      key !== '' && !isDryRun
        ? await idempotency.once(actor, key, [ctx.method, ctx.path, ctx.querystring, sent ?? null], (once) =>
            work(once),
          )
        : await work(undefined);
    write(ctx, route, reply);
    if (strict && !statusesOf(route).includes(ctx.status)) {
      throw new Error(`${route.method} ${route.path} answered ${ctx.status}, which it does not declare`);
    }
  }

  /** A refusal is an answer as well, so that with an idempotency key it is kept like any other. */
  async function run(
    route: ApiRoute,
    request: ApiRequest<unknown, unknown, unknown>,
  ): Promise<ApiReply<unknown> | ApiProblem> {
    const reply = await route.handle(request);
    return 'refused' in reply ? toProblem(reply.refused, route.isConditional === true) : reply;
  }

  function toKept(
    ctx: Context,
    route: ApiRoute,
    reply: ApiReply<unknown> | ApiProblem,
    isDryRun: boolean,
  ): KeptAnswer & { stream?: AsyncIterable<string> } {
    if (reply instanceof ApiProblem) {
      const { status } = problemKinds[reply.kind];
      if (strict && !statusesOf(route).includes(status)) {
        throw new Error(`${route.method} ${route.path} answered ${status}, which it does not declare`);
      }
      // Outside of idempotency.once there is nothing to keep.
      const problem = JSON.stringify({ kind: reply.kind, detail: reply.message, faults: reply.faults });
      return { status, headers: {}, body: problem };
    }
    if (strict && route.response && reply.body !== undefined) route.response.parse(reply.body);
    const headers: Record<string, string> = {};
    if (reply.version !== undefined) headers.etag = `"${reply.version}"`;
    if (reply.location !== undefined && !isDryRun) headers.location = `${apiBase}${reply.location}`;
    let { body } = reply;
    if (reply.nextCursor !== undefined) {
      const cursor = parts.cursors.seal(listOf(ctx), reply.nextCursor);
      headers.link = `<${nextAddress(ctx, cursor)}>; rel="next"`;
      body = { ...(body as object), next_cursor: cursor };
    }
    if (reply.filename) headers['content-disposition'] = `attachment; filename="${reply.filename}"`;
    if (isDryRun) headers['holdfast-dry-run'] = 'true';
    return {
      status: isDryRun ? 200 : (reply.status ?? route.statuses[0]),
      headers,
      body: body === undefined ? '' : JSON.stringify(body),
      ...(reply.stream && { stream: reply.stream }),
    };
  }

  function write(ctx: Context, route: ApiRoute, kept: KeptAnswer & { stream?: AsyncIterable<string> }): void {
    if (kept.status >= 400) {
      const { kind, detail, faults } = JSON.parse(kept.body) as {
        kind: keyof typeof problemKinds;
        detail: string;
        faults: ApiFault[];
      };
      throw new ApiProblem(kind, detail, { faults });
    }
    ctx.status = kept.status;
    ctx.set(kept.headers);
    if (kept.stream) {
      ctx.body = Readable.from(kept.stream);
      ctx.type = route.contentType ?? 'application/json';
      return;
    }
    if (kept.body !== '') {
      ctx.body = kept.body;
      ctx.set('content-type', 'application/json');
      if (ctx.method === 'GET' && kept.headers.etag !== undefined && ctx.fresh) ctx.status = 304;
    } else if (kept.status !== 204) ctx.body = null;
  }

  return async (ctx, next) => {
    if (!isAdminApi(ctx.path)) return next();
    try {
      await handle(ctx);
    } catch (error) {
      replyWithProblem(ctx, error);
    }
  };
}

export function isAdminApi(path: string): boolean {
  return path === apiBase || path.startsWith(`${apiBase}/`);
}

/** The actor has not got a permission. */
class Lacking extends Error {
  readonly permission: Permission;
  constructor(permission: Permission) {
    super(permission);
    this.permission = permission;
  }
}
