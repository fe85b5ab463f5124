/**
 * The last guard before something is kept for months: what looks like a secret is cut from the before and after of an
 * event, whoever put it there. Whoever records an event leaves secrets out to begin with.
 */
const cut = '[cut]';

/** A field with one of these words in its name, wherever it stands. */
const secretAnywhere =
  /^(passwords?|passphrase|passwd|secrets?|seeds?|pins?|otp|totp|cookies?|csrf|credentials?)$/;
/** These also begin the names of what is no secret, such as token_endpoint_auth_method. */
const secretAtTheEnd =
  /^(tokens?|codes?|hash|hashes|keys?|jwks?|assertions?|verifiers?|challenges?|links?|authorization|salt)$/;

const secretValues = [
  /^\$(argon2|2[abxy]\$|scrypt|pbkdf2|[156]\$)/,
  /-----BEGIN [A-Z ]*(PRIVATE|SECRET)/,
  /\beyJ[\w-]{8,}\.[\w-]{8,}\./,
  /[?&#](token|code|access_token|id_token|secret|password)=/i,
  /^(Basic|Bearer|DPoP) [\w+/=.-]{8,}$/i,
];

const deepest = 6;
const mostItems = 200;
const longestText = 1000;
const longestRecord = 16_384;

/** @returns what may be kept of it: the same, with texts that may be secrets cut, and no larger than is sensible */
export function withoutSecrets(record: Record<string, unknown>): Record<string, unknown> {
  const safe = clean(record, false, 0) as Record<string, unknown>;
  return JSON.stringify(safe).length > longestRecord ? { note: 'too large to be kept' } : safe;
}

function clean(value: unknown, isSecret: boolean, depth: number): unknown {
  if (typeof value === 'string') {
    if (isSecret && value !== '') return cut;
    if (secretValues.some((pattern) => pattern.test(value))) return cut;
    return value.length > longestText ? `${value.slice(0, longestText)}…` : value;
  }
  // Numbers and booleans say when something ends, how many there are, or whether there is one.
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (typeof value !== 'object') return undefined;
  if (depth >= deepest || ArrayBuffer.isView(value)) return cut;
  if (Array.isArray(value)) {
    return value.slice(0, mostItems).map((item) => clean(item, isSecret, depth + 1));
  }
  const entries = Object.entries(value).slice(0, mostItems);
  return Object.fromEntries(
    entries.map(([name, item]) => [name, clean(item, isSecret || isSecretName(name), depth + 1)]),
  );
}

function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z\d]+/)
    .filter(Boolean);
  return words.some((word) => secretAnywhere.test(word)) || secretAtTheEnd.test(words.at(-1) ?? '');
}
