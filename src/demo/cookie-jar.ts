/**
 * Owns the cookies of the relying party: their names, attributes, number and size. Does not know what is in them.
 *
 * A session cookie has its generation in its name. Two tabs may change the session at the same moment, and their
 * answers may arrive in either order; with one name the older answer could overwrite the newer one. With a name
 * for each generation both arrive, and the next request uses the newer one.
 */
import { createHash } from 'node:crypto';
import type { Context } from 'koa';

/** A session as the browser sent it; the generation is only a claim until the content was opened. */
export type SessionCookie = { generation: number; value: string };

export type CookieJar = {
  /** Sessions in the request, newest first. */
  sessions(ctx: Context): SessionCookie[];
  /** Sets the session and clears those that came with the request. */
  setSession(ctx: Context, cookie: SessionCookie, lifetimeSeconds: number): void;
  clearSessions(ctx: Context): void;
  login(ctx: Context, state: string): string | undefined;
  /** Sets the cookie of one login and clears the oldest ones above the limit. */
  setLogin(ctx: Context, state: string, value: string, lifetimeSeconds: number): void;
  clearLogin(ctx: Context, state: string): void;
};

const maxLogins = 5;
const maxSessions = 3;
const maxParts = 2;

/** With name and attributes, a cookie of this size stays below the 4,096 bytes that every browser takes. */
const partSize = 3_700;

/** With `secure` the names have the `__Host-` prefix, so no other host of the domain can set them. */
export function createCookieJar(secure: boolean): CookieJar {
  const prefix = secure ? '__Host-' : '';
  const sessionPattern = new RegExp(`^${prefix}harbour_session\\.(\\d{1,9})\\.[0-${maxParts - 1}]$`);
  const sessionName = (generation: number, part: number) => `${prefix}harbour_session.${generation}.${part}`;
  const loginPrefix = `${prefix}harbour_login.`;
  const loginName = (state: string) =>
    `${loginPrefix}${createHash('sha256').update(state).digest('base64url').slice(0, 16)}`;

  // Max-Age and not Expires: the browser's own clock may be wrong.
  const set = (ctx: Context, name: string, value: string, lifetimeSeconds: number) =>
    ctx.append(
      'Set-Cookie',
      `${name}=${value}; Path=/; Max-Age=${lifetimeSeconds}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`,
    );
  const clear = (ctx: Context, name: string) => set(ctx, name, '', 0);

  return {
    sessions(ctx) {
      const cookies = readCookies(ctx);
      const generations = [...cookies.keys()].flatMap((name) => sessionPattern.exec(name)?.[1] ?? []);
      return [...new Set(generations.map(Number))]
        .sort((one, other) => other - one)
        .slice(0, maxSessions)
        .flatMap((generation) => {
          const value = joinParts((part) => cookies.get(sessionName(generation, part)));
          return value === undefined ? [] : [{ generation, value }];
        });
    },

    setSession(ctx, { generation, value }, lifetimeSeconds) {
      const parts = new Map(splitParts(value).map((part, index) => [sessionName(generation, index), part]));
      for (const name of readCookies(ctx).keys()) {
        if (sessionPattern.test(name) && !parts.has(name)) clear(ctx, name);
      }
      for (const [name, part] of parts) set(ctx, name, part, lifetimeSeconds);
    },

    clearSessions(ctx) {
      for (const name of readCookies(ctx).keys()) if (sessionPattern.test(name)) clear(ctx, name);
    },

    login(ctx, state) {
      return readCookies(ctx).get(loginName(state))?.split('~')[1];
    },

    setLogin(ctx, state, value, lifetimeSeconds) {
      // The time in front only decides which login gives way; changing it gains nothing.
      const older = [...readCookies(ctx)]
        .filter(([name]) => name.startsWith(loginPrefix))
        .map(([name, content]) => ({ name, startedAt: Number.parseInt(content, 36) || 0 }))
        .sort((one, other) => other.startedAt - one.startedAt);
      for (const { name } of older.slice(maxLogins - 1)) clear(ctx, name);
      set(ctx, loginName(state), `${Date.now().toString(36)}~${value}`, lifetimeSeconds);
    },

    clearLogin(ctx, state) {
      clear(ctx, loginName(state));
    },
  };
}

/** The request's cookies. Koa's reader keeps a pattern for each name it was asked for, and strangers choose names. */
function readCookies(ctx: Context): Map<string, string> {
  const cookies = new Map<string, string>();
  for (const pair of ctx.get('cookie').split(';')) {
    const cut = pair.indexOf('=');
    if (cut > 0) cookies.set(pair.slice(0, cut).trim(), pair.slice(cut + 1).trim());
  }
  return cookies;
}

/** The first part says how many there are, so that a part that was left over from a longer value is not read. */
function splitParts(value: string): string[] {
  const count = Math.max(1, Math.ceil(value.length / partSize));
  if (count > maxParts)
    throw new Error(`a session of ${value.length} characters does not fit in its cookies`);
  return Array.from({ length: count }, (_, index) => {
    const part = value.slice(index * partSize, (index + 1) * partSize);
    return index === 0 ? `${count}~${part}` : part;
  });
}

function joinParts(part: (index: number) => string | undefined): string | undefined {
  const [, count, first] = /^(\d)~(.+)$/.exec(part(0) ?? '') ?? [];
  if (first === undefined || Number(count) > maxParts) return undefined;
  const rest = Array.from({ length: Number(count) - 1 }, (_, index) => part(index + 1));
  return rest.includes(undefined) ? undefined : first + rest.join('');
}
