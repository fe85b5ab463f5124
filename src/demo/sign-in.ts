/** Owns signing in: the authorization code flow with PKCE, from the first redirect to a session. No HTTP, no store. */
import * as oidc from 'openid-client';
import { type Failure, fail, failureOf } from './failure.ts';
import { type Connection, createStepLog, type ProviderLink } from './provider-link.ts';
import { fingerprint, type Login, randomId, type Session } from './records.ts';

export type SignInOptions = { redirectUri: string; apiAudience: string };

const scope = 'openid profile email offline_access api:read';

/** Prepares a login: where to send the browser, and what to remember of it. */
export async function beginSignIn(
  link: ProviderLink,
  { redirectUri, apiAudience }: SignInOptions,
  silent: boolean,
): Promise<{ ok: true; url: URL; login: Login } | Failure> {
  const log = createStepLog(silent ? 'Silent check' : 'Sign-in');
  try {
    const { configuration } = await link.connect(log);
    const state = oidc.randomState();
    const nonce = oidc.randomNonce();
    const verifier = oidc.randomPKCECodeVerifier();
    const url = oidc.buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope,
      resource: apiAudience,
      state,
      nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(silent ? { prompt: 'none' } : {}),
    });
    return { ok: true, url, login: { state, nonce, verifier, silent, steps: log.steps } };
  } catch (error) {
    return failureOf(error);
  }
}

/** Turns the provider's answer on the callback into a session. `query` is the callback's query string. */
export async function finishSignIn(
  link: ProviderLink,
  { redirectUri }: SignInOptions,
  login: Login,
  query: string,
): Promise<{ ok: true; session: Omit<Session, 'generation'> } | Failure> {
  const log = createStepLog(login.silent ? 'Silent check' : 'Sign-in');
  try {
    const connection = await link.connect(log);
    const tokens = await oidc.authorizationCodeGrant(connection.configuration, new URL(query, redirectUri), {
      expectedState: login.state,
      expectedNonce: login.nonce,
      pkceCodeVerifier: login.verifier,
      idTokenExpected: true,
    });
    const claims = tokens.claims();
    if (claims === undefined || tokens.id_token === undefined) return fail('untrusted', 'no_id_token');
    const signature = await connection.checkSignature(tokens.id_token);
    if (signature === 'keys unreachable') return fail('unreachable');
    if (signature === 'bad') return fail('untrusted', 'id_token_signature');

    const now = Date.now();
    const session = {
      csrf: randomId(),
      subject: claims.sub,
      signedInAt: now,
      idToken: tokens.id_token,
      accessTokenFingerprint: fingerprint(tokens.access_token),
      accessTokenExpiresAt: expiryOf(tokens),
      refreshToken: tokens.refresh_token,
      scope: tokens.scope,
      userInfo: await readUserInfo(connection, tokens.access_token, claims.sub),
      steps: [],
    };
    return { ok: true, session: { ...session, steps: [...login.steps, ...log.steps] } };
  } catch (error) {
    return failureOf(error);
  }
}

/** When the access token ends, in milliseconds since 1970, if the provider said so. */
export function expiryOf(tokens: oidc.TokenEndpointResponse): number | undefined {
  return tokens.expires_in === undefined ? undefined : Date.now() + tokens.expires_in * 1_000;
}

/** What the provider says about the person now, or undefined: the ID token is enough to go on. */
export async function readUserInfo(
  { configuration }: Connection,
  accessToken: string,
  subject: string,
): Promise<Record<string, unknown> | undefined> {
  try {
    return await oidc.fetchUserInfo(configuration, accessToken, subject);
  } catch (error) {
    failureOf(error);
    return undefined;
  }
}
