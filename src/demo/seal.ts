/**
 * Owns the sealing of what the relying party keeps between two requests: encrypted and authenticated, for one
 * purpose and one place, with an end. Does not own where the sealed text is kept.
 */
import { createHash, hkdfSync } from 'node:crypto';
import { EncryptJWT, errors, type JWTPayload, jwtDecrypt } from 'jose';

export type Purpose = 'login' | 'session';

export type Sealer = {
  /** Seals `content` for `lifetimeSeconds`. It opens again only with the same purpose and place. */
  seal(purpose: Purpose, place: string, content: JWTPayload, lifetimeSeconds: number): Promise<string>;
  /** The content, or undefined when it has ended, was changed, or was sealed by a key that is not known. */
  open(purpose: Purpose, place: string, sealed: string): Promise<JWTPayload | undefined>;
};

/** Part of every derived key, so that a change of the shape of the content makes old content unreadable. */
const version = 'harbour-notes.1';

const encryption = { alg: 'dir', enc: 'A256GCM' };

type Key = { id: string; bytes: Uint8Array };

/**
 * Makes a sealer from 32-byte base64url secrets: the first seals, all of them open. To rotate, put the new one
 * behind the old one everywhere, then move it to the front, then drop the old one when its lifetime is over.
 * Throws when there is no secret or one has the wrong length.
 */
export function createSealer(secrets: string[]): Sealer {
  if (secrets.length === 0) throw new Error('at least one cookie secret is needed');
  const keys = { login: deriveKeys('login', secrets), session: deriveKeys('session', secrets) };

  return {
    async seal(purpose, place, content, lifetimeSeconds) {
      const [key] = keys[purpose];
      if (key === undefined) throw new Error('there is no key that seals');
      return new EncryptJWT(content)
        .setProtectedHeader({ ...encryption, kid: key.id })
        .setAudience(place)
        .setExpirationTime(Math.floor(Date.now() / 1_000) + lifetimeSeconds)
        .encrypt(key.bytes);
    },

    async open(purpose, place, sealed) {
      try {
        const { payload } = await jwtDecrypt(sealed, ({ kid }) => keyOf(keys[purpose], kid), {
          audience: place,
          requiredClaims: ['exp'],
          keyManagementAlgorithms: [encryption.alg],
          contentEncryptionAlgorithms: [encryption.enc],
        });
        return payload;
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined;
        throw error;
      }
    },
  };
}

function keyOf(keys: Key[], id: string | undefined): Uint8Array {
  const key = keys.find((candidate) => candidate.id === id);
  if (key === undefined) throw new errors.JWEDecryptionFailed();
  return key.bytes;
}

function deriveKeys(purpose: Purpose, secrets: string[]): Key[] {
  return secrets.map((secret) => {
    const root = Buffer.from(secret, 'base64url');
    if (root.length !== 32) throw new Error('a cookie secret is 32 bytes in base64url');
    const bytes = new Uint8Array(hkdfSync('sha256', root, '', `${version}/${purpose}`, 32));
    // A short one-way hash: it names the key in the header of what it sealed, and says nothing about it.
    const id = createHash('sha256').update(`${version}/id/${purpose}`).update(bytes).digest('base64url');
    return { id: id.slice(0, 8), bytes };
  });
}
