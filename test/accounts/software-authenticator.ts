import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { PasskeyQuestion } from '../../src/accounts/factors.ts';
import type { Passkeys } from '../../src/accounts/passkeys.ts';

/**
 * An authenticator with its browser, in software: it makes keys and signs as WebAuthn says, and does wrong
 * exactly what a test asks for.
 */

type CreationOptions = Awaited<ReturnType<Passkeys['beginRegistration']>>['options'];
type RequestOptions = Awaited<ReturnType<Passkeys['beginSignIn']>>['options'];

export type Algorithm = 'ES256' | 'EdDSA' | 'RS256';

/** What a test may have done wrong, or otherwise than usual. */
export type Twist = {
  origin?: string;
  rpId?: string;
  challenge?: string;
  type?: string;
  crossOrigin?: boolean;
  isUserPresent?: boolean;
  isUserVerified?: boolean;
  isBackupEligible?: boolean;
  isBackedUp?: boolean;
  counter?: number;
  userHandle?: string | undefined;
  /** Signs with a key of its own that is not the credential's. */
  withForeignKey?: boolean;
};

export class SoftwarePasskey {
  readonly id: string;
  readonly algorithm: Algorithm;
  counter = 0;
  /** 0 for one that does not count. */
  counts: boolean;
  userHandle = '';
  readonly #origin: string;
  #keys: { publicKey: KeyObject; privateKey: KeyObject };

  constructor(origin: string, options: { algorithm?: Algorithm; id?: string; counts?: boolean } = {}) {
    this.#origin = origin;
    this.algorithm = options.algorithm ?? 'ES256';
    this.id = options.id ?? randomBytes(32).toString('base64url');
    this.counts = options.counts ?? true;
    this.#keys = makeKeys(this.algorithm);
  }

  create(options: CreationOptions, twist: Twist = {}) {
    this.userHandle = options.user.id;
    const credentialId = Buffer.from(this.id, 'base64url');
    const length = Buffer.alloc(2);
    length.writeUInt16BE(credentialId.length);
    const authData = Buffer.concat([
      this.#authenticatorData(options.rp.id ?? '', twist, 0x40),
      Buffer.alloc(16),
      length,
      credentialId,
      cbor(coseKey(this.#keys.publicKey, this.algorithm)),
    ]);
    return {
      id: this.id,
      rawId: this.id,
      type: 'public-key',
      clientExtensionResults: { credProps: { rk: true } },
      response: {
        clientDataJSON: this.#clientData('webauthn.create', options.challenge, twist),
        attestationObject: cbor(
          new Map<CborKey, Cbor>([
            ['fmt', 'none'],
            ['attStmt', new Map()],
            ['authData', authData],
          ]),
        ).toString('base64url'),
        transports: ['internal', 'hybrid'],
      },
    };
  }

  get(options: RequestOptions, twist: Twist = {}) {
    if (this.counts) this.counter += 1;
    const authData = this.#authenticatorData(options.rpId ?? '', twist, 0);
    const clientDataJSON = this.#clientData('webauthn.get', options.challenge, twist);
    const signed = Buffer.concat([authData, sha256(Buffer.from(clientDataJSON, 'base64url'))]);
    const { privateKey } = twist.withForeignKey ? makeKeys(this.algorithm) : this.#keys;
    const signature = sign(this.algorithm === 'EdDSA' ? null : 'sha256', signed, privateKey);
    const userHandle = 'userHandle' in twist ? twist.userHandle : this.userHandle;
    return {
      id: this.id,
      rawId: this.id,
      type: 'public-key',
      clientExtensionResults: {},
      response: {
        clientDataJSON,
        authenticatorData: authData.toString('base64url'),
        signature: signature.toString('base64url'),
        ...(userHandle === undefined ? {} : { userHandle }),
      },
    };
  }

  #authenticatorData(rpId: string, twist: Twist, otherFlags: number): Buffer {
    const {
      isUserPresent = true,
      isUserVerified = true,
      isBackupEligible = false,
      isBackedUp = false,
    } = twist;
    const flags =
      (isUserPresent ? 0x01 : 0) |
      (isUserVerified ? 0x04 : 0) |
      (isBackupEligible ? 0x08 : 0) |
      (isBackedUp ? 0x10 : 0) |
      otherFlags;
    const tail = Buffer.alloc(5);
    tail.writeUInt8(flags);
    tail.writeUInt32BE(twist.counter ?? this.counter, 1);
    return Buffer.concat([sha256(Buffer.from(twist.rpId ?? rpId)), tail]);
  }

  #clientData(type: string, challenge: string, twist: Twist): string {
    const data = {
      type: twist.type ?? type,
      challenge: twist.challenge ?? challenge,
      origin: twist.origin ?? this.#origin,
      crossOrigin: twist.crossOrigin ?? false,
    };
    return Buffer.from(JSON.stringify(data)).toString('base64url');
  }
}

/** A passkey that was registered for the account. */
export async function registerPasskey(
  passkeys: Passkeys,
  accountId: string,
  passkey: SoftwarePasskey,
  twist: Twist = {},
) {
  const { options, sealed }: PasskeyQuestion<CreationOptions> = await passkeys.beginRegistration(
    accountId,
    'registration',
    { userName: 'ada@example.com', displayName: 'Ada' },
  );
  return passkeys.finishRegistration(accountId, 'registration', {
    sealed,
    response: passkey.create(options, twist),
    name: 'Phone',
  });
}

function makeKeys(algorithm: Algorithm) {
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519');
  if (algorithm === 'RS256') return generateKeyPairSync('rsa', { modulusLength: 2048 });
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

/** COSE_Key (RFC 9053 7, RFC 8230 4). */
function coseKey(publicKey: KeyObject, algorithm: Algorithm): Map<CborKey, Cbor> {
  const jwk = publicKey.export({ format: 'jwk' });
  const bytes = (text: string | undefined) => Buffer.from(text ?? '', 'base64url');
  if (algorithm === 'EdDSA') {
    return new Map<CborKey, Cbor>([
      [1, 1],
      [3, -8],
      [-1, 6],
      [-2, bytes(jwk.x)],
    ]);
  }
  if (algorithm === 'RS256') {
    return new Map<CborKey, Cbor>([
      [1, 3],
      [3, -257],
      [-1, bytes(jwk.n)],
      [-2, bytes(jwk.e)],
    ]);
  }
  return new Map<CborKey, Cbor>([
    [1, 2],
    [3, -7],
    [-1, 1],
    [-2, bytes(jwk.x)],
    [-3, bytes(jwk.y)],
  ]);
}

type CborKey = string | number;
type Cbor = string | number | Buffer | Map<CborKey, Cbor>;

/** As much of CBOR (RFC 8949) as an attestation is made of. */
function cbor(value: Cbor): Buffer {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === 'string')
    return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  const entries = [...value].flatMap(([key, item]) => [cbor(key), cbor(item)]);
  return Buffer.concat([head(5, value.size), ...entries]);
}

function head(major: number, length: number): Buffer {
  if (length < 24) return Buffer.from([(major << 5) | length]);
  if (length < 256) return Buffer.from([(major << 5) | 24, length]);
  return Buffer.from([(major << 5) | 25, length >> 8, length & 0xff]);
}

function sha256(data: Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}
