import { STATUS_CODES } from 'node:http';
import type { Context } from 'koa';
import { Refusal, Unavailable } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Refused } from '../outcome.ts';

/**
 * What the API answers instead of what was asked for (RFC 9457). Each kind has a place on the reference page, which
 * its `type` leads to.
 */
export const problemKinds = {
  'invalid-request': {
    status: 400,
    title: 'The request is not as described',
    meaning:
      'Something in the address, the query, a header or the body is missing, of the wrong kind or unknown. `errors` names each place by a JSON pointer. Nothing was changed.',
  },
  'invalid-token': {
    status: 401,
    title: 'A valid access token is needed',
    meaning:
      'There is no access token, or it is not for this API, has run out, or what it stands on has ended: the sign-in, the session, the grant, the account or the client. Get another one.',
  },
  'insufficient-authentication': {
    status: 401,
    title: 'A stronger sign-in is needed',
    meaning:
      'The token is good, but whoever signed in for it proved less than is asked of administrators. Send the person through the authorization request again, with the `acr_values` of WWW-Authenticate (RFC 9470).',
  },
  'insufficient-scope': {
    status: 403,
    title: 'You may not do this',
    meaning:
      'The token is good, but lacks the permission that the operation needs. It has to be among the scopes of the token, the roles of its client and, for a person, the roles of the person.',
  },
  outranked: {
    status: 403,
    title: 'This may do more than you',
    meaning:
      'You have the permission, but whom or what you would change may do more than you, or you would hand out more than you have.',
  },
  ended: {
    status: 403,
    title: 'You may not do this any more',
    meaning:
      'While the request was worked on, its sign-in ended, or its sender lost a permission. What was not done by then was left undone.',
  },
  'not-found': {
    status: 404,
    title: 'There is no such thing',
    meaning: 'The address leads nowhere, or what it names does not exist any more.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'The address does not take this method',
    meaning: '`Allow` says which methods it takes.',
  },
  conflict: {
    status: 409,
    title: 'This does not go with what is there',
    meaning: 'A name, address or id is taken, or the state of the thing does not allow what was asked.',
  },
  'in-progress': {
    status: 409,
    title: 'The same request is being worked on',
    meaning:
      'A request with this Idempotency-Key has not been answered yet. Send it again after `Retry-After` seconds; the work is not done twice.',
  },
  changed: {
    status: 412,
    title: 'Somebody else has changed it',
    meaning: 'The version in If-Match is not the present one. Read it again and decide anew.',
  },
  'too-large': {
    status: 413,
    title: 'The request is too large',
    meaning: 'A body may have 64 kilobytes.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The body must be JSON',
    meaning: 'Bodies are sent uncompressed with `Content-Type: application/json`, in UTF-8.',
  },
  invalid: {
    status: 422,
    title: 'A value does not fit',
    meaning:
      'The request is well formed, but a value in it cannot be taken. `errors` names each by a JSON pointer. Nothing was changed.',
  },
  'key-reused': {
    status: 422,
    title: 'The Idempotency-Key was used for another request',
    meaning: 'A key stands for one request, with one body. Take a new key for a new request.',
  },
  'precondition-required': {
    status: 428,
    title: 'If-Match is needed',
    meaning:
      'A change says which version it is made to: send the `ETag` of the thing in If-Match, or `*` for whichever there is.',
  },
  'too-many-requests': {
    status: 429,
    title: 'Too many requests were refused',
    meaning: 'Too many requests from your address had no valid token. Wait for `Retry-After` seconds.',
  },
  busy: {
    status: 429,
    title: 'The same work is being done already',
    meaning: 'It is done once at a time. Ask again after `Retry-After` seconds.',
  },
  misdirected: {
    status: 421,
    title: 'This is another host',
    meaning: 'The request names a host that this provider does not answer for.',
  },
  server: {
    status: 500,
    title: 'Something went wrong here',
    meaning: 'Tell whoever runs this provider the `request_id`. Whether something was changed is not known.',
  },
  unavailable: {
    status: 503,
    title: 'The service cannot answer now',
    meaning:
      'Its database does not answer. Send the request again after `Retry-After` seconds; with an Idempotency-Key, a create is not done twice.',
  },
} as const satisfies Record<string, { status: number; title: string; meaning: string }>;

export type ApiProblemKind = keyof typeof problemKinds;

/** `pointer`: a JSON pointer into the body (RFC 6901), or `query/<name>`, `path/<name>`, `header/<name>`. */
export type ApiFault = { pointer: string; detail: string };

/** A request that is answered with a problem. */
export class ApiProblem extends Error {
  readonly kind: ApiProblemKind;
  readonly faults: ApiFault[];
  readonly headers: Record<string, string>;

  constructor(
    kind: ApiProblemKind,
    detail: string,
    options: { faults?: ApiFault[]; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(detail, { cause: options.cause });
    this.name = 'ApiProblem';
    this.kind = kind;
    this.faults = options.faults ?? [];
    this.headers = options.headers ?? {};
  }
}

/** @param isConditional whether the request said which version it acts on; else a change meanwhile is a conflict */
export function toProblem(refused: Refused, isConditional: boolean): ApiProblem {
  const kind = refused.problem === 'changed' && !isConditional ? 'conflict' : refused.problem;
  const faults = refused.faults?.map(({ path, message }) => ({ pointer: toPointer(path), detail: message }));
  return new ApiProblem(kind, refused.message, faults ? { faults } : {});
}

function toPointer(path: string): string {
  return path.startsWith('/') ? path : `/${path.replaceAll('.', '/')}`;
}

/** Writes anything that was thrown as a problem. @param options.issuer the base of the `type` addresses */
export function problemReply(options: { issuer: string; log: Log }): (ctx: Context, error: unknown) => void {
  const { issuer, log } = options;
  return (ctx, error) => {
    const requestId = String(ctx.state.requestId);
    const problem = fromError(error);
    const { status, title } = problemKinds[problem.kind];
    if (status === 500) log.error({ err: problem.cause ?? error, requestId }, 'a request failed');
    for (const name of [
      'content-disposition',
      'content-encoding',
      'content-length',
      'etag',
      'link',
      'location',
    ]) {
      ctx.res.removeHeader(name);
    }
    ctx.set({ 'cache-control': 'no-store', ...problem.headers });
    ctx.status = status;
    ctx.body = JSON.stringify({
      type: `${issuer}/admin/api/v1/reference#problem-${problem.kind}`,
      title,
      status,
      detail: problem.message,
      ...(problem.faults.length > 0 ? { errors: problem.faults } : {}),
      request_id: requestId,
    });
    ctx.type = 'application/problem+json';
  };
}

const byStatus = new Map<number, ApiProblemKind>([
  [400, 'invalid-request'],
  [404, 'not-found'],
  [405, 'method-not-allowed'],
  [413, 'too-large'],
  [415, 'unsupported-media-type'],
  [421, 'misdirected'],
]);

function fromError(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (error instanceof Unavailable) {
    return new ApiProblem(
      'unavailable',
      'The service cannot answer now. Send the request again in a moment.',
      {
        headers: { 'retry-after': String(error.retryAfterSeconds) },
        cause: error,
      },
    );
  }
  // From what is the same for all requests of a pod (http/).
  const kind = error instanceof Refusal ? byStatus.get(error.status) : undefined;
  if (error instanceof Refusal && kind)
    return new ApiProblem(kind, error.description ?? problemKinds[kind].title);
  return new ApiProblem(
    'server',
    `${STATUS_CODES[500]}. If it stays, tell who runs this provider the request id.`,
    {
      cause: error,
    },
  );
}
