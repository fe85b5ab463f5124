/** Owns the check of a JWT access token (RFC 9068, section 4), by the issuer's published keys. No HTTP server. */
import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { findOutage, Outage } from './outage.ts';
import { patientFetch } from './patient-fetch.ts';

export type BearerProblem =
  | 'no token'
  | 'malformed request'
  | 'invalid token'
  | 'insufficient scope'
  | 'keys unreachable';

/** `expiresAt` is an ISO 8601 time. */
export type Checked =
  | { ok: true; subject: string; clientId: string; scope: string; expiresAt: string }
  | { ok: false; problem: BearerProblem };

export type TokenCheck = (authorization: string, requiredScope: string) => Promise<Checked>;

/** Only signatures by a private key: a key that is published must never be taken for a shared secret. */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'Ed25519',
  'EdDSA',
];

/** Strangers can send tokens with unknown key ids; the keys are looked up for them at most this often. */
const cooldownMs = 2_000;
const freshMs = 5 * 60_000;

/** Makes a check that finds the issuer's keys when it first needs them and keeps them for some minutes. */
export function createTokenCheck(issuer: string, audience: string): TokenCheck {
  let keySet: JWTVerifyGetKey | undefined;
  const keys: JWTVerifyGetKey = async (header, token) => {
    keySet ??= await discoverKeys(issuer);
    return keySet(header, token);
  };

  return async (authorization, requiredScope) => {
    const [scheme = '', token = '', ...rest] = authorization.trim().split(/ +/);
    if (scheme.toLowerCase() !== 'bearer') return refuse('no token');
    if (token === '' || rest.length > 0) return refuse('malformed request');

    try {
      const { payload } = await jwtVerify(token, keys, {
        algorithms,
        audience,
        issuer,
        typ: 'at+jwt',
        clockTolerance: 5,
        requiredClaims: ['client_id', 'exp', 'iat', 'jti', 'sub'],
      });
      return accept(payload, requiredScope);
    } catch (error) {
      if (findOutage(error)) return refuse('keys unreachable');
      if (error instanceof errors.JOSEError) return refuse('invalid token');
      throw error;
    }
  };
}

function accept({ sub = '', client_id, scope, exp = 0 }: JWTPayload, requiredScope: string): Checked {
  if (typeof client_id !== 'string') return refuse('invalid token');
  if (typeof scope !== 'string' || !scope.split(' ').includes(requiredScope))
    return refuse('insufficient scope');
  return {
    ok: true,
    subject: sub,
    clientId: client_id,
    scope,
    expiresAt: new Date(exp * 1_000).toISOString(),
  };
}

function refuse(problem: BearerProblem): Checked {
  return { ok: false, problem };
}

async function discoverKeys(issuer: string): Promise<JWTVerifyGetKey> {
  const fetch = patientFetch('provider', () => {});
  const response = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
    method: 'GET',
    headers: { accept: 'application/json' },
  });
  const metadata = await readJson(response);
  // OpenID Connect Discovery 4.3: a document that speaks for someone else is of no use.
  if (metadata.issuer !== issuer || typeof metadata.jwks_uri !== 'string') throw new Outage('provider');

  return createRemoteJWKSet(new URL(metadata.jwks_uri), {
    cacheMaxAge: freshMs,
    cooldownDuration: cooldownMs,
    timeoutDuration: 60_000,
    [customFetch]: async (url, options) => {
      const keys = await fetch(url, options);
      if (keys.status !== 200) throw new Outage('provider');
      if (!Array.isArray((await readJson(keys.clone())).keys)) throw new Outage('provider');
      return keys;
    },
  });
}

/** A JSON object, or an outage: whatever else stands in the provider's place is not the provider. */
async function readJson(response: Response): Promise<Record<string, unknown>> {
  const body: unknown = response.status === 200 ? await response.json().catch(() => undefined) : undefined;
  if (typeof body !== 'object' || body === null) throw new Outage('provider');
  return { ...body };
}
