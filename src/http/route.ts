import type { Context, Middleware } from 'koa';
import { z } from 'zod';
import { Refusal } from '../errors.ts';
import type { Locale } from '../locale.ts';
import { decode, readForm, readPairs } from './body.ts';
import { localeOf } from './language.ts';
import { checkOrigin } from './origin.ts';
import { allowConnect, allowFormAction } from './security-headers.ts';

/**
 * Routes are data: what one takes, what it may answer, and a handler that takes typed input and returns a
 * reply. Only this file touches Koa's context; it alone validates, checks the origin of forms, and writes.
 */
export type RouteOptions<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> = {
  method: 'GET' | 'POST';
  /** With `:name` for a part that varies. */
  path: string;
  params?: P;
  query?: Q;
  body?: B;
  /** Every status that the handler may answer with. */
  statuses: number[];
  handle(request: RouteRequest<z.output<P>, z.output<Q>, z.output<B>>): Promise<Reply>;
};

export type RouteRequest<P, Q, B> = {
  params: P;
  query: Q;
  body: B;
  locale: Locale;
  requestId: string;
  clientAddress: string;
  /** For the engine, which wants the request as it is. */
  raw: Context;
};

export type Reply = (
  | {
      status?: number;
      html: string;
      /** Origins that the forms of the page may lead to. */
      formAction?: string[];
      retryAfterSeconds?: number;
      /** Whether scripts of the page fetch other pages of ours; not with `formAction`. */
      connects?: boolean;
    }
  | { redirect: string }
  /** The engine has answered on the raw context. */
  | { asIs: true }
) & {
  cookies?: { name: string; value: string | null; maxAgeSeconds?: number }[];
};

export type Route = {
  method: 'GET' | 'POST';
  path: string;
  /** @returns the parts of the path that vary, in percent-encoding; undefined when it is another path */
  match(path: string): Record<string, string> | undefined;
  answer(ctx: Context, params: Record<string, string>, strict: boolean): Promise<void>;
};

const nothing = z.strictObject({});

export function route<
  P extends z.ZodType = typeof nothing,
  Q extends z.ZodType = typeof nothing,
  B extends z.ZodType = typeof nothing,
>(options: RouteOptions<P, Q, B>): Route {
  const { method, path, statuses } = options;
  return {
    method,
    path,
    match: matcher(path),
    async answer(ctx, given, strict) {
      if (method === 'POST') checkOrigin(ctx);
      const reply = await options.handle({
        params: validate(options.params, decodeAll(given), 'the address'),
        query: validate(options.query, readPairs(ctx.querystring, 'the query'), 'the query'),
        body: validate(options.body, method === 'POST' ? await readForm(ctx.req) : {}, 'the form'),
        locale: localeOf(ctx),
        requestId: String(ctx.state.requestId),
        clientAddress: ctx.ip,
        raw: ctx,
      });
      write(ctx, reply);
      if (strict && !statuses.includes(ctx.status)) {
        throw new Error(`${method} ${path} answered ${ctx.status}, which it does not declare`);
      }
    },
  };
}

/**
 * Answers the routes; goes on where none of them has the path.
 * @param options.strict whether a status that its route does not declare becomes a failure
 */
export function routesMiddleware(routes: Route[], options: { strict: boolean }): Middleware {
  return async (ctx, next) => {
    const matching = routes.flatMap((one) => {
      const params = one.match(ctx.path);
      return params ? [{ one, params }] : [];
    });
    if (matching.length === 0) return next();
    const method = ctx.method === 'HEAD' ? 'GET' : ctx.method;
    const found = matching.find(({ one }) => one.method === method);
    if (!found) {
      const taken = matching.flatMap(({ one }) => (one.method === 'GET' ? ['GET', 'HEAD'] : [one.method]));
      ctx.set('allow', taken.join(', '));
      throw new Refusal(405, 'bad-request', { description: `this address does not take ${ctx.method}` });
    }
    await found.one.answer(ctx, found.params, options.strict);
  };
}

function matcher(path: string): Route['match'] {
  const parts = path.split('/');
  const names = parts.flatMap((part) => (part.startsWith(':') ? [part.slice(1)] : []));
  const pattern = parts.map((part) => (part.startsWith(':') ? '([^/]+)' : RegExp.escape(part))).join('/');
  const whole = new RegExp(`^${pattern}$`);
  return (given) => {
    const found = whole.exec(given)?.slice(1);
    return found && Object.fromEntries(names.map((name, index) => [name, found[index] ?? '']));
  };
}

function decodeAll(params: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params).map(([name, part]) => [name, decode(part, 'the address')]),
  );
}

/** Without a schema there must be nothing. */
function validate<S extends z.ZodType>(schema: S | undefined, input: unknown, where: string): z.output<S> {
  const parsed = (schema ?? nothing).safeParse(input);
  if (parsed.success) return parsed.data as z.output<S>;
  const [issue] = parsed.error.issues;
  const what =
    issue?.code === 'unrecognized_keys'
      ? `unknown: ${issue.keys.join(', ').slice(0, 100)}`
      : issue?.path.join('.');
  throw new Refusal(400, 'bad-request', {
    description: `${where} is not as expected${what ? ` (${what})` : ''}`,
  });
}

function write(ctx: Context, reply: Reply): void {
  for (const { name, value, maxAgeSeconds } of reply.cookies ?? []) {
    ctx.cookies.set(name, value, {
      httpOnly: true,
      sameSite: 'lax',
      path: '/',
      signed: false,
      secure: ctx.secure,
      ...(maxAgeSeconds ? { maxAge: maxAgeSeconds * 1000 } : {}),
    });
  }
  if ('asIs' in reply) return;
  if ('redirect' in reply) {
    ctx.status = 303;
    ctx.set('location', reply.redirect);
    ctx.body = '';
    return;
  }
  ctx.status = reply.status ?? 200;
  ctx.body = reply.html;
  ctx.type = 'html';
  if (reply.connects) allowConnect(ctx);
  if (reply.formAction) allowFormAction(ctx, reply.formAction);
  if (reply.retryAfterSeconds !== undefined) ctx.set('retry-after', String(reply.retryAfterSeconds));
}
