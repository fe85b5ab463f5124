/** Owns the shape of what the relying party keeps between two requests, and how it stays small. */
import { createHash, randomBytes } from 'node:crypto';
import type { JWTPayload } from 'jose';
import type { Answer } from './patient-fetch.ts';

/** One request to another party, as the home page shows it. `at` is in milliseconds since 1970. */
export type Step = Omit<Answer, 'url'> & { during: string; name: string; at: number };

/** A login in flight: what the callback must be checked against. */
export type Login = {
  state: string;
  nonce: string;
  verifier: string;
  silent: boolean;
  steps: Step[];
};

/** The last call of the protected API. `status` is 0 when there was no answer; `token` describes the JWT. */
export type ApiCall = {
  at: number;
  status: number;
  answer: string;
  token: { typ: string; alg: string; audience: string; scope: string; expiresAt: number } | null;
};

/** A signed-in browser. Times are in milliseconds since 1970. */
export type Session = {
  /** Grows with every change, so that of two answers that cross, the newer one wins. */
  generation: number;
  /** What a form must carry to act for this session. */
  csrf: string;
  subject: string;
  signedInAt: number;
  /** The last ID token with a verified signature; undefined when it was too large to keep. */
  idToken?: string;
  /** Not the token: it is used where it is made, and only shown to see that it changed. */
  accessTokenFingerprint: string;
  accessTokenExpiresAt?: number;
  refreshToken?: string;
  scope?: string;
  userInfo?: Record<string, unknown>;
  steps: Step[];
  lastCall?: ApiCall;
};

/** Logins are forgotten after this time, whether they were finished or not. */
export const loginLifetimeSeconds = 15 * 60;

/** A session that is not touched for this long is over here. */
export const sessionLifetimeSeconds = 12 * 60 * 60;

const maxSteps = 12;

/** So much JSON, sealed, fits in the two cookies that a session may take. */
const maxSessionBytes = 5_200;

/** The session without what does not fit: first the story of its steps, then what can be fetched again. */
export function trimSession(session: Session): Session {
  const trimmed = { ...session, steps: session.steps.slice(-maxSteps) };
  while (size(trimmed) > maxSessionBytes && trimmed.steps.length > 0) trimmed.steps = trimmed.steps.slice(1);
  for (const name of ['lastCall', 'userInfo', 'idToken'] as const) {
    if (size(trimmed) > maxSessionBytes) delete trimmed[name];
  }
  return trimmed;
}

function size(record: object): number {
  return Buffer.byteLength(JSON.stringify(record));
}

/** A short public name of a secret value, to see that it changed. */
export function fingerprint(secret: string): string {
  return createHash('sha256').update(`fingerprint ${secret}`).digest('base64url').slice(0, 12);
}

/** 256 random bits. */
export function randomId(): string {
  return randomBytes(32).toString('base64url');
}

// What was opened is what was sealed: the seal is authenticated and names the version of these shapes.
export const asLogin = (payload: JWTPayload): Login => payload as unknown as Login;
export const asSession = (payload: JWTPayload): Session => payload as unknown as Session;
