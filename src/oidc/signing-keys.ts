import { createHash, randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWK } from 'jose';

/**
 * What keys are: those that sign tokens, one for each algorithm, and those that sign cookies. How they live is up to
 * key-lifecycle.ts.
 *
 * RS256 is what OpenID Connect Core 3.1.3.7 makes every relying party understand; ES256 and EdDSA cost a
 * seventh of it and are what new clients get.
 */
const algorithms = {
  RS256: { modulusLength: 2048 },
  ES256: {},
  EdDSA: { crv: 'Ed25519' },
} as const;

/** Names in the key ring, without the generation. */
export const keyKinds = {
  signing: ['signing:RS256', 'signing:ES256', 'signing:EdDSA'],
  cookie: ['cookie'],
} as const;

/** @returns what the ring keeps: a private JWK as JSON, or 256 random bits in base64url for cookies */
export async function makeKey(kind: string): Promise<string> {
  const alg = kind.split(':')[1];
  if (alg === undefined) return randomBytes(32).toString('base64url');
  const { privateKey } = await generateKeyPair(alg, {
    ...algorithms[alg as keyof typeof algorithms],
    extractable: true,
  });
  return JSON.stringify({ ...(await exportJWK(privateKey)), alg, use: 'sig' });
}

/** Reads what the ring keeps of a signing key. `kid` is its thumbprint (RFC 7638), as it always was. */
export function readSigningKey(text: string): JWK & { kid: string } {
  const jwk = JSON.parse(text) as JWK;
  const { crv, e, kty, n, x, y } = jwk;
  // The members in their order by name; those that a kind of key does not have are left out.
  const kid = createHash('sha256').update(JSON.stringify({ crv, e, kty, n, x, y })).digest('base64url');
  return { ...jwk, kid };
}

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth'];

export function publicPart(jwk: JWK): JWK {
  return Object.fromEntries(Object.entries(jwk).filter(([name]) => !privateMembers.includes(name))) as JWK;
}
