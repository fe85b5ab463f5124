import type { IncomingMessage } from 'node:http';
import getRawBody from 'raw-body';
import { ApiProblem } from './problem.ts';

/** Bytes; the same as for forms (http/body.ts). */
const longestBody = 64 * 1024;
const deepest = 32;

/**
 * Reads a JSON body so that there is one way to understand it: no name twice, no `__proto__`.
 * @returns undefined when there is no body
 * @throws ApiProblem 400, 413 or 415
 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const { headers } = request;
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (!hasBody) return undefined;
  const [type, ...parameters] = (headers['content-type'] ?? '').toLowerCase().split(';');
  const isUtf8 = parameters.every((one) => /^\s*charset="?utf-8"?\s*$/.test(one));
  const isPlain = headers['content-encoding'] === undefined || headers['content-encoding'] === 'identity';
  if (type?.trim() !== 'application/json' || !isUtf8 || !isPlain) {
    request.resume();
    throw new ApiProblem(
      'unsupported-media-type',
      'The body must be sent as application/json, uncompressed.',
    );
  }
  return parseJson(await readText(request));
}

/** @throws ApiProblem 400 */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ApiProblem('invalid-request', 'The body is not JSON.');
  }
  checkNames(text);
  return value;
}

async function readText(request: IncomingMessage): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await getRawBody(request, { length: request.headers['content-length'], limit: longestBody });
  } catch (cause) {
    // The rest is read and dropped, so that whoever sends it gets to read the answer.
    request.resume();
    if ((cause as { type?: string }).type === 'entity.too.large') {
      throw new ApiProblem('too-large', 'A body may have 64 kilobytes.');
    }
    throw new ApiProblem('invalid-request', 'The body was not sent as a whole.', { cause });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ApiProblem('invalid-request', 'The body is not UTF-8.');
  }
}

/** @param text valid JSON */
function checkNames(text: string): void {
  // The names of each object that is open; undefined for an array.
  const open: (Set<string> | undefined)[] = [];
  for (const [token, name] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (name !== undefined) addName(open.at(-1), JSON.parse(name) as string);
    if (open.length > deepest) throw new ApiProblem('invalid-request', 'The body is nested too deeply.');
  }
}

function addName(names: Set<string> | undefined, name: string): void {
  if (name === '__proto__' || names?.has(name)) {
    throw new ApiProblem('invalid-request', 'A name in the body is there twice, or must not be there.', {
      faults: [
        {
          pointer: `/${escapePointer(name)}`,
          detail: names?.has(name) ? 'is there twice' : 'is not allowed',
        },
      ],
    });
  }
  names?.add(name);
}

/** One part of a JSON pointer (RFC 6901 3). */
export function escapePointer(part: PropertyKey): string {
  return String(part).replaceAll('~', '~0').replaceAll('/', '~1');
}
