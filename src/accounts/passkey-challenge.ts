import { randomText } from '../random.ts';
import type { KeyRing } from '../redis/key-ring.ts';

/**
 * Challenges for passkeys: random, good for ten minutes, one use and one context, and sealed into a value that
 * the page keeps, so that asking writes nothing. That one is used once, its `once` sees to, as a mark beside the
 * account that uses it. An account can so use a challenge once, and another, which could only with a passkey of
 * its own, once too.
 */
export type PasskeyChallenge = {
  /** 32 bytes, base64url */
  challenge: string;
  use: 'register' | 'sign-in' | 'verify';
  /** undefined for a sign-in, where the passkey tells who it is. */
  accountId: string | undefined;
  /** ms since the epoch */
  expiresAt: number;
};

export const challengeLifetimeMs = 10 * 60_000;
const challengeBytes = 32;
const purpose = 'passkey-challenge';

export function createPasskeyChallenges(ring: KeyRing, now: () => number) {
  return {
    mint(use: PasskeyChallenge['use'], context: string, accountId?: string) {
      const challenge = randomText(challengeBytes);
      const content: PasskeyChallenge = {
        challenge,
        use,
        accountId,
        expiresAt: now() + challengeLifetimeMs,
      };
      return {
        challenge: new Uint8Array(Buffer.from(challenge, 'base64url')),
        sealed: ring.seal(purpose, context, JSON.stringify(content)),
      };
    },

    /** undefined when it has expired or is of another context. */
    open(context: string, sealed: string): PasskeyChallenge | undefined {
      try {
        const content = JSON.parse(ring.open(purpose, context, sealed)) as PasskeyChallenge;
        return content.expiresAt > now() ? content : undefined;
      } catch {
        // It came by way of a browser, and may be anything.
        return undefined;
      }
    },

    /** The mark that it was used; stays longer than any pod takes it for valid, whatever its clock. */
    once: ({ challenge }: PasskeyChallenge) => ({
      hash: ring.hash(purpose, challenge),
      lifetimeMs: 2 * challengeLifetimeMs,
    }),
  };
}
