import { createHash, randomBytes } from 'node:crypto';
import { parse } from 'node:querystring';

/**
 * A person at a browser without script, and the relying party that they came from: follows redirects, keeps
 * cookies by path, fills in forms. Each request goes to the next address in turn, as through a balancer with
 * no affinity.
 */
export class Person {
  readonly #addresses: string[];
  readonly #issuer: string;
  readonly #cookies = new Map<string, { value: string; path: string }>();
  #turn = 0;

  /** @param addresses of the pods (or of a proxy); @param issuer whose host name the requests carry */
  constructor(issuer: string, addresses: string[]) {
    this.#issuer = issuer;
    this.#addresses = addresses;
  }

  get cookies(): ReadonlyMap<string, { value: string; path: string }> {
    return this.#cookies;
  }

  /** Another browser with the same cookies: a second tab, or a thief. @param addresses to ask, the same when left out */
  clone(addresses = this.#addresses): Person {
    const other = new Person(this.#issuer, addresses);
    for (const [name, cookie] of this.#cookies) other.#cookies.set(name, cookie);
    return other;
  }

  /** @param address a URL of the issuer, or a path; @param pod which address to ask, else the next in turn */
  async request(
    address: string,
    options: { form?: Record<string, string>; pod?: number } = {},
  ): Promise<Reply> {
    const url = new URL(address, this.#issuer);
    const pod = options.pod ?? this.#turn++;
    const target = new URL(url.pathname + url.search, this.#addresses[pod % this.#addresses.length]);
    const body = options.form ? new URLSearchParams(options.form).toString() : undefined;
    const reply = await send(target, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        host: new URL(this.#issuer).host,
        accept: 'text/html',
        cookie: this.#cookieHeader(url.pathname),
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/x-www-form-urlencoded', origin: this.#issuer }),
      },
      ...(body === undefined ? {} : { body }),
    });
    this.#keep(reply.setCookies);
    return reply;
  }

  #cookieHeader(path: string): string {
    return [...this.#cookies]
      .filter(([, cookie]) => path === cookie.path || path.startsWith(cookie.path.replace(/\/?$/, '/')))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ');
  }

  #keep(setCookies: string[]): void {
    for (const line of setCookies) {
      const [pair = '', ...attributes] = line.split(/;\s*/);
      const name = pair.slice(0, pair.indexOf('='));
      const value = pair.slice(pair.indexOf('=') + 1);
      const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice(5) ?? '/';
      if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) this.#cookies.delete(name);
      else this.#cookies.set(name, { value, path });
    }
  }
}

export type Reply = {
  status: number;
  location: string | undefined;
  body: string;
  headers: Headers;
  setCookies: string[];
};

/** A request whose Host header is ours to choose, which fetch does not allow. */
export async function send(
  url: URL,
  options: { method: string; headers: Record<string, string>; body?: string },
): Promise<Reply> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: options.method, headers: options.headers }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.once('error', reject);
      response.once('end', () => {
        const headers = new Headers();
        for (const [name, value] of Object.entries(response.headers)) {
          for (const item of [value ?? []].flat()) headers.append(name, item);
        }
        resolve({
          status: response.statusCode ?? 0,
          location: response.headers.location,
          body,
          headers,
          setCookies: response.headers['set-cookie'] ?? [],
        });
      });
    });
    sent.once('error', reject);
    sent.end(options.body);
  });
}

/** An authorization request of a relying party, with what it needs to exchange the code. */
export function authorizationRequest(
  client: { id: string; redirectUri: string },
  extra: Record<string, string> = {},
) {
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    client_id: client.id,
    response_type: 'code',
    redirect_uri: client.redirectUri,
    scope: 'openid profile email',
    state: randomBytes(8).toString('hex'),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...extra,
  });
  return { path: `/auth?${query}`, verifier };
}

/** The fields of the first POST form of a page, with their present values, and where it goes. */
export function formOf(html: string): { action: string; fields: Record<string, string> } {
  const forms = [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)];
  const [, tag = '', content = ''] =
    forms.find(([, attributes]) => /method="post"/i.test(attributes ?? '')) ?? [];
  const action = /\baction="([^"]*)"/.exec(tag)?.[1];
  if (action === undefined) throw new Error(`there is no form on this page:\n${html.slice(0, 2000)}`);
  const fields: Record<string, string> = {};
  for (const [input] of content.matchAll(/<input\b[^>]*>/g)) {
    const name = /\bname="([^"]*)"/.exec(input)?.[1];
    const value = /\bvalue="([^"]*)"/.exec(input)?.[1];
    if (name !== undefined && !/type="checkbox"/.test(input)) fields[name] = decodeEntities(value ?? '');
  }
  return { action: decodeEntities(action), fields };
}

function decodeEntities(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#34;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

/**
 * Follows an authorization request to its end, signing in and approving where it is asked.
 * @param credentials.answer the form to send from a page, where that is more than these
 * @returns the parameters that come back to the relying party
 */
export async function authorize(
  person: Person,
  path: string,
  {
    answer,
    ...credentials
  }: {
    email: string;
    password: string;
    answer?: ((page: Reply) => { action: string; fields: Record<string, string> } | undefined) | undefined;
  },
  redirectUri: string,
): Promise<Record<string, string>> {
  let reply = await person.request(path);
  for (let hop = 0; hop < 12; hop++) {
    if (reply.location?.startsWith(redirectUri)) {
      return parse(new URL(reply.location).search.slice(1)) as Record<string, string>;
    }
    const form = reply.location ? undefined : answer?.(reply);
    if (reply.location) {
      reply = await person.request(reply.location);
    } else if (form) {
      reply = await person.request(form.action, { form: form.fields });
    } else if (reply.body.includes('name="password"')) {
      const { action, fields } = formOf(reply.body);
      reply = await person.request(action, { form: { ...fields, ...credentials, decision: 'sign-in' } });
    } else if (reply.body.includes('value="allow"')) {
      const { action, fields } = formOf(reply.body);
      reply = await person.request(action, { form: { ...fields, decision: 'allow' } });
    } else {
      throw new Error(`unexpected page (${reply.status}):\n${reply.body.slice(0, 3000)}`);
    }
  }
  throw new Error('the authorization request goes in circles');
}
