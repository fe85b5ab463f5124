import { isIP } from 'node:net';
import type { Config } from '../config.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { about, type Finding } from './finding.ts';
import { type AsSeenByPod, ask, questionCookie, questionPath } from './through-proxy.ts';

const patienceMs = 5000;
/** Of nobody (RFC 5737): a pod that takes the doctor for it believes what anybody claims. */
const claimedAddress = '203.0.113.66';

type Fetched = { status: number; headers: Headers; text: string };

/** Discovery and key set through HOLDFAST_ISSUER, as a relying party would fetch them. */
export async function checkIssuer(config: Pick<Config, 'issuer'>, kids: string[]): Promise<Finding[]> {
  const { issuer } = config;
  const { ok, fault } = about('Public address: discovery');
  const fetched = await get(`${issuer}/.well-known/openid-configuration`);
  if ('problem' in fetched) {
    return [
      fault(
        `${issuer} does not answer here: ${fetched.problem}`,
        'look at DNS, certificate, load balancer and HOLDFAST_ISSUER, and run this where the address can be reached',
      ),
    ];
  }
  if (fetched.status === 421) return [wrongHost(issuer)];
  const document = parse(fetched.text);
  if (fetched.status !== 200 || !document) {
    return [
      fault(
        `${issuer} answers ${fetched.status} where its discovery document should be`,
        'does the proxy lead all paths to the pods, and do pods run?',
      ),
    ];
  }
  if (document.issuer !== issuer) {
    return [
      fault(
        `the provider there calls itself ${String(document.issuer).slice(0, 100)}, so that every relying party refuses its tokens`,
        'give all pods the same HOLDFAST_ISSUER; or the proxy leads elsewhere',
      ),
    ];
  }
  const found = [ok(`${issuer} is served, and calls itself so`)];
  if (issuer.startsWith('http:')) {
    found.push(
      about('Public address: TLS').warning(
        'http: cookies and tokens travel unprotected',
        'put a proxy with a certificate in front, and set HOLDFAST_ISSUER to https://…',
      ),
    );
  }
  found.push(await checkKeySet(String(document.jwks_uri), kids));
  return found;
}

async function checkKeySet(address: string, kids: string[]): Promise<Finding> {
  const { ok, fault, warning } = about('Public address: key set');
  const fetched = await get(address);
  const keys = 'problem' in fetched ? undefined : parse(fetched.text)?.keys;
  if (!Array.isArray(keys)) {
    return fault(
      'it cannot be fetched: no relying party can check a token',
      `look at ${address.slice(0, 200)}`,
    );
  }
  const served = new Set(keys.map(({ kid }: { kid?: string }) => kid));
  if (kids.some((kid) => !served.has(kid))) {
    return warning(
      'a key that is in Redis is not in it: a cache keeps it for longer than it should, or the pods there use another Redis',
      'let no proxy or CDN keep /jwks for longer than its Cache-Control says; compare REDIS_URL and HOLDFAST_REDIS_PREFIX of the pods',
    );
  }
  if ([...served].some((kid) => !kids.includes(kid ?? ''))) {
    return warning(
      'it has a key that is not in Redis',
      'a rotation may have ended this minute: run this again; else compare REDIS_URL and HOLDFAST_REDIS_PREFIX of the pods',
    );
  }
  return ok(`${served.size} keys, the same as in Redis`);
}

/** How a request from outside reaches a pod. @throws Unavailable */
export async function checkProxy(
  config: Pick<Config, 'issuer'>,
  store: Store,
  ring: Pick<KeyRing, 'hash'>,
): Promise<Finding[]> {
  const { issuer } = config;
  const { ok, fault } = about('Proxy: requests');
  const nonce = await ask(store, ring);
  const fetched = await get(`${issuer}${questionPath}/${nonce}`, {
    cookie: `${questionCookie}=${nonce}`,
    'x-forwarded-for': claimedAddress,
    'x-forwarded-host': 'elsewhere.invalid',
  });
  if ('problem' in fetched) return [fault(`no answer: ${fetched.problem}`, 'see the line on discovery')];
  if (fetched.status === 421) return [wrongHost(issuer)];
  const seen = fetched.status === 200 ? (parse(fetched.text) as AsSeenByPod | undefined) : undefined;
  if (seen?.pod === undefined) {
    return [
      fault(
        `a question for a pod was answered with ${fetched.status}: the address leads to something else, or to pods on another Redis`,
        'compare REDIS_URL and HOLDFAST_REDIS_PREFIX of the pods with those here, and look where the proxy leads',
      ),
    ];
  }
  return [
    ok(`one reached the pod ${seen.pod}`),
    addressOf(seen),
    schemeOf(issuer, seen),
    cookieOf(issuer, seen, fetched.headers, nonce),
    hstsOf(issuer, fetched.headers),
  ].filter((finding) => finding !== undefined);
}

function addressOf({ address, hops, forwardedFor }: AsSeenByPod): Finding {
  const { ok, fault } = about("Proxy: people's addresses");
  // What the proxies in front have put there: all of it, but for what this request brought and they passed on.
  const proxies = forwardedFor.length - (forwardedFor[0] === claimedAddress ? 1 : 0);
  const todo = `set HOLDFAST_PROXY_HOPS=${proxies}`;
  if (address === claimedAddress) {
    return fault(
      'pods believe what a request claims: anybody gets around the limits for wrong passwords by another X-Forwarded-For each time',
      todo,
    );
  }
  if (hops < proxies) {
    return fault(
      `HOLDFAST_PROXY_HOPS is ${hops}, and ${proxies} proxies are in front: pods take ${address} for the address of everybody, and a few wrong passwords lock everybody out`,
      todo,
    );
  }
  if (hops > proxies) {
    return fault(
      `HOLDFAST_PROXY_HOPS is ${hops}, and ${proxies} proxies are in front: anybody can claim any address`,
      todo,
    );
  }
  if (isIP(address) === 0) return fault('pods do not know it', todo);
  return ok(`they reach the pods; this request came from ${address}`);
}

function schemeOf(issuer: string, { forwardedProto }: AsSeenByPod): Finding | undefined {
  if (!issuer.startsWith('https:') || forwardedProto === undefined) return undefined;
  const { ok, warning } = about('Proxy: scheme');
  if (forwardedProto.startsWith('https')) return ok('https, as the issuer has it');
  return warning(
    `the proxy says that people come by ${forwardedProto.slice(0, 20)}, and the issuer is https`,
    'let it take http only to send people on to https, and set X-Forwarded-Proto',
  );
}

function cookieOf(issuer: string, seen: AsSeenByPod, headers: Headers, nonce: string): Finding {
  const { ok, fault } = about('Proxy: cookies');
  if (!seen.hasCookie) {
    return fault(
      'the cookie of a request does not reach the pods: nobody can sign in',
      'let the proxy pass Cookie on',
    );
  }
  const set = headers.getSetCookie().find((one) => one.startsWith(`${questionCookie}=${nonce}`));
  if (set === undefined) {
    return fault(
      'a cookie that a pod sets does not come back: nobody can sign in',
      'let the proxy pass Set-Cookie on, and cache nothing that has it',
    );
  }
  const isProtected = /;\s*httponly/i.test(set) && (issuer.startsWith('http:') || /;\s*secure/i.test(set));
  if (!isProtected) {
    return fault('a cookie comes back without Secure or HttpOnly', 'let the proxy leave Set-Cookie as it is');
  }
  return ok('they pass in both directions, as they are');
}

function hstsOf(issuer: string, headers: Headers): Finding | undefined {
  if (!issuer.startsWith('https:')) return undefined;
  const { ok, warning } = about('Proxy: headers');
  if (headers.has('strict-transport-security') && headers.has('x-content-type-options')) {
    return ok('those that protect pages come through');
  }
  return warning(
    'headers that protect pages are taken away on the way',
    'let the proxy pass Strict-Transport-Security, Content-Security-Policy and X-Content-Type-Options on',
  );
}

function wrongHost(issuer: string): Finding {
  return about('Proxy: host').fault(
    `pods are asked for another host than ${new URL(issuer).host}, and answer nothing`,
    'let the proxy pass the Host of the request on as it is (nginx: proxy_set_header Host $host)',
  );
}

async function get(
  url: string,
  headers: Record<string, string> = {},
): Promise<Fetched | { problem: string }> {
  try {
    const response = await fetch(url, {
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(patienceMs),
    });
    return {
      status: response.status,
      headers: response.headers,
      text: (await response.text()).slice(0, 100_000),
    };
  } catch (error) {
    const { cause, name } = error as Error & { cause?: { code?: string; message?: string } };
    return { problem: cause?.code ?? cause?.message ?? name };
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
