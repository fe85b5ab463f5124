import { setTimeout as pause } from 'node:timers/promises';
import * as oidc from 'openid-client';
import type { RelyingParty } from './browsing.ts';
import { isNoAnswer } from './sending.ts';

/** A request that gets no answer is tried anew for this long; then its outcome counts as unknown. */
const patienceMs = 25_000;
/** How long the answer to a code is kept, less a little for the way. */
const codePatienceMs = 9_000;

export type Tokens = oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers;
/** `late`: refused when the answer may rightly be gone. */
export type Granted = Tokens | Refused | 'late' | 'unknown';
export type Refused = { refused: string };

export function tokensOf(granted: Granted): Tokens | undefined {
  return typeof granted === 'object' && !isRefused(granted) ? granted : undefined;
}

export function isRefused(granted: Granted): granted is Refused {
  return typeof granted === 'object' && 'refused' in granted;
}

export function refreshGrant(party: RelyingParty, token: string): Promise<Granted> {
  return persist(patienceMs, () => oidc.refreshTokenGrant(party.configuration, token));
}

export function codeGrant(
  party: RelyingParty,
  parameters: { [name: string]: string },
  verifier: string,
): Promise<Granted> {
  const url = new URL(party.redirectUri);
  url.search = new URLSearchParams(parameters).toString();
  return persist(codePatienceMs, () =>
    oidc.authorizationCodeGrant(party.configuration, url, {
      pkceCodeVerifier: verifier,
      expectedState: 's',
      idTokenExpected: true,
    }),
  );
}

/** Whether the access token gets its owner's data. @throws for any answer but that and a refusal */
export async function opensUserInfo(party: RelyingParty, token: string, accountId: string): Promise<boolean> {
  try {
    await oidc.fetchUserInfo(party.configuration, token, accountId);
    return true;
  } catch (error) {
    if (error instanceof oidc.WWWAuthenticateChallengeError && error.status === 401) return false;
    throw error;
  }
}

async function persist(patience: number, request: () => Promise<Tokens>): Promise<Granted> {
  const started = performance.now();
  const isLate = () => performance.now() - started > patience;
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (isNoAnswer(error)) {
        if (performance.now() - started > patienceMs) return 'unknown';
        await pause(300);
      } else if (error instanceof oidc.ResponseBodyError && error.error === 'invalid_grant') {
        if (isLate()) return 'late';
        const afterMs = Math.round(performance.now() - started);
        return { refused: `${error.error_description} (after ${afterMs} ms)` };
      } else throw error;
    }
  }
}
