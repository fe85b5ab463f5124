import { formatPbkdf2 } from './foreign-hashes/foreign-hashes.ts';
import { given, isTrue, objectOf, type RowReader, textOf } from './import-row.ts';

const digests = new Map<string, 'sha1' | 'sha256' | 'sha512'>([
  ['pbkdf2', 'sha1'],
  ['pbkdf2-sha1', 'sha1'],
  ['pbkdf2-sha256', 'sha256'],
  ['pbkdf2-sha512', 'sha512'],
]);

/** A user as Keycloak's realm export and `kc.sh export` have it, in the list `users`. */
export const readKeycloakRow: RowReader = (record) => {
  const attributes = objectOf(record.attributes);
  const attribute = (name: string) => {
    const value = attributes?.[name];
    return textOf(Array.isArray(value) ? value[0] : value);
  };
  const credentials = Array.isArray(record.credentials) ? record.credentials.map(objectOf) : [];
  const credential = credentials.find((one) => one?.type === 'password');
  const passwordHash = credential && readCredential(credential);
  if (credential && passwordHash === undefined) return { problem: 'hash-unknown' };
  const first = textOf(record.firstName);
  const last = textOf(record.lastName);
  return {
    email: textOf(record.email) ?? '',
    emailVerified: isTrue(record.emailVerified),
    status: record.enabled === false ? 'disabled' : 'active',
    profile: given({
      name: [first, last].filter(Boolean).join(' ') || undefined,
      given_name: first,
      family_name: last,
      preferred_username: textOf(record.username),
      locale: attribute('locale'),
      zoneinfo: attribute('zoneinfo'),
      picture: attribute('picture'),
    }),
    ...(passwordHash === undefined ? {} : { passwordHash }),
  };
};

/** Two JSON texts in a credential; up to Keycloak 7 they were fields of it. */
function readCredential(credential: Record<string, unknown>): string | undefined {
  const secret = parse(credential.secretData) ?? {
    value: credential.hashedSaltedValue,
    salt: credential.salt,
  };
  const data = parse(credential.credentialData) ?? credential;
  const [hashText, saltText, algorithm] = [secret.value, secret.salt, data.algorithm].map(textOf);
  const iterations = Number(data.hashIterations);
  if (hashText === undefined || saltText === undefined || algorithm === undefined) return undefined;
  const [hash, salt] = [hashText, saltText].map((text) => Buffer.from(text, 'base64'));
  if (!hash?.length || !salt?.length || !Number.isInteger(iterations)) return undefined;
  const digest = digests.get(algorithm);
  if (digest) return formatPbkdf2(digest, iterations, salt, hash);
  return algorithm === 'argon2' ? formatArgon2(data, iterations, salt, hash) : undefined;
}

function formatArgon2(data: Record<string, unknown>, passes: number, salt: Buffer, hash: Buffer): string {
  const parameters = objectOf(data.additionalParameters) ?? {};
  const parameter = (name: string, usual: string) => {
    const value = parameters[name];
    return textOf(Array.isArray(value) ? value[0] : value) ?? usual;
  };
  const version = parameter('version', '1.3') === '1.0' ? 16 : 19;
  const [saltText, hashText] = [salt, hash].map((bytes) => bytes.toString('base64').replaceAll('=', ''));
  const costs = `m=${parameter('memory', '7168')},t=${passes},p=${parameter('parallelism', '1')}`;
  return `$argon2${parameter('type', 'id')}$v=${version}$${costs}$${saltText}$${hashText}`;
}

function parse(text: unknown): Record<string, unknown> | undefined {
  try {
    return typeof text === 'string' ? objectOf(JSON.parse(text)) : objectOf(text);
  } catch {
    return undefined;
  }
}
