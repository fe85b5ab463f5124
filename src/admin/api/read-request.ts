import type { Context } from 'koa';
import { z } from 'zod';
import { decode } from '../../http/body.ts';
import type { ApiMethod, ApiRoute } from './api-route.ts';
import { escapePointer } from './json-body.ts';
import { type ApiFault, ApiProblem } from './problem.ts';

/** What a request says, held against its route. All of it throws ApiProblem for what does not fit. */

const nothing = z.strictObject({});

export function matcher(path: string): (given: string) => Record<string, string> | undefined {
  const parts = path.split('/');
  const names = parts.flatMap((part) => (part.startsWith(':') ? [part.slice(1)] : []));
  const pattern = parts.map((part) => (part.startsWith(':') ? '([^/]+)' : RegExp.escape(part))).join('/');
  const whole = new RegExp(`^${pattern}$`);
  return (given) => {
    const found = whole.exec(given)?.slice(1);
    return found && Object.fromEntries(names.map((name, index) => [name, found[index] ?? '']));
  };
}

export function decodeAll(params: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params).map(([name, part]) => [name, decode(part, 'the address')]),
  );
}

export function readDryRun(route: ApiRoute, value: string | string[] | undefined): boolean {
  if (value === undefined) return false;
  if (!route.mayDryRun || (value !== 'true' && value !== 'false')) {
    const detail = route.mayDryRun ? 'must be true or false' : 'is not taken here';
    throw new ApiProblem('invalid-request', `dry_run ${detail}.`, {
      faults: [{ pointer: 'query/dry_run', detail }],
    });
  }
  return value === 'true';
}

export function readIfMatch(ctx: Context, route: ApiRoute): number | undefined {
  const given = ctx.get('if-match').trim();
  if (!route.isConditional) {
    if (given === '') return undefined;
    throw new ApiProblem('invalid-request', 'This operation takes no If-Match.', {
      faults: [{ pointer: 'header/If-Match', detail: 'is not taken here' }],
    });
  }
  if (given === '') {
    throw new ApiProblem('precondition-required', 'Say in If-Match which version you change, by its ETag.');
  }
  if (given === '*') return undefined;
  const [, version] = /^"(\d{1,15})"$/.exec(given) ?? [];
  // A weak one never matches (RFC 9110 13.1.1), and none that we did not make.
  if (version === undefined)
    throw new ApiProblem('changed', 'If-Match names no version that this thing has had.');
  return Number(version);
}

/** What the path says counts; a body that says something else is refused. */
export function withoutRepeats(route: ApiRoute, body: unknown, params: Record<string, unknown>): unknown {
  const { repeats } = route;
  if (!repeats || typeof body !== 'object' || body === null || !Object.hasOwn(body, repeats.field))
    return body;
  const { [repeats.field]: repeated, ...rest } = body as Record<string, unknown>;
  if (repeated !== params[repeats.param]) {
    throw new ApiProblem('invalid-request', `${repeats.field} in the body is another than in the address.`, {
      faults: [{ pointer: `/${repeats.field}`, detail: 'is another than in the address' }],
    });
  }
  return rest;
}

/** @param where before each pointer: "/" for the body */
export function validate(schema: z.ZodType | undefined, input: unknown, where: string): unknown {
  const parsed = (schema ?? nothing).safeParse(input);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.flatMap((issue): ApiFault[] => {
    const path = issue.path.map(escapePointer);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        pointer: `${where}${[...path, escapePointer(key)].join('/')}`,
        detail: 'is not known here',
      }));
    }
    return [{ pointer: `${where}${path.join('/')}`, detail: issue.message }];
  });
  const named = faults.slice(0, 3).map(({ pointer, detail }) => `${pointer}: ${detail}`);
  throw new ApiProblem('invalid-request', `The request is not as described. ${named.join('; ')}`, {
    faults: faults.slice(0, 50),
  });
}

/** What a cursor is good for: this list, with these filters. */
export function listOf(ctx: Context): string {
  const query = new URLSearchParams(ctx.querystring);
  query.delete('cursor');
  query.delete('limit');
  query.sort();
  return `${ctx.path}?${query}`;
}

export function nextAddress(ctx: Context, cursor: string): string {
  const query = new URLSearchParams(ctx.querystring);
  query.set('cursor', cursor);
  return `${ctx.path}?${query}`;
}

/** Of an address that does not take the method; OPTIONS asks which it takes. */
export function refuseMethod(ctx: Context, methods: ApiMethod[]): void {
  const allowed = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
  if (ctx.method === 'OPTIONS') {
    ctx.set('allow', allowed);
    ctx.status = 204;
    return;
  }
  throw new ApiProblem('method-not-allowed', `This address does not take ${ctx.method}.`, {
    headers: { allow: allowed },
  });
}
