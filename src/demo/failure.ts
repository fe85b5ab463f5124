/** Owns what can go wrong between the relying party and the provider, as values that a page can explain. */
import * as oidc from 'openid-client';
import { findOutage } from './outage.ts';

export type Problem =
  /** No answer, after every repetition. */
  | 'unreachable'
  /** The person said no. */
  | 'denied'
  /** A silent check found that the person would have to do something. */
  | 'needs interaction'
  /** The provider itself could not finish. */
  | 'provider trouble'
  /** A code or token that is used up, expired or revoked. */
  | 'ended'
  /** The provider does not accept this client or its request. */
  | 'misconfigured'
  /** The answer does not fit the request, or its signature is wrong. */
  | 'untrusted';

/** `code` is the provider's own error name, for people who look after the service. */
export type Failure = { ok: false; problem: Problem; code?: string };

const problemByCode = new Map<string, Problem>([
  ['access_denied', 'denied'],
  ['login_required', 'needs interaction'],
  ['interaction_required', 'needs interaction'],
  ['consent_required', 'needs interaction'],
  ['account_selection_required', 'needs interaction'],
  ['server_error', 'provider trouble'],
  ['temporarily_unavailable', 'provider trouble'],
  ['invalid_grant', 'ended'],
  ['invalid_token', 'ended'],
]);

export function fail(problem: Problem, code?: string): Failure {
  return code === undefined ? { ok: false, problem } : { ok: false, problem, code };
}

/** The failure behind an error of the protocol library. Throws the error again when it is none: then it is a bug. */
export function failureOf(error: unknown): Failure {
  if (findOutage(error)) return fail('unreachable');
  if (error instanceof oidc.AuthorizationResponseError || error instanceof oidc.ResponseBodyError) {
    const code = /^\w{1,60}$/.test(error.error) ? error.error : undefined;
    return fail(problemByCode.get(code ?? '') ?? 'misconfigured', code);
  }
  if (error instanceof oidc.WWWAuthenticateChallengeError) {
    const code = error.cause.find(({ scheme }) => scheme === 'bearer')?.parameters.error;
    return code === undefined
      ? fail('misconfigured', 'invalid_client')
      : fail(problemByCode.get(code) ?? 'misconfigured', code);
  }
  // Without a code it is something that the library did not expect either.
  if (error instanceof oidc.ClientError && error.code !== undefined) return fail('untrusted', error.code);
  throw error;
}
