import type { Context, Middleware } from 'koa';
import { z } from 'zod';
import { Refusal } from '../errors.ts';
import { readForm, readPairs } from './body.ts';
import { chooseLocale, type Locale } from './locale.ts';
import { checkOrigin } from './origin.ts';
import { allowFormAction } from './security-headers.ts';

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
  | { status?: number; html: string; formAction?: string[] }
  | { redirect: string }
  /** The engine has answered on the raw context. */
  | { asIs: true }
) & {
  cookies?: { name: string; value: string | null; maxAgeSeconds?: number }[];
};

export type Route = {
  method: 'GET' | 'POST';
  path: string;
  pattern: RegExp;
  names: string[];
  answer(ctx: Context, params: Record<string, string>, strict: boolean): Promise<void>;
};

const nothing = z.strictObject({});

export function route<
  P extends z.ZodType = typeof nothing,
  Q extends z.ZodType = typeof nothing,
  B extends z.ZodType = typeof nothing,
>(options: RouteOptions<P, Q, B>): Route {
  const names: string[] = [];
  const source = options.path.replace(/:(\w+)/g, (_all, name: string) => {
    names.push(name);
    return '([^/]+)';
  });
  return {
    method: options.method,
    path: options.path,
    pattern: new RegExp(`^${source}$`),
    names,
    async answer(ctx, given, strict) {
      if (options.method === 'POST') checkOrigin(ctx);
      const query = readPairs(new URLSearchParams(ctx.querystring));
      const reply = await options.handle({
        params: validate(options.params ?? nothing, given, 'the address') as z.output<P>,
        query: validate(options.query ?? nothing, query, 'the query') as z.output<Q>,
        body: (options.method === 'POST'
          ? validate(options.body ?? nothing, await readForm(ctx.req), 'the form')
          : {}) as z.output<B>,
        locale: localeOf(ctx),
        requestId: String(ctx.state.requestId),
        clientAddress: String(ctx.state.clientAddress),
        raw: ctx,
      });
      write(ctx, reply);
      if (strict && !options.statuses.includes(ctx.status)) {
        throw new Error(
          `${options.method} ${options.path} answered ${ctx.status}, which it does not declare`,
        );
      }
    },
  };
}

/** Answers the routes; goes on where none of them has the path. */
export function routesMiddleware(routes: Route[], options: { strict: boolean }): Middleware {
  return async (ctx, next) => {
    const matching = routes.flatMap((one) => {
      const match = one.pattern.exec(ctx.path);
      return match ? [{ one, match }] : [];
    });
    if (matching.length === 0) return next();
    const method = ctx.method === 'HEAD' ? 'GET' : ctx.method;
    const found = matching.find(({ one }) => one.method === method);
    if (!found) {
      ctx.set('allow', matching.map(({ one }) => one.method).join(', '));
      throw new Refusal(405, 'bad-request', { description: `this address does not take ${ctx.method}` });
    }
    ctx.state.route = found.one.path;
    const params: Record<string, string> = {};
    for (const [index, name] of found.one.names.entries()) params[name] = found.match[index + 1] ?? '';
    await found.one.answer(ctx, params, options.strict);
  };
}

/** The language of a page: what the person chose here, else the browser's. */
export function localeOf(ctx: Context): Locale {
  const chosen = ctx.cookies.get(languageCookie, { signed: false });
  return chooseLocale({ ...(chosen ? { cookie: chosen } : {}), acceptLanguage: ctx.get('accept-language') });
}

export const languageCookie = 'holdfast_language';

function validate(schema: z.ZodType, input: unknown, where: string): unknown {
  const parsed = schema.safeParse(withoutNul(input) ? input : { nul: true });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.');
  const what =
    issue?.code === 'unrecognized_keys' ? `unknown: ${issue.keys.join(', ').slice(0, 100)}` : field;
  throw new Refusal(400, 'bad-request', {
    description: `${where} is not as expected${what ? ` (${what})` : ''}`,
  });
}

function withoutNul(input: unknown): boolean {
  return Object.values(input as Record<string, unknown>).every((value) => !String(value).includes('\0'));
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
  ctx.type = 'html';
  ctx.body = reply.html;
  if (reply.formAction) allowFormAction(ctx, reply.formAction);
}
