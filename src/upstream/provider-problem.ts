import {
  AuthorizationResponseError,
  ClientError,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
} from 'openid-client';
import { OutboundFailure } from './outbound-fetch.ts';

/**
 * Why a sign-in at another provider came to nothing:
 *   refused          the person, or the provider in the person's name, said no
 *   provider-away    it cannot be reached or asks to come back later
 *   provider-error   it does not take us as a client: an operator must look
 *   start-again      the code was used or has run out
 *   bad-answer       what came back is not an answer to what was asked
 */
export type ProviderProblem = {
  problem: 'refused' | 'provider-away' | 'provider-error' | 'start-again' | 'bad-answer';
  /** For the log: a code, without anything that a request held. */
  reason: string;
  /** Nothing that a provider's answer leads to by design: likely a fault of ours. */
  isUnexpected?: true;
};

const refusals = new Set([
  'access_denied',
  'login_required',
  'consent_required',
  'interaction_required',
  'account_selection_required',
]);
const outages = new Set(['server_error', 'temporarily_unavailable', 'slow_down']);
/** The second is GitHub's word. */
const usedCodes = new Set(['invalid_grant', 'bad_verification_code']);

/** An answer that says something else than it must. The message is for the log, and repeats nothing of it. */
export class BadAnswer extends Error {}

export function problemOf(error: unknown): ProviderProblem {
  const outage = causes(error).find((cause) => cause instanceof OutboundFailure);
  if (outage) return { problem: 'provider-away', reason: outage.message };
  if (error instanceof AuthorizationResponseError) return ofCode(error.error);
  if (error instanceof ResponseBodyError) {
    return isOutageStatus(error.status) ? away(error.status) : ofCode(error.error);
  }
  if (error instanceof WWWAuthenticateChallengeError)
    return { problem: 'bad-answer', reason: 'token refused' };
  if (error instanceof BadAnswer) return { problem: 'bad-answer', reason: error.message };
  if (!(error instanceof ClientError)) {
    return { problem: 'bad-answer', reason: 'an unexpected error', isUnexpected: true };
  }

  const [status, code] = [statusIn(error), codeIn(error)];
  if (status !== undefined && isOutageStatus(status)) return away(status);
  if (error.code === 'OAUTH_TIMEOUT' || error.code === 'OAUTH_ABORT') {
    return { problem: 'provider-away', reason: 'did not answer in time' };
  }
  if (code !== undefined) return ofCode(code);
  return { problem: 'bad-answer', reason: `${error.code ?? 'unknown'}: ${error.message}` };
}

function ofCode(code: string): ProviderProblem {
  const reason = /^[\w.-]{1,64}$/.test(code) ? code : 'an unknown error';
  if (refusals.has(code)) return { problem: 'refused', reason };
  if (outages.has(code)) return { problem: 'provider-away', reason };
  if (usedCodes.has(code)) return { problem: 'start-again', reason };
  return { problem: 'provider-error', reason };
}

function isOutageStatus(status: number): boolean {
  return status >= 500 || status === 429;
}

function away(status: number): ProviderProblem {
  return { problem: 'provider-away', reason: `status ${status}` };
}

function statusIn(error: unknown): number | undefined {
  return causes(error).find((cause) => cause instanceof Response)?.status;
}

/** GitHub answers with its errors under the status 200. */
function codeIn(error: unknown): string | undefined {
  for (const cause of causes(error)) {
    const { body } = cause as { body?: { error?: unknown } };
    if (body && typeof body === 'object' && typeof body.error === 'string') return body.error;
  }
  return undefined;
}

/** The error and what caused it, from the outside in. */
function causes(error: unknown): object[] {
  const found: object[] = [];
  for (let at = error; typeof at === 'object' && at !== null && found.length < 6; at = (at as Error).cause) {
    found.push(at);
  }
  return found;
}
