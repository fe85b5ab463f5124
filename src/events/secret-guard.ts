import { createHash } from 'node:crypto';

/**
 * The last guard before something is kept for months: what looks like a secret is cut from the before and after of an
 * event, whoever put it there. Whoever records an event leaves secrets out to begin with.
 *
 * Nor may anybody hide a change by it: no more is cut than the secret itself, and of what is too long there remain its
 * beginning, its length and a hash, by which it can be known again.
 */
const cut = '[cut]';

/** A field with one of these words in its name, wherever it stands. */
const secretAnywhere =
  /^(passwords?|passphrase|passwd|secrets?|seeds?|pins?|otp|totp|cookies?|csrf|credentials?)$/;
/** These also begin the names of what is no secret, such as token_endpoint_auth_method. */
const secretAtTheEnd =
  /^(tokens?|codes?|hash|hashes|keys?|jwks?|assertions?|verifiers?|challenges?|links?|authorization|salt)$/;

/** Texts that are nothing but a secret. */
const secretTexts = [/^\$(argon2|2[abxy]\$|scrypt|pbkdf2|[156]\$)/, /-----BEGIN [A-Z ]*(PRIVATE|SECRET)/];
/** What is secret within a text: the second group. */
const secretParts = [
  /([?&#](?:token|code|access_token|id_token|refresh_token|secret|client_secret|password)=)([^&#\s]+)/gi,
  /^((?:Basic|Bearer|DPoP) )([\w+/=.-]{8,})$/gi,
];
/** A signed token; without its signature it is worth nothing. */
const signedToken = /(\beyJ[\w-]{8,}\.[\w-]{8,}\.)([\w-]+)/g;
/** Of an address: what says where it leads, but for a password in it. */
const addressStart = /^([a-z][a-z\d+.-]*:\/\/)(?:([^/?#@:]*):[^/?#@]*@)?([^/?#]*)/i;

const deepest = 6;
const mostItems = 200;
const longestText = 1000;
const longestRecord = 16_384;
/** So much of a value is kept however large the record is; and that it is not all. */
const leastOfValue = 40;

/** @returns what may be kept of it: the same, with secrets cut out of it, and no larger than is sensible */
export function withoutSecrets(record: Record<string, unknown>): Record<string, unknown> {
  const safe = clean(record, false, 0) as Record<string, unknown>;
  if (sizeOf(safe) <= longestRecord) return safe;
  const fitting = shorten(safe, longestRecord);
  return typeof fitting === 'string' ? { note: fitting } : (fitting as Record<string, unknown>);
}

function clean(value: unknown, isSecret: boolean, depth: number): unknown {
  if (typeof value === 'string') {
    if (isSecret && value !== '') return cut;
    return shortened(withoutSecretParts(value), longestText);
  }
  // Numbers and booleans say when something ends, how many there are, or whether there is one.
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (typeof value !== 'object') return undefined;
  if (depth >= deepest || ArrayBuffer.isView(value)) return cut;
  if (Array.isArray(value)) {
    const items = value.map((item) => clean(item, isSecret, depth + 1));
    const rest = items.slice(mostItems);
    return rest.length === 0 ? items : [...items.slice(0, mostItems), more(rest)];
  }
  const entries = Object.entries(value).map(([name, item]): [string, unknown] => [
    name,
    clean(item, isSecret || isSecretName(name), depth + 1),
  ]);
  const rest = entries.slice(mostItems);
  if (rest.length > 0) entries.splice(mostItems, rest.length, ['…', more(rest)]);
  return Object.fromEntries(entries);
}

function withoutSecretParts(text: string): string {
  if (secretTexts.some((pattern) => pattern.test(text))) return cut;
  const [start = '', scheme = '', user, host = ''] = addressStart.exec(text) ?? [];
  let rest = text.slice(start.length);
  for (const pattern of secretParts) rest = rest.replace(pattern, `$1${cut}`);
  rest = rest.replace(signedToken, `$1${cut}`);
  return `${scheme}${user === undefined ? '' : `${user}:${cut}@`}${host}${rest}`;
}

/** The same in so many characters, more or less: nothing is left out unsaid. */
function shorten(value: unknown, room: number): unknown {
  const size = sizeOf(value);
  if (size <= room || value === undefined) return value;
  if (typeof value === 'string') return shortened(value, Math.max(leastOfValue, room - 60));
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return fitList(value, room);
  const entries = Object.entries(value);
  const names = entries.reduce((sum, [name]) => sum + JSON.stringify(name).length + 2, 2);
  if (names + entries.length * 2 * leastOfValue > room) return shortened(JSON.stringify(value), room - 60);
  // The small ones stay whole; what they leave is for the large ones.
  const fitting = new Map<string, unknown>();
  let left = room - names;
  for (const [at, [name, one]] of [...entries].sort((a, b) => sizeOf(a[1]) - sizeOf(b[1])).entries()) {
    const kept = shorten(one, Math.floor(left / (entries.length - at)));
    fitting.set(name, kept);
    left -= sizeOf(kept);
  }
  return Object.fromEntries(entries.map(([name]) => [name, fitting.get(name)]));
}

/** The beginning of each where that is enough, and else as many as there is room for. */
function fitList(list: unknown[], room: number): unknown[] {
  const each = Math.floor(room / list.length) - 1;
  if (each >= 2 * leastOfValue + 60) return list.map((item) => shorten(item, each));
  const kept: unknown[] = [];
  let left = room - 80;
  for (const item of list) {
    const one = shorten(item, 2 * leastOfValue + 60);
    left -= sizeOf(one) + 1;
    if (left < 0) break;
    kept.push(one);
  }
  const rest = list.slice(kept.length);
  return rest.length === 0 ? kept : [...kept, more(rest)];
}

function more(rest: unknown[]): string {
  const text = JSON.stringify(rest);
  return `… and ${rest.length} more (${text.length} characters, sha256 ${hashOf(text)})`;
}

function shortened(text: string, longest: number): string {
  if (text.length <= longest) return text;
  return `${text.slice(0, longest)}… (${text.length} characters, sha256 ${hashOf(text)})`;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

function sizeOf(value: unknown): number {
  return (JSON.stringify(value) ?? '').length;
}

function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z\d]+/)
    .filter(Boolean);
  return words.some((word) => secretAnywhere.test(word)) || secretAtTheEnd.test(words.at(-1) ?? '');
}
