import { z } from 'zod';
import type { Permission } from '../../access/access.ts';
import { isWholeNumber } from '../../http/body.ts';
import { type Reply, type Route, route } from '../../http/route.ts';
import type { Says } from './console-views.ts';
import type { Visit, Visits } from './console-visit.ts';

/**
 * Who gets in: somebody with this permission; `any` for anybody with a role of the console, `signed-in` for anybody
 * who is signed in at all.
 */
export type Gate = Permission | 'any' | 'signed-in';

/** A row of the console's table: a route, and who gets in. */
export type ConsoleRoute = {
  method: 'GET' | 'POST';
  path: string;
  permission: Gate;
  isSensitive: boolean;
  route(visits: Visits): Route;
};

type Fields = Record<string, z.ZodType>;
type Parsed<F extends Fields> = { [N in keyof F]: z.output<F[N]> };

export type ConsoleRequest<P extends Fields, Q extends Fields, B extends Fields> = {
  visit: Visit;
  params: Parsed<P>;
  query: Parsed<Q>;
  body: Parsed<B>;
};

export type ConsoleRouteOptions<P extends Fields, Q extends Fields, B extends Fields> = {
  method: 'GET' | 'POST';
  path: string;
  permission: Gate;
  /**
   * Only for who has signed in within the last ten minutes. Left out, by the permission: so are all forms that make
   * something which outlasts the session of whoever sends them.
   */
  isSensitive?: boolean | undefined;
  /** A schema for each part that varies, each parameter, each field of the form; `csrf` need not be named. */
  params?: P;
  query?: Q;
  body?: B;
  /** Besides those of every page: 200 and 303, 400 for a form that is too old, 403 for who may not, 404, 503. */
  statuses?: number[];
  /** Of a POST: the page that it belongs to, where a sign-in or an old form leads back to. */
  back?(params: Parsed<P>): string;
  handle(request: ConsoleRequest<P, Q, B>): Promise<Reply>;
};

/** What may be made of these stays when a session that was left open is ended: an account, a way in, a right. */
const lasting: ReadonlySet<Gate> = new Set<Gate>([
  'accounts:create',
  'accounts:update',
  'accounts:delete',
  'accounts:credentials',
  'accounts:assign-roles',
  'clients:write',
  'clients:secrets',
  'clients:delete',
  'resources:write',
  'roles:write',
  'groups:write',
  'keys:rotate',
  'keys:revoke',
  'settings:write',
]);

const usual = [200, 303, 400, 403, 404, 409, 422];

/** What a page is told by a redirect to it; anything else says nothing. */
const saysFields = {
  done: z
    .string()
    .regex(/^[a-z-]{1,60}$/)
    .optional()
    .catch(undefined),
  count: z.string().refine(isWholeNumber).transform(Number).optional().catch(undefined),
  again: z.literal('yes').optional().catch(undefined),
};

/**
 * One route of the console. It is opened for somebody who is signed in as strongly as the console asks for and has
 * the permission; a form has come from a page of theirs.
 */
export function consoleRoute<
  P extends Fields = Record<never, never>,
  Q extends Fields = Record<never, never>,
  B extends Fields = Record<never, never>,
>(options: ConsoleRouteOptions<P, Q, B>): ConsoleRoute {
  const { method, path, permission, isSensitive = lasting.has(permission) } = options;
  const query = z.object({ ...saysFields, ...options.query });
  const body = z.strictObject({ csrf: z.string().max(256).default(''), ...options.body });
  return {
    method,
    path,
    permission,
    isSensitive,
    route: (visits) =>
      route({
        method,
        path,
        params: z.strictObject(options.params ?? {}),
        query,
        ...(method === 'POST' ? { body } : {}),
        statuses: [...usual, ...(options.statuses ?? [])],
        handle: ({ raw, params, query, body }) => {
          const given = { params: params as Parsed<P>, query: query as Parsed<Q>, body: body as Parsed<B> };
          const page = method === 'GET' ? `${raw.path}${raw.search}` : (options.back?.(given.params) ?? path);
          const { csrf = '' } = body as { csrf?: string };
          return visits.open(
            raw,
            { page, permission, isSensitive, ...(method === 'POST' ? { csrf } : {}) },
            query as Pick<Says, 'done' | 'count'> & { again?: 'yes' },
            (visit) => options.handle({ visit, ...given }),
          );
        },
      }),
  };
}

/** A part of an address that names something. */
export const idField = z.string().min(1).max(200);

/** A field that may come more than once, such as boxes that are ticked. */
export const manyField = z
  .union([z.string().max(2000), z.array(z.string().max(2000))])
  .default([])
  .transform((given) => [given].flat());

/** A box: ticked or not. */
export const boxField = z
  .literal('yes')
  .optional()
  .transform((given) => given === 'yes');

/** A text without blanks around it; empty where nothing was entered. */
export const textField = (longest = 2000) => z.string().max(longest).trim().default('');

/** The version that the page showed, of a thing that is changed. */
export const versionField = z.string().refine(isWholeNumber).transform(Number).optional().catch(undefined);

/** Where a page of a long list begins. */
export const cursorField = z.string().max(1000).optional();
