import { exportJWK, generateKeyPair, type JWK } from 'jose';
import type { KeyRing } from '../redis/key-ring.ts';

/**
 * The keys that sign tokens. Each is a secret of the key ring, made by the first pod that finds it missing,
 * so that three pods that start at once on an empty Redis sign with the same.
 *
 * RS256 is what OpenID Connect Core 3.1.3.7 makes every relying party understand; ES256 and EdDSA cost a
 * seventh of it and are what new clients get.
 */
const algorithms = {
  'signing:RS256:1': { alg: 'RS256', options: { modulusLength: 2048 } },
  'signing:ES256:1': { alg: 'ES256', options: {} },
  'signing:EdDSA:1': { alg: 'EdDSA', options: { crv: 'Ed25519' } },
} as const;

export type SigningKeyName = keyof typeof algorithms;

/** Makers of the signing keys, for `openKeyRing`. */
export const signingKeyMakers: Record<SigningKeyName, () => Promise<string>> = {
  'signing:RS256:1': () => makeKey('signing:RS256:1'),
  'signing:ES256:1': () => makeKey('signing:ES256:1'),
  'signing:EdDSA:1': () => makeKey('signing:EdDSA:1'),
};

async function makeKey(name: SigningKeyName): Promise<string> {
  const { alg, options } = algorithms[name];
  const { privateKey } = await generateKeyPair(alg, { ...options, extractable: true });
  return JSON.stringify({ ...(await exportJWK(privateKey)), alg, use: 'sig' });
}

/** The private key set of this provider; `kid` is the thumbprint that the engine computes. */
export function readSigningKeys(ring: KeyRing): { keys: JWK[] } {
  const names = Object.keys(algorithms) as SigningKeyName[];
  return { keys: names.map((name) => JSON.parse(ring.secret(name)) as JWK) };
}
