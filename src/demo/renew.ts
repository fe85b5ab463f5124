/**
 * Owns the use of the refresh token: fresh tokens for the session, and calls of the protected API with them. No
 * HTTP, no store. Whatever else fails, the session that comes back holds the newest refresh token, because the
 * provider treats an old one as stolen.
 *
 * Every refresh asks for the same thing, a token for the API. When two tabs, or two instances, use one refresh
 * token at the same moment, they send the same request, and the provider gives both the same answer; two
 * requests that differ would look like theft. User information is therefore read once, at sign-in.
 */
import { decodeJwt, decodeProtectedHeader } from 'jose';
import * as oidc from 'openid-client';
import { type Failure, fail, failureOf } from './failure.ts';
import { findOutage } from './outage.ts';
import { patientFetch } from './patient-fetch.ts';
import { type Connection, createStepLog, type ProviderLink, type StepLog } from './provider-link.ts';
import { type ApiCall, fingerprint, type Session } from './records.ts';
import { expiryOf } from './sign-in.ts';

type Renewed = { ok: true; session: Session };

/** New tokens. */
export async function refreshSession(
  link: ProviderLink,
  session: Session,
  audience: string,
): Promise<Renewed | Failure> {
  const log = createStepLog('Refresh');
  try {
    const connection = await link.connect(log);
    const exchanged = await exchange(connection, session, audience);
    return exchanged.ok ? { ok: true, session: withSteps(log, exchanged.session) } : exchanged;
  } catch (error) {
    return failureOf(error);
  }
}

/** One call of the API, with a token made for it now. */
export async function callApi(
  link: ProviderLink,
  session: Session,
  api: { url: string; audience: string },
): Promise<Renewed | Failure> {
  const log = createStepLog('API call');
  try {
    const connection = await link.connect(log);
    const exchanged = await exchange(connection, session, api.audience);
    if (!exchanged.ok) return exchanged;
    const lastCall = await whoAmI(api.url, exchanged.tokens.access_token, log);
    return { ok: true, session: withSteps(log, { ...exchanged.session, lastCall }) };
  } catch (error) {
    return failureOf(error);
  }
}

type Exchanged = { ok: true; session: Session; tokens: oidc.TokenEndpointResponse };

async function exchange(
  connection: Connection,
  session: Session,
  audience: string,
): Promise<Exchanged | Failure> {
  if (session.refreshToken === undefined) return fail('misconfigured', 'no_refresh_token');
  const tokens = await oidc.refreshTokenGrant(connection.configuration, session.refreshToken, {
    resource: audience,
  });

  // OpenID Connect Core 12.2: a refreshed ID token is about the same person.
  if (tokens.id_token !== undefined && tokens.claims()?.sub !== session.subject) {
    return fail('untrusted', 'other_subject');
  }
  const signature =
    tokens.id_token === undefined ? undefined : await connection.checkSignature(tokens.id_token);
  if (signature === 'bad') return fail('untrusted', 'id_token_signature');

  return {
    ok: true,
    tokens,
    session: {
      ...session,
      generation: session.generation + 1,
      accessTokenFingerprint: fingerprint(tokens.access_token),
      accessTokenExpiresAt: expiryOf(tokens),
      scope: tokens.scope ?? session.scope,
      // Without the keys the new ID token stays unproven; the one before it is still good enough to keep.
      idToken: signature === 'good' ? tokens.id_token : session.idToken,
      refreshToken: tokens.refresh_token ?? session.refreshToken,
    },
  };
}

const longestAnswer = 600;

async function whoAmI(apiUrl: string, accessToken: string, log: StepLog): Promise<ApiCall> {
  const fetch = patientFetch('api', (answer) => log.note('Protected API', answer));
  const call = { at: Date.now(), token: describeToken(accessToken) };
  try {
    const response = await fetch(`${apiUrl}/whoami`, {
      method: 'GET',
      headers: { accept: 'application/json', authorization: `Bearer ${accessToken}` },
    });
    const answer = (await response.text()).slice(0, longestAnswer);
    return { ...call, status: response.status, answer };
  } catch (error) {
    if (!findOutage(error)) throw error;
    return { ...call, status: 0, answer: 'The API did not answer, or could not check the token just now.' };
  }
}

/** What a JWT access token says of itself; null when it is not a JWT. Only to show it: the API is who checks it. */
function describeToken(accessToken: string): ApiCall['token'] {
  if (accessToken.split('.').length !== 3) return null;
  try {
    const { typ = '', alg = '' } = decodeProtectedHeader(accessToken);
    const { aud, scope, exp = 0 } = decodeJwt(accessToken);
    return {
      typ,
      alg,
      audience: typeof aud === 'string' ? aud : (aud?.join(' ') ?? ''),
      scope: typeof scope === 'string' ? scope : '',
      expiresAt: exp * 1_000,
    };
  } catch {
    return null;
  }
}

function withSteps(log: StepLog, session: Session): Session {
  return { ...session, steps: [...session.steps, ...log.steps] };
}
