import { z } from 'zod';
import { parseRedisUrl, type RedisTarget } from './redis/redis-url.ts';
import type { VaultKey } from './redis/vault.ts';

/** How the values of settings are read: from the text of a variable to what config.ts keeps. */

export const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(least, `must be at least ${least}`).max(most, `must be at most ${most}`));

export const flag = z
  .enum(['true', 'false', '1', '0'], { error: 'must be true or false' })
  .transform((value) => value === 'true' || value === '1');

export const day = 24 * 60 * 60;

export const issuer = z.string().transform((value, context) => {
  const fail = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (!URL.canParse(value)) return fail('must be a URL such as https://id.example.com');
  const url = new URL(value);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return fail('must start with https://');
  if (url.search || url.hash || url.username || url.password) {
    return fail('must have no query, fragment or credentials');
  }
  if (url.pathname !== '/') return fail('must have no path: one provider serves one host name');
  return url.origin;
});

export const webAddress = z
  .string()
  .refine(
    (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
    'must be a web address',
  );

export const redisTarget = z.string().transform((value, context): RedisTarget => {
  try {
    return parseRedisUrl(value);
  } catch (fault) {
    context.addIssue({ code: 'custom', message: fault instanceof Error ? fault.message : String(fault) });
    return z.NEVER;
  }
});

export const vaultKeys = z.string().transform((value, context): VaultKey[] => {
  const entries = value
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((entry) => {
      const colon = entry.indexOf(':');
      return {
        id: entry.slice(0, Math.max(colon, 0)),
        secret: Buffer.from(entry.slice(colon + 1), 'base64url'),
      };
    });
  const fault =
    entries.length === 0
      ? 'must name at least one key'
      : entries.some(({ id, secret }) => !/^[a-z0-9-]{1,32}$/i.test(id) || secret.length !== 32)
        ? 'must be a list of <id>:<32 random bytes in base64url>, the current one first; make one with: openssl rand -base64 32 | tr "+/" "-_" | tr -d "="'
        : new Set(entries.map(({ id }) => id)).size !== entries.length
          ? 'has the same key id twice'
          : undefined;
  if (fault) {
    context.addIssue({ code: 'custom', message: fault });
    return z.NEVER;
  }
  return entries;
});

/** Where mails are handed over. The value is never repeated in a fault: it has a password in it. */
export const smtpServer = z.string().transform((value, context) => {
  const fail = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  const form = 'must be a URL such as smtp://user:password@mail.example.com:587, or smtps://…';
  const url = URL.parse(value);
  if (!url || !/^smtps?:$/.test(url.protocol) || !url.hostname) return fail(form);
  if ((url.pathname !== '' && url.pathname !== '/') || url.search || url.hash) {
    return fail(
      'must have no path or query; special characters in the password are written as %40 and so on',
    );
  }
  try {
    const isSecure = url.protocol === 'smtps:';
    return {
      host: decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1'),
      port: Number(url.port) || (isSecure ? 465 : 587),
      /** TLS from the first byte, rather than by STARTTLS. */
      isSecure,
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
    };
  } catch {
    return fail(form);
  }
});

export const mailFrom = z.string().transform((value, context) => {
  const [, quoted = '', named, bare] =
    /^(?:([^<>\p{Cc}]*)<([^<>\s]+)>|([^<>\s]+))$/u.exec(value.trim()) ?? [];
  const address = named ?? bare ?? '';
  if (!/^[\x21-\x7e]+@[\p{L}\p{N}][\p{L}\p{N}.-]*$/u.test(address) || /[",;:()[\]\\]/.test(address)) {
    context.addIssue({ code: 'custom', message: 'must be an address such as Example <id@example.com>' });
    return z.NEVER;
  }
  return { name: quoted.trim().replace(/^"(.*)"$/, '$1'), address };
});

export const hostList = z.string().transform((value) =>
  value
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((host) => host.toLowerCase()),
);
