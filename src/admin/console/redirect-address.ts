import { faultOfRedirect, isLoopback } from '../../oidc/client-text.ts';

/** What there is to say about an address that somebody typed, for the text `admin.address.<code>`. */
export type AddressFinding = {
  code: AddressCode;
  /** It cannot be used so; else it can, but may not be what was meant. */
  isWrong: boolean;
  /** What was probably meant. */
  better?: string;
  /** In words, where `code` is `other`. */
  message?: string;
};

export const addressCodes = [
  'no-scheme',
  'space',
  'wildcard',
  'fragment',
  'http',
  'scheme-web',
  'scheme-dot',
  'other',
  'capitals',
  'slash',
  'localhost',
  'start-page',
  'own',
] as const;
export type AddressCode = (typeof addressCodes)[number];

/**
 * Looks at an address that people come back to: the usual mistakes, each with what was probably meant.
 * @param options.isNative a mobile or desktop application
 */
export function findingsOf(
  address: string,
  options: { isNative: boolean; issuer: string },
): AddressFinding[] {
  const wrong = mistakeIn(address, options.isNative);
  return wrong ? [{ ...wrong, isWrong: true }] : doubtsAbout(address, options);
}

function mistakeIn(address: string, isNative: boolean): Omit<AddressFinding, 'isWrong'> | undefined {
  if (/\s/.test(address)) return { code: 'space' };
  if (/^[\w-]+(\.[\w-]+)+([:/?#]|$)/.test(address) && !/^[\w.-]+:\//.test(address)) {
    return { code: 'no-scheme', better: `https://${address}` };
  }
  if (address.includes('*')) return { code: 'wildcard' };
  if (address.includes('#')) return { code: 'fragment', better: address.slice(0, address.indexOf('#')) };
  const url = URL.parse(address);
  if (url?.protocol === 'http:' && !isLoopback(url)) {
    return { code: 'http', better: address.replace(/^http:/i, 'https:') };
  }
  const isOwnScheme = url !== null && !/^https?:$/.test(url.protocol);
  if (isOwnScheme && !isNative) return { code: 'scheme-web' };
  if (isOwnScheme && !url.protocol.includes('.')) return { code: 'scheme-dot' };
  const message = faultOfRedirect(address, isNative);
  return message === undefined ? undefined : { code: 'other', message };
}

function doubtsAbout(
  address: string,
  { isNative, issuer }: { isNative: boolean; issuer: string },
): AddressFinding[] {
  const url = new URL(address);
  if (!/^https?:$/.test(url.protocol)) return [];
  const doubts: AddressFinding[] = [];
  const [, typedHost = ''] = /^\w+:\/\/([^/?]*)/.exec(address) ?? [];
  if (typedHost !== typedHost.toLowerCase()) {
    doubts.push({
      code: 'capitals',
      isWrong: false,
      better: address.replace(typedHost, typedHost.toLowerCase()),
    });
  }
  if (url.origin === new URL(issuer).origin) doubts.push({ code: 'own', isWrong: false });
  if (url.pathname.length > 1 && url.pathname.endsWith('/')) {
    const better = address.replace(/\/(?=$|\?)/, '');
    doubts.push({ code: 'slash', isWrong: false, better });
  }
  if (url.pathname === '/' && url.search === '') doubts.push({ code: 'start-page', isWrong: false });
  if (!isNative && isLoopback(url)) doubts.push({ code: 'localhost', isWrong: false });
  return doubts;
}

export type AddressMatch = {
  isAllowed: boolean;
  /** For the text `admin.match.<reason>`. */
  reason:
    | 'exact'
    | 'any-port'
    | 'none'
    | 'empty'
    | 'case'
    | 'slash'
    | 'scheme'
    | 'host'
    | 'port'
    | 'path'
    | 'query';
  /** The address that was registered and is most like it. */
  nearest?: string;
};

/**
 * Whether a client may send people back there, and if not, how it differs from what is registered. Compared as text
 * (RFC 9700 4.1.3); a native application's loopback address may have any port (RFC 8252 7.3).
 */
export function matchAddress(
  address: string,
  registered: string[],
  options: { isNative: boolean },
): AddressMatch {
  if (registered.includes(address)) return { isAllowed: true, reason: 'exact', nearest: address };
  if (registered.length === 0) return { isAllowed: false, reason: 'empty' };
  if (options.isNative) {
    const given = withoutLoopbackPort(address);
    const nearest = registered.find((one) => given !== undefined && withoutLoopbackPort(one) === given);
    if (nearest !== undefined) return { isAllowed: true, reason: 'any-port', nearest };
  }
  const ranked = registered
    .map((one) => ({ one, reason: differenceOf(address, one) }))
    .sort((a, b) => order.indexOf(a.reason) - order.indexOf(b.reason));
  const [best] = ranked;
  if (!best) return { isAllowed: false, reason: 'empty' };
  return { isAllowed: false, reason: best.reason, ...(best.reason === 'none' ? {} : { nearest: best.one }) };
}

/** The smallest difference first. */
const order = ['case', 'slash', 'query', 'scheme', 'port', 'path', 'host', 'none'] as const;

function differenceOf(address: string, registered: string): (typeof order)[number] {
  const given = URL.parse(address);
  const known = URL.parse(registered);
  if (!given || !known) return 'none';
  if (address.toLowerCase() === registered.toLowerCase()) return 'case';
  if (address.replace(/\/$/, '') === registered.replace(/\/$/, '')) return 'slash';
  const differing = [
    ['scheme', given.protocol !== known.protocol],
    ['host', given.hostname !== known.hostname],
    ['port', given.port !== known.port],
    ['path', given.pathname !== known.pathname],
    ['query', given.search !== known.search],
  ] as const;
  const [first, second] = differing.filter(([, differs]) => differs);
  if (!first || (second && first[0] !== 'path')) return given.hostname === known.hostname ? 'path' : 'none';
  return first[0];
}

/** As the engine compares them: text for text, but for the port. */
function withoutLoopbackPort(address: string): string | undefined {
  const url = URL.parse(address);
  if (url?.protocol !== 'http:' || !isLoopback(url)) return undefined;
  return address.replace(/^(http:\/\/(?:\[[^\]]*\]|[^/?#:]*)):\d*(?=[/?#]|$)/i, '$1');
}
