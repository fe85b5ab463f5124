import { lookup } from 'node:dns';
import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import type { CustomFetch, CustomFetchOptions } from 'openid-client';
import { isSpecialAddress } from './special-addresses.ts';

/** The other side cannot be reached, is too slow, or must not be asked. The message holds no secret. */
export class OutboundFailure extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'OutboundFailure';
  }
}

export type OutboundRules = {
  mayBeHttp: boolean;
  /** Hosts that may have a private address; `all` for every host. */
  privateHosts: ReadonlySet<string> | 'all';
  timeoutMs?: number;
  /** Of requests at one time: a provider that hangs holds up no more than these. */
  concurrency?: number;
};

const longestBody = 256 * 1024;

/**
 * The `fetch` by which one other provider is asked. A name is checked by the address that is connected to, so
 * that a name that changes its address slips through no gap. Redirects are never followed, answers are read to
 * a limit, and the time covers all of it.
 *
 * Each request has a connection of its own: one kept open may break just as a code is sent, and a code is not
 * sent twice.
 */
export function createOutboundFetch(rules: OutboundRules): CustomFetch {
  const { timeoutMs = 5000, concurrency = 100 } = rules;
  let underWay = 0;

  return async (address, options) => {
    const url = new URL(address);
    const isHttps = url.protocol === 'https:';
    if (!isHttps && !(rules.mayBeHttp && url.protocol === 'http:')) {
      throw new OutboundFailure(`${url.host} would be asked without TLS`);
    }
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const mayBePrivate = rules.privateHosts === 'all' || rules.privateHosts.has(host);
    // A literal address is never looked up.
    if (!mayBePrivate && isIP(host) !== 0 && isSpecialAddress(host)) throw privateAddress(host);
    if (underWay >= concurrency) throw new OutboundFailure(`too many requests to ${url.host} are under way`);

    underWay += 1;
    try {
      return await send(isHttps ? requestHttps : requestHttp, url, options, {
        signal: AbortSignal.any([
          AbortSignal.timeout(timeoutMs),
          ...(options.signal ? [options.signal] : []),
        ]),
        ...(mayBePrivate ? {} : { lookup: lookupPublic as RequestOptions['lookup'] }),
      });
    } finally {
      underWay -= 1;
    }
  };
}

function send(
  request: typeof requestHttp,
  url: URL,
  options: CustomFetchOptions,
  how: RequestOptions,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => reject(toFailure(url.host, cause));
    const outgoing = request(
      url,
      {
        ...how,
        agent: false,
        method: options.method,
        // GitHub answers nobody who does not say who they are.
        headers: { 'user-agent': 'Holdfast', ...options.headers, 'accept-encoding': 'identity' },
      },
      (incoming) => readAnswer(incoming).then(resolve, fail),
    );
    outgoing.once('error', fail);
    outgoing.end(bodyOf(options.body));
  });
}

async function readAnswer(incoming: IncomingMessage): Promise<Response> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > longestBody) throw new OutboundFailure(`an answer is longer than ${longestBody} bytes`);
    chunks.push(chunk);
  }
  const { statusCode: status = 0 } = incoming;
  if (status < 200 || status > 599) throw new OutboundFailure(`an answer has the status ${status}`);
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const mayHaveBody = status !== 204 && status !== 205 && status !== 304;
  return new Response(mayHaveBody ? Buffer.concat(chunks) : null, { status, headers });
}

function bodyOf(body: CustomFetchOptions['body']): string | Uint8Array | undefined {
  if (body === null || body === undefined) return undefined;
  if (body instanceof URLSearchParams) return body.toString();
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  throw new TypeError('a body of this kind is not sent');
}

/** The system's lookup, which refuses a name any of whose addresses is not a public one. */
function lookupPublic(
  host: string,
  options: object,
  found: (
    fault: Error | null,
    addresses?: { address: string; family: number }[] | string,
    family?: number,
  ) => void,
): void {
  const { all: wantsAll = false } = options as { all?: boolean };
  lookup(host, { ...options, all: true }, (fault, addresses) => {
    if (fault) return found(fault);
    const [first] = addresses;
    if (!first || addresses.some(({ address }) => isSpecialAddress(address)))
      return found(privateAddress(host));
    if (wantsAll) found(null, addresses);
    else found(null, first.address, first.family);
  });
}

function privateAddress(host: string): OutboundFailure {
  return new OutboundFailure(`${host} has an address that is not public`);
}

function toFailure(host: string, cause: unknown): OutboundFailure {
  if (cause instanceof OutboundFailure) return cause;
  const { name, code } = cause as { name?: string; code?: string };
  const isLate = name === 'TimeoutError' || name === 'AbortError' || code === 'ABORT_ERR';
  return new OutboundFailure(
    `${host} ${isLate ? 'did not answer in time' : `cannot be asked (${code ?? name})`}`,
    {
      cause,
    },
  );
}
