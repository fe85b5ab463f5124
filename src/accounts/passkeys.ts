/**
 * Passkeys (WebAuthn Level 3): as the first factor, which needs nothing else since the authenticator knows its
 * owner (user verification is always required), and as the second.
 *
 * It owns the challenges and what is checked in an answer. A challenge is sealed into a value that the page
 * keeps, bound to the caller's context and, but for a first factor, to an account; an answer spends it, in the
 * script that writes the passkey's counter. A credential is looked for only among those of the account that its
 * user handle names, so a credential id that somebody else registers leads nowhere.
 */
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import type { Log } from '../log.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import {
  type Factor,
  type FactorStore,
  ofKind,
  passkeyPrefix,
  toFactor,
  type WriteOutcome,
} from './factor-store.ts';
import { readAssertion, readRegistration } from './passkey-answer.ts';
import { challengeLifetimeMs, createPasskeyChallenges } from './passkey-challenge.ts';
import { describePasskey, newPasskey, usePasskey } from './passkey-record.ts';

/** For the browser: `options` as JSON for `startRegistration` or `startAuthentication`, `sealed` to come back. */
export type PasskeyQuestion<Options> = { options: Options; sealed: string };

export type PasskeyRegistration =
  | { ok: true; factor: Factor; epoch: number | undefined }
  | {
      ok: false;
      /** `expired`: ten minutes passed, the challenge was used, or it belongs to another context or account. */
      problem: 'expired' | 'not-verified' | 'already-registered' | 'too-many-factors' | 'account-gone';
    };

export type PasskeyCheck =
  | { ok: true; accountId: string; factorId: string }
  | {
      ok: false;
      /**
       * `unknown-passkey`: it was removed, or never was one of this account. `counter-went-back`: there may be a
       * copy of the authenticator; tell the owner.
       */
      problem: 'expired' | 'not-verified' | 'unknown-passkey' | 'counter-went-back';
    };

export type Passkeys = {
  /** @param names the e-mail address, and how the person is called */
  beginRegistration(
    accountId: string,
    context: string,
    names: { userName: string; displayName: string },
  ): Promise<PasskeyQuestion<PublicKeyCredentialCreationOptionsJSON>>;
  /**
   * Asked again with the same answer it says the same. That the person holds the key is not proven by it (there
   * is no attestation): a sign-in asks for the passkey once more.
   * @param response what the browser sent, whatever it is
   */
  finishRegistration(
    accountId: string,
    context: string,
    answer: { sealed: string; response: unknown; name?: string; endsSessions?: boolean },
  ): Promise<PasskeyRegistration>;
  /** As the first factor: the browser offers the passkeys that it has, also while the name is typed. */
  beginSignIn(context: string): Promise<PasskeyQuestion<PublicKeyCredentialRequestOptionsJSON>>;
  /** As a further factor of this account; undefined when it has no passkey. */
  beginVerification(
    accountId: string,
    context: string,
  ): Promise<PasskeyQuestion<PublicKeyCredentialRequestOptionsJSON> | undefined>;
  /** The answer to either. @param response what the browser sent, whatever it is */
  verify(context: string, answer: { sealed: string; response: unknown }): Promise<PasskeyCheck>;
};

/** COSE: ES256, EdDSA, RS256. */
const algorithms = [-7, -8, -257];

export function createPasskeys(parts: {
  factors: FactorStore;
  ring: KeyRing;
  log: Log;
  issuer: string;
  now: () => number;
}): Passkeys {
  const { factors, ring, log, issuer, now } = parts;
  const challenges = createPasskeyChallenges(ring, now);
  const { host: rpName, hostname: rpID } = new URL(issuer);
  const expected = { expectedOrigin: issuer, expectedRPID: rpID, requireUserVerification: true };

  const asking = { rpID, timeout: challengeLifetimeMs, userVerification: 'required' } as const;

  const idOf = (credentialId: string) => `${passkeyPrefix}${ring.hash('passkey', credentialId)}`;

  /** The library's verdict; it tells what is wrong with an answer by throwing. */
  async function judge<T>(verdict: () => Promise<T>, about: Record<string, unknown>): Promise<T | undefined> {
    try {
      return await verdict();
    } catch (error) {
      log.info({ ...about, error }, 'passkey answer refused');
      return undefined;
    }
  }

  return {
    async beginRegistration(accountId, context, { userName, displayName }) {
      const { challenge, sealed } = challenges.mint('register', context, accountId);
      const options = await generateRegistrationOptions({
        rpName,
        rpID,
        userName,
        userDisplayName: displayName,
        userID: new Uint8Array(Buffer.from(accountId)),
        challenge,
        timeout: challengeLifetimeMs,
        attestationType: 'none',
        excludeCredentials: ofKind(await factors.read(accountId), 'passkey').map(describePasskey),
        // Required, so that every passkey is a way in of its own.
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
        supportedAlgorithmIDs: algorithms,
      });
      return { options, sealed };
    },

    async finishRegistration(accountId, context, { sealed, response, name = '', endsSessions = false }) {
      const asked = challenges.open(context, sealed);
      if (asked?.use !== 'register' || asked.accountId !== accountId) {
        return { ok: false, problem: 'expired' };
      }
      const answer = readRegistration(response);
      if (!answer) return { ok: false, problem: 'not-verified' };
      const verdict = await judge(
        () =>
          verifyRegistrationResponse({
            ...expected,
            response: answer,
            // Not as text, which the library would put into its error.
            expectedChallenge: (given) => given === asked.challenge,
            supportedAlgorithmIDs: algorithms,
          }),
        { account: accountId },
      );
      if (!verdict?.verified) return { ok: false, problem: 'not-verified' };

      const { transports } = answer.response;
      const record = newPasskey(verdict.registrationInfo, { name, transports, at: now() });
      const id = idOf(record.credentialId);
      const outcome = await factors.change<PasskeyRegistration>(accountId, (entries) => {
        const existing = ofKind(entries, 'passkey').find((entry) => entry.id === id);
        if (existing) {
          const isSame = existing.record.publicKey === record.publicKey;
          if (!isSame) return { answer: { ok: false, problem: 'already-registered' } };
          return { answer: { ok: true, factor: toFactor(existing), epoch: undefined } };
        }
        return {
          write: { id, from: undefined, to: record, once: challenges.once(asked), endsSessions },
          answerTo: (written: WriteOutcome) => {
            if (written.result === 'done') {
              return { ok: true, factor: toFactor({ id, record }), epoch: written.epoch };
            }
            const problem = ({ spent: 'expired', full: 'too-many-factors', gone: 'account-gone' } as const)[
              written.result
            ];
            return { ok: false, problem };
          },
        };
      });
      if (outcome.ok && outcome.epoch !== undefined) {
        log.info({ account: accountId, factor: id }, 'factor added');
      }
      return outcome;
    },

    async beginSignIn(context) {
      const { challenge, sealed } = challenges.mint('sign-in', context);
      const options = await generateAuthenticationOptions({ ...asking, challenge, allowCredentials: [] });
      return { options, sealed };
    },

    async beginVerification(accountId, context) {
      const passkeys = ofKind(await factors.read(accountId), 'passkey');
      if (passkeys.length === 0) return undefined;
      const { challenge, sealed } = challenges.mint('verify', context, accountId);
      const allowCredentials = passkeys.map(describePasskey);
      const options = await generateAuthenticationOptions({ ...asking, challenge, allowCredentials });
      return { options, sealed };
    },

    async verify(context, { sealed, response }) {
      const asked = challenges.open(context, sealed);
      if (!asked || asked.use === 'register') return { ok: false, problem: 'expired' };
      const answer = readAssertion(response);
      if (!answer) return { ok: false, problem: 'not-verified' };
      const named = answer.accountId;
      // WebAuthn 7.2 step 6: who asked for an account must get its handle, if any; who did not must get one.
      if (asked.accountId !== undefined && named !== undefined && named !== asked.accountId) {
        return { ok: false, problem: 'unknown-passkey' };
      }
      const accountId = asked.accountId ?? named;
      if (accountId === undefined) return { ok: false, problem: 'unknown-passkey' };
      const id = idOf(answer.id);

      const outcome = await factors.change<PasskeyCheck>(accountId, async (entries) => {
        const entry = ofKind(entries, 'passkey').find((one) => one.id === id);
        if (!entry) return { answer: { ok: false, problem: 'unknown-passkey' } };
        const { record } = entry;
        const verdict = await judge(
          () =>
            verifyAuthenticationResponse({
              ...expected,
              response: answer,
              expectedChallenge: (given) => given === asked.challenge,
              credential: {
                id: record.credentialId,
                publicKey: new Uint8Array(Buffer.from(record.publicKey, 'base64url')),
                // Compared below, where a counter that went back can be told from all else.
                counter: 0,
              },
            }),
          { account: accountId, factor: id },
        );
        if (!verdict?.verified) return { answer: { ok: false, problem: 'not-verified' } };
        const used = usePasskey(record, verdict.authenticationInfo, now());
        if (used === 'counter-went-back') {
          // An answer that comes a second time has an old counter as well, and means no harm.
          const isRepeated = await factors.isSpent(accountId, challenges.once(asked).hash);
          return { answer: { ok: false, problem: isRepeated ? 'expired' : used } };
        }
        if (used === 'not-verified') return { answer: { ok: false, problem: used } };
        return {
          write: { id, from: entry, to: used, once: challenges.once(asked) },
          answerTo: ({ result }: WriteOutcome) => {
            if (result === 'done') return { ok: true, accountId, factorId: id };
            return { ok: false, problem: result === 'spent' ? 'expired' : 'unknown-passkey' };
          },
        };
      });
      if (!outcome.ok && outcome.problem === 'counter-went-back') {
        log.warn({ account: accountId, factor: id }, 'the counter of a passkey went back: it may be a copy');
      }
      return outcome;
    },
  };
}
