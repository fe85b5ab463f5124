/**
 * Texts and addresses in the metadata of a client, which people read and browsers go to. Each function gives what is
 * wrong, as the end of a sentence that begins with the field; undefined when nothing is.
 */
const longestAddress = 2000;

/** Not seen, or able to make a text read otherwise than it is written (Unicode TR36, bidirectional text spoofing). */
const hidden = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/u;
const hiddenButLines = /(?![\n\t])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/u;

/** Parameters of answers (RFC 6749 4.1.2, 5.1; RFC 9207; OpenID Connect Core 3.2.2.5), which must come from us alone. */
const answered = new Set([
  ...['code', 'state', 'iss', 'session_state', 'response'],
  ...['error', 'error_description', 'error_uri'],
  ...['token', 'access_token', 'refresh_token', 'id_token', 'token_type', 'expires_in'],
]);

/** Also as the first part of a name of somebody's own. */
const runBySight = /^(?:javascript|vbscript|livescript|data|blob|file|filesystem|about|view-source|jar)[.:]/;

export function faultOfText(
  value: unknown,
  longest: number,
  options = { hasLines: false },
): string | undefined {
  if (typeof value !== 'string') return 'must be a text';
  if (value.trim() === '') return 'must not be empty; leave it out instead';
  if (value.length > longest) return `must have at most ${longest} characters`;
  if ((options.hasLines ? hiddenButLines : hidden).test(value)) {
    return 'has characters that cannot be seen, such as control characters; take them out';
  }
  return undefined;
}

export function isLoopback(url: URL): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
}

/** What every address must be: one that a browser reads as it is written. */
function parse(value: unknown): URL | string {
  if (typeof value !== 'string' || value === '')
    return 'must be an address, such as https://app.example.com/page';
  if (value.length > longestAddress) return `must have at most ${longestAddress} characters`;
  if (/[^\x21-\x7e]|[\\<>"`{}|^]/.test(value)) {
    return 'has a space or another character that an address cannot have; percent-encode it';
  }
  if (!URL.canParse(value))
    return 'is not an address; it must be complete, such as https://app.example.com/page';
  const url = new URL(value);
  if (url.username !== '' || url.password !== '') return 'must not have a user name or password in it';
  return url;
}

/** A page of the client that people are shown, or an address that we fetch. */
export function faultOfWebAddress(value: unknown, options: { mayBeLoopback: boolean }): string | undefined {
  const url = parse(value);
  if (typeof url === 'string') return url;
  if (url.protocol === 'https:') return undefined;
  if (options.mayBeLoopback && url.protocol === 'http:' && isLoopback(url)) return undefined;
  return `must start with https://${options.mayBeLoopback ? ' (or http:// on localhost)' : ''}`;
}

/**
 * Where people are sent back to: compared character by character (RFC 9700 4.1.3), so it stands for itself alone.
 * @param isNative apps may have a scheme of their own (RFC 8252 7.1)
 */
export function faultOfRedirect(value: unknown, isNative: boolean): string | undefined {
  const url = parse(value);
  if (typeof url === 'string') return url;
  const text = String(value);
  const taken = [...url.searchParams.keys()].find((name) => answered.has(name.toLowerCase()));
  if (taken !== undefined) {
    return `must not have "${taken}" in its query: answers have a parameter of that name`;
  }
  if (text.includes('#')) return 'must not have a fragment; take # and what follows away';
  if (text.includes('*')) return 'must not have a wildcard; list each address in full';
  if (url.protocol === 'https:') return undefined;
  if (url.protocol === 'http:') {
    return isLoopback(url)
      ? undefined
      : 'must start with https://; http:// is for localhost, 127.0.0.1 and [::1] alone';
  }
  if (!isNative) return 'must start with https://; other schemes are for application_type "native"';
  if (runBySight.test(url.protocol)) return 'must not have a scheme that browsers run or open themselves';
  if (!url.protocol.includes('.')) {
    return 'must have a scheme made of a domain name of yours, backwards, such as com.example.app:/callback';
  }
  return undefined;
}

/** As a browser sends it in the Origin header. */
export function faultOfOrigin(value: unknown): string | undefined {
  const fault = faultOfWebAddress(value, { mayBeLoopback: true });
  if (fault) return fault;
  const { origin } = new URL(String(value));
  return origin === value ? undefined : `must be an origin without a path, such as ${origin}`;
}

/** An API that tokens are made for (RFC 8707 2). */
export function faultOfResource(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > longestAddress || !URL.canParse(value)) {
    return 'must be the absolute URI of an API, such as https://api.example.com';
  }
  if (runBySight.test(new URL(value).protocol)) {
    return 'must not have a scheme that browsers run or open themselves';
  }
  return value.includes('#') ? 'must not have a fragment' : undefined;
}
