import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * What the parts of a pod tell of what they do, at the moment when they do it. app.ts decides who listens (metrics,
 * traces, nobody); nothing that is told names a person, a client or a secret. All of it is on hot paths: a listener
 * must return at once and never throw.
 */
export type Observer = {
  /**
   * A command or script of Redis has ended.
   * @param kind from a fixed list: the name of a script, or of a command in lower case
   * @param startedAt as of performance.now()
   */
  redis(kind: string, startedAt: number, isFailed: boolean): void;
  /** A durable write was not held by as many replicas or disks as it has to be. */
  waitShort(): void;
  /** A password hash was made or checked; without the time that it waited for its turn. */
  hash(startedAt: number, isFailed: boolean): void;
  /** A commit was refused by Redis. */
  conflict(rank: string, reason: string): void;
  /** Something that counts once was shown again, and refused. */
  replay(kind: ReplayKind): void;
  /** A request that was sent again got the answer of the first. */
  answeredAgain(): void;
  /** @param reason a class of reasons, which tells of nobody whether they have an account */
  signIn(outcome: 'succeeded' | 'failed', reason: SignInReason): void;
};

export type ReplayKind =
  | 'code'
  | 'refresh'
  | 'device-code'
  | 'pushed-request'
  | 'interaction'
  | 'proof'
  | 'factor-code'
  | 'other';

export type SignInReason =
  | 'none'
  | 'credentials'
  | 'factor'
  | 'provider'
  | 'disabled'
  | 'limits'
  | 'busy'
  | 'other';

const nothing = () => {};

/** Where nobody listens. */
export const unobserved: Observer = {
  redis: nothing,
  waitShort: nothing,
  hash: nothing,
  conflict: nothing,
  replay: nothing,
  answeredAgain: nothing,
  signIn: nothing,
};

/** One request while it is answered, for whoever watches it. */
export type RequestScope = {
  /** From the fixed list of http/route-name.ts. */
  route: string;
  /** How often it waited for Redis, one time after the other: what is asked for meanwhile costs no further one. */
  redisWaits: number;
  /** Commands that it waits for now. */
  redisOpen: number;
  /** Of the trace that it belongs to, in hexadecimal. */
  traceId: string | undefined;
  /** What tracing.ts keeps of it. */
  span: unknown;
};

const current = new AsyncLocalStorage<RequestScope>();

export function inRequest<T>(scope: RequestScope, work: () => T): T {
  return current.run(scope, work);
}

/** The request at hand; undefined outside of one, and where nobody watches. */
export function requestScope(): RequestScope | undefined {
  return current.getStore();
}
