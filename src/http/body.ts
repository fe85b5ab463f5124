import type { IncomingMessage } from 'node:http';
import getRawBody from 'raw-body';
import { Refusal } from '../errors.ts';

const longestBody = 64 * 1024;

/** Reads a form. @returns each field once or, when it was sent more than once, as a list */
export async function readForm(request: IncomingMessage): Promise<Record<string, string | string[]>> {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') {
    throw new Refusal(415, 'bad-request', {
      description: 'the form must be application/x-www-form-urlencoded',
    });
  }
  const text = await getRawBody(request, {
    length: request.headers['content-length'],
    limit: longestBody,
    encoding: 'utf8',
  });
  if (/%(?![0-9a-f]{2})/i.test(text)) {
    throw new Refusal(400, 'bad-request', { description: 'the form has a malformed percent-encoding' });
  }
  return readPairs(new URLSearchParams(text));
}

export function readPairs(pairs: URLSearchParams): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of pairs) {
    const earlier = fields[name];
    fields[name] = earlier === undefined ? value : [earlier, value].flat();
  }
  return fields;
}
