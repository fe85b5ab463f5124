import { cleanFactorName } from './factor-name.ts';
import type { StoredPasskey } from './factor-store.ts';

/** A passkey as it is kept, and what becomes of it when it is used. Times are ms since the epoch. */

/** What the library tells of a new one. */
export type RegisteredPasskey = {
  aaguid: string;
  credential: { id: string; publicKey: Uint8Array; counter: number };
  credentialDeviceType: 'singleDevice' | 'multiDevice';
  credentialBackedUp: boolean;
};

/** What the library tells of a use. */
export type PasskeyUse = Pick<RegisteredPasskey, 'credentialDeviceType' | 'credentialBackedUp'> & {
  newCounter: number;
};

export function newPasskey(
  { credential, credentialDeviceType, credentialBackedUp, aaguid }: RegisteredPasskey,
  more: { name: string; transports: string[]; at: number },
): StoredPasskey {
  return {
    kind: 'passkey',
    name: cleanFactorName(more.name),
    createdAt: more.at,
    credentialId: credential.id,
    publicKey: Buffer.from(credential.publicKey).toString('base64url'),
    counter: credential.counter,
    transports: more.transports,
    isBackupEligible: credentialDeviceType === 'multiDevice',
    isBackedUp: credentialBackedUp,
    aaguid,
  };
}

/** @returns the record after this use, or why it cannot be one (WebAuthn 7.2 steps 19 and 22) */
export function usePasskey(
  record: StoredPasskey,
  { newCounter, credentialDeviceType, credentialBackedUp }: PasskeyUse,
  at: number,
): StoredPasskey | 'not-verified' | 'counter-went-back' {
  // Whether a key may be copied is settled when it is made.
  if ((credentialDeviceType === 'multiDevice') !== record.isBackupEligible) return 'not-verified';
  const counts = newCounter > 0 || record.counter > 0;
  if (counts && newCounter <= record.counter) return 'counter-went-back';
  return { ...record, counter: newCounter, isBackedUp: credentialBackedUp, lastUsedAt: at };
}

/** As options name it. */
export function describePasskey({ record }: { record: StoredPasskey }) {
  return { id: record.credentialId, transports: record.transports };
}
