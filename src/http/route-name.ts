/**
 * A name for what a request asks for, from a fixed list: for counting, where a path would bring ids, and as many names
 * as somebody likes to make up.
 */
const exact = new Map([
  ['/', 'home'],
  ['/auth', 'authorize'],
  ['/token', 'token'],
  ['/me', 'userinfo'],
  ['/jwks', 'jwks'],
  ['/.well-known/openid-configuration', 'discovery'],
  ['/.well-known/oauth-authorization-server', 'discovery'],
  ['/request', 'pushed_request'],
  ['/token/introspection', 'introspection'],
  ['/token/revocation', 'revocation'],
  ['/session/end', 'end_session'],
  ['/session/end/confirm', 'end_session'],
  ['/device', 'device'],
  ['/device/auth', 'device_authorization'],
  ['/livez', 'probe'],
  ['/readyz', 'probe'],
  ['/startupz', 'probe'],
  ['/register', 'register'],
  ['/forgot-password', 'recovery'],
  ['/reset-password', 'recovery'],
]);

/** The first that fits. */
const beginnings: [beginning: string, name: string][] = [
  ['/interaction/', 'interaction'],
  ['/auth/', 'authorize_resume'],
  ['/device/', 'device'],
  ['/assets/', 'asset'],
  ['/account', 'account_pages'],
  ['/admin/api', 'admin_api'],
  ['/admin', 'admin_console'],
  ['/upstream/', 'upstream'],
  ['/register/', 'register'],
  ['/forgot-password/', 'recovery'],
];

const otherRoute = 'other';

export const routeNames: readonly string[] = [
  ...new Set([...exact.values(), ...beginnings.map(([, name]) => name), otherRoute]),
];

/** @param url as in the request line, with its query */
export function routeName(url: string): string {
  const end = url.indexOf('?');
  const path = end === -1 ? url : url.slice(0, end);
  const found = exact.get(path);
  if (found !== undefined) return found;
  for (const [beginning, name] of beginnings) if (path.startsWith(beginning)) return name;
  return otherRoute;
}
