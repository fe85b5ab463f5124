import type { IncomingMessage } from 'node:http';
import type { Middleware } from 'koa';
import getRawBody from 'raw-body';
import { Refusal } from '../errors.ts';

/** What was sent, by name: a text or, where a name came more than once, a list. Has no prototype. */
export type Fields = Record<string, string | string[]>;

const longestBody = 64 * 1024;
const mostFields = 200;

/** Refuses what says at once that it is too long, whoever would read it. */
export function limitBody(): Middleware {
  return async (ctx, next) => {
    if (Number(ctx.req.headers['content-length'] ?? 0) > longestBody) throw tooLarge();
    await next();
  };
}

/**
 * Reads a form. A request without a body is an empty one.
 * @throws Refusal 400, 413 or 415
 */
export async function readForm(request: IncomingMessage): Promise<Fields> {
  const { headers } = request;
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (!hasBody) return readPairs('', 'the form');
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') {
    throw new Refusal(415, 'bad-request', {
      description: 'the form must be application/x-www-form-urlencoded',
    });
  }
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') {
    throw new Refusal(415, 'bad-request', { description: 'the form must not be compressed' });
  }
  return readPairs(await readText(request), 'the form');
}

/**
 * Reads `name=value&…`, as in a form and in a query.
 * @param where for the message, such as "the query"
 * @throws Refusal 400 for a malformed percent-encoding, text that is no UTF-8, a NUL, or far too many fields
 */
export function readPairs(text: string, where: string): Fields {
  const fields: Fields = Object.create(null);
  const pairs = text.split('&').filter(Boolean);
  if (pairs.length > mostFields) throw unreadable(where);
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const name = decode((equals < 0 ? pair : pair.slice(0, equals)).replaceAll('+', ' '), where);
    const value = equals < 0 ? '' : decode(pair.slice(equals + 1).replaceAll('+', ' '), where);
    const earlier = fields[name];
    fields[name] = earlier === undefined ? value : [earlier, value].flat();
  }
  return fields;
}

/** Percent-decodes. @throws Refusal as `readPairs` */
export function decode(text: string, where: string): string {
  try {
    const decoded = decodeURIComponent(text);
    if (!decoded.includes('\0')) return decoded;
  } catch {
    // Refused below.
  }
  throw unreadable(where);
}

function unreadable(where: string): Refusal {
  return new Refusal(400, 'bad-request', { description: `${where} cannot be read` });
}

async function readText(request: IncomingMessage): Promise<string> {
  try {
    const length = request.headers['content-length'];
    return await getRawBody(request, { length, limit: longestBody, encoding: 'utf8' });
  } catch (cause) {
    // The rest is read and dropped, so that whoever sends it gets to read the answer.
    request.resume();
    if ((cause as { type?: string }).type === 'entity.too.large') throw tooLarge();
    throw new Refusal(400, 'bad-request', { description: 'the form was not sent as a whole', cause });
  }
}

function tooLarge(): Refusal {
  return new Refusal(413, 'bad-request', { description: 'the request is too large' });
}

/** Whether a text is a whole number in decimal digits, written as one would write it; none that is lost as a number. */
export function isWholeNumber(text: string): boolean {
  return /^(?:0|[1-9]\d{0,14})$/.test(text);
}
