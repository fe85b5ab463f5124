/**
 * The engine makes errors, with their stacks, that it never throws; a long stack is a tenth of what userinfo costs.
 * The first frames tell where an error came from.
 */
export function keepStacksShort(): void {
  Error.stackTraceLimit = 4;
}

/**
 * The store cannot answer now: nothing was decided, and the same request may be sent again.
 * Becomes a 503 with Retry-After at the edge.
 */
export class Unavailable extends Error {
  readonly retryAfterSeconds: number;

  constructor(message: string, options: { cause?: unknown; retryAfterSeconds?: number } = {}) {
    super(message, { cause: options.cause });
    this.name = 'Unavailable';
    this.retryAfterSeconds = options.retryAfterSeconds ?? 2;
  }
}

/** Too much of one kind of work is waiting already; the rest of the service goes on. */
export class Overloaded extends Unavailable {}

/** Turns "too much is waiting" into an outcome, where a person can be told so and keep their form. */
export async function unlessBusy<T>(work: Promise<T>): Promise<T | { ok: false; problem: 'busy' }> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Overloaded) return { ok: false, problem: 'busy' };
    throw error;
  }
}

/** The kinds of trouble that a person can be told about; each has its own words on the error page. */
export type ProblemKind =
  | 'expired'
  | 'bad-request'
  | 'not-found'
  | 'forbidden'
  | 'too-many-requests'
  | 'unavailable'
  | 'server'
  /** The application that asks was disabled by an administrator. */
  | 'client-disabled'
  | 'cookies';

/**
 * A request that is refused. `description` is public; the cause is for the log alone.
 */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly kind: ProblemKind;
  readonly description: string | undefined;

  constructor(
    status: number,
    kind: ProblemKind,
    options: { code?: string; description?: string; cause?: unknown } = {},
  ) {
    super(options.description ?? kind, { cause: options.cause });
    this.name = 'Refusal';
    this.status = status;
    this.kind = kind;
    this.code = options.code ?? 'invalid_request';
    this.description = options.description;
  }
}
