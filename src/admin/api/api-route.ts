import type { z } from 'zod';
import type { Actor } from '../../access/actor.ts';
import type { Permission } from '../../access/permissions.ts';
import type { Outcome, Page, Refused } from '../outcome.ts';

/**
 * The routes of the API are data: what one takes, who may use it, what it may answer. The table gives validation,
 * permissions, the OpenAPI document, the reference page and the matrix that is tested.
 *
 * `params`, `query` and `body` are strict objects with the names of the wire; without one there must be nothing.
 */
export type ApiRouteOptions<
  P extends z.ZodType = z.ZodType,
  Q extends z.ZodType = z.ZodType,
  B extends z.ZodType = z.ZodType,
  R extends z.ZodType = z.ZodType,
> = {
  method: ApiMethod;
  /** Below the base of the API, with `:name` for a part that varies. */
  path: string;
  /** In camelCase; names the function in generated clients. */
  operationId: string;
  /** The resource that it belongs to, for people. */
  tag: string;
  summary: string;
  description?: string;
  /** null: whoever has a valid token. */
  permission: Permission | null;
  /** A further one, for some requests; the handler asks for it by `request.demand`. */
  alsoNeeds?: { permission: Permission; when: string }[];
  params?: P;
  query?: Q;
  body?: B;
  /** May be left out by the sender. */
  isBodyOptional?: boolean;
  /** The name by which the body may repeat what the path names; another value is refused. */
  repeats?: { field: string; param: string };
  response?: R;
  /** Anything but JSON. */
  contentType?: 'application/x-ndjson' | 'text/event-stream';
  /** Of success first, then of refusals that are its own; see `commonStatuses`. */
  statuses: [number, ...number[]];
  /** Asks for If-Match. */
  isConditional?: boolean;
  /** Takes an Idempotency-Key. */
  isIdempotent?: boolean;
  mayDryRun?: boolean;
  examples?: { body?: unknown; response?: unknown };
  handle(
    request: ApiRequest<z.output<P>, z.output<Q>, z.output<B>>,
  ): Promise<ApiReply<z.input<R>> | { refused: Refused }>;
};

export type ApiMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export type ApiRequest<P, Q, B> = {
  actor: Actor;
  params: P;
  query: Q;
  body: B;
  /** From If-Match; undefined for whichever there is. */
  version: number | undefined;
  isDryRun: boolean;
  /** Set when an idempotency key came with the request. */
  once: Once | undefined;
  /** @throws ApiProblem 403 when the actor lacks it */
  demand(permission: Permission): void;
  /** Ends when whoever asked has gone. */
  signal: AbortSignal;
};

/** What makes a request with an idempotency key safe to be sent again. */
export type Once = {
  /** The same for every try of this request, and for no other. @param what tells several ids of a request apart */
  id(what: string): string;
  /** 256 bits that nobody can guess: the same for every try, and others when the key is used again after its time. */
  secret(what: string): string;
  /** An earlier try has begun, and nobody knows how far it came. */
  isRetry: boolean;
};

export type ApiReply<R> = {
  /** One of the route's; the first when left out. */
  status?: number;
  body?: R;
  /** Of what the body is: goes out as ETag. */
  version?: number;
  /** Path below the base of the API. */
  location?: string;
  /** The query of the next page goes out as Link. */
  nextCursor?: string | undefined;
  /** In place of a body. */
  stream?: AsyncIterable<string>;
  filename?: string;
};

/** A route whose parts have forgotten their exact types; the middleware hands it what its schemas gave. */
export type ApiRoute = Omit<ApiRouteOptions, 'handle'> & {
  handle(request: ApiRequest<unknown, unknown, unknown>): Promise<ApiReply<unknown> | { refused: Refused }>;
};

export function apiRoute<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType>(
  options: ApiRouteOptions<P, Q, B, R>,
): ApiRoute {
  return options as unknown as ApiRoute;
}

/** What any request may be answered with, whatever its route says. */
export const commonStatuses = [400, 401, 403, 429, 500, 503];

/** All statuses of a route. */
export function statusesOf(route: ApiRoute): number[] {
  return [
    ...new Set([
      ...route.statuses,
      ...commonStatuses,
      ...(route.params ? [404] : []),
      ...(route.body ? [413, 415, 422] : []),
      ...(route.isConditional ? [412, 428] : []),
      ...(route.isIdempotent ? [409, 422] : []),
      ...(route.mayDryRun ? [200] : []),
      ...(route.method === 'GET' && !route.contentType ? [304] : []),
    ]),
  ].sort((a, b) => a - b);
}

/** The answer to an outcome. */
export function answer<T, R>(
  outcome: Outcome<T>,
  say: (value: T) => ApiReply<R>,
): ApiReply<R> | { refused: Refused } {
  return outcome.ok ? say(outcome.value) : { refused: outcome };
}

/** A page of a list. */
export function pageOf<T, R>(
  page: Page<T>,
  toWire: (item: T) => R,
): ApiReply<{ items: R[]; next_cursor: string | null }> {
  return {
    body: { items: page.items.map(toWire), next_cursor: page.cursor ?? null },
    nextCursor: page.cursor,
  };
}
