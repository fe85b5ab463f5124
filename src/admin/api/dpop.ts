import { createHash } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, errors, type JWK, jwtVerify } from 'jose';
import { nowSeconds } from '../../clock.ts';

/** Proof that who sends an access token has the key that it is bound to (RFC 9449 4.3, 7.1). */

/** How far a proof may be dated from now, in seconds. */
const furthest = 60;

export const proofAlgorithms = ['ES256', 'EdDSA', 'Ed25519', 'RS256', 'PS256'];

export type ProofRequest = { method: string; url: string; accessToken: string; thumbprint: string };

/** @param jti of a proof by the key with this thumbprint; @returns false when it was seen before */
export type ProofSeen = (thumbprint: string, jti: string, expiresAt: number) => Promise<boolean>;

/** @returns what is wrong, for the sender; undefined when it is right */
export async function checkProof(
  proof: string,
  request: ProofRequest,
  isFirstUse: ProofSeen,
): Promise<string | undefined> {
  let verified: Awaited<ReturnType<typeof jwtVerify>>;
  try {
    verified = await jwtVerify(proof, EmbeddedJWK, { typ: 'dpop+jwt', algorithms: proofAlgorithms });
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError) return 'the proof is not valid';
    throw error;
  }
  const { payload, protectedHeader } = verified;
  if (isPrivate(protectedHeader.jwk as JWK)) return 'the proof carries a private key';
  if ((await calculateJwkThumbprint(protectedHeader.jwk as JWK)) !== request.thumbprint) {
    return 'the proof is by another key than the token is bound to';
  }
  if (payload.htm !== request.method) return 'htm is another method';
  if (!isSameAddress(payload.htu, request.url)) return 'htu is another address';
  if (payload.ath !== createHash('sha256').update(request.accessToken).digest('base64url')) {
    return 'ath is of another token';
  }
  const { iat, jti } = payload;
  if (typeof iat !== 'number' || Math.abs(nowSeconds() - iat) > furthest) return 'iat is too far from now';
  if (typeof jti !== 'string' || jti === '' || jti.length > 256) return 'jti is missing';
  if (!(await isFirstUse(request.thumbprint, jti, iat + furthest))) return 'the proof was used before';
  return undefined;
}

function isPrivate(jwk: JWK): boolean {
  return ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'].some((name) => name in jwk);
}

/** Without query and fragment, in one spelling (RFC 9449 4.3, 9). */
function isSameAddress(htu: unknown, url: string): boolean {
  const given = typeof htu === 'string' ? URL.parse(htu) : null;
  const own = URL.parse(url);
  return given !== null && own !== null && given.origin === own.origin && given.pathname === own.pathname;
}
