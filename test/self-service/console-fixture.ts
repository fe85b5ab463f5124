import { TOTP } from 'otpauth';
import type { SoftwarePasskey } from '../accounts/software-authenticator.ts';
import { type Person, type Reply, send } from '../support/person.ts';
import type { TestProvider } from '../support/provider.ts';

/** A form of a page: where it goes, and its fields with their present values. */
export type Form = { action: string; fields: Record<string, string> };

/** Somebody at the self-service pages, in a browser without script; each request goes to the next pod. */
export class Visitor {
  readonly person: Person;
  readonly email: string;
  readonly password: string;
  passkey: SoftwarePasskey | undefined;
  /** Of the authenticator app, once there is one; the next code is one that was not used before. */
  secret: string | undefined;
  #step = 0;

  constructor(person: Person, credentials: { email: string; password: string }) {
    this.person = person;
    this.email = credentials.email;
    this.password = credentials.password;
  }

  async #usePasskey({ body }: Reply, passkey: SoftwarePasskey): Promise<Reply> {
    const { action, fields } = formTo(body, /\/passkey$/);
    const options = JSON.parse(decode(/data-options="([^"]*)"/.exec(body)?.[1] ?? ''));
    const response = JSON.stringify(passkey.get(options));
    return this.person.request(action, { form: { ...fields, response } });
  }

  /** Opens a page, signing in where that is asked for. */
  async open(path: string): Promise<Reply> {
    return this.#follow(await this.person.request(path));
  }

  /** Opens a page, and sends the form of it that goes to this address (its own when left out). */
  async send(path: string, fields: Record<string, string> = {}, action = path): Promise<Reply> {
    const page = await this.open(path);
    return this.post(formTo(page.body, action), fields);
  }

  /** Sends a form without following where it leads. */
  post(form: Form, fields: Record<string, string> = {}): Promise<Reply> {
    return this.person.request(form.action, { form: { ...form.fields, ...fields } });
  }

  /** The next code of the authenticator app. */
  code(): string {
    this.#step = Math.max(this.#step + 1, Math.floor(Date.now() / 30_000));
    return TOTP.generate({ secret: secretOf(this.secret ?? ''), timestamp: this.#step * 30_000 });
  }

  /** An app whose codes count from this secret; the one that confirmed it was the last. */
  hasApp(secret: string): void {
    this.secret = secret;
  }

  async #follow(first: Reply): Promise<Reply> {
    let reply = first;
    for (let hop = 0; hop < 15; hop++) {
      if (reply.location) reply = await this.person.request(reply.location);
      else if (this.passkey && /data-passkey="sign-in"/.test(reply.body)) {
        reply = await this.#usePasskey(reply, this.passkey);
      } else if (/action="[^"]*\/login"/.test(reply.body)) {
        const { action, fields } = formTo(reply.body, /\/login$/);
        const { email, password } = this;
        reply = await this.person.request(action, {
          form: { ...fields, email, password, decision: 'sign-in' },
        });
      } else if (/action="[^"]*\/factor\/otp"/.test(reply.body)) {
        const { action, fields } = formTo(reply.body, /\/factor\/otp$/);
        reply = await this.person.request(action, { form: { ...fields, code: this.code() } });
      } else return reply;
    }
    throw new Error('sent round in circles');
  }
}

function secretOf(base32: string) {
  return new TOTP({ secret: base32 }).secret;
}

/** The POST form of a page that goes to this address. @throws when there is none */
export function formTo(html: string, action: string | RegExp): Form {
  for (const [, tag = '', content = ''] of html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)) {
    if (!/method="post"/.test(tag)) continue;
    const found = decode(/\baction="([^"]*)"/.exec(tag)?.[1] ?? '');
    if (typeof action === 'string' ? found !== action : !action.test(found)) continue;
    const fields: Record<string, string> = {};
    for (const [input] of content.matchAll(/<input\b[^>]*>/g)) {
      const name = /\bname="([^"]*)"/.exec(input)?.[1];
      if (name === undefined || (/type="checkbox"/.test(input) && !/\schecked/.test(input))) continue;
      fields[name] = decode(/\bvalue="([^"]*)"/.exec(input)?.[1] ?? '');
    }
    for (const [, name = '', options = ''] of content.matchAll(
      /<select\b[^>]*\bname="([^"]*)"[^>]*>([\s\S]*?)<\/select>/g,
    )) {
      const chosen = /<option value="([^"]*)"[^>]*\sselected/.exec(options)?.[1];
      fields[name] = decode(chosen ?? '');
    }
    return { action: found, fields };
  }
  throw new Error(`no form to ${action} on this page:\n${html.slice(0, 3000)}`);
}

export function decode(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#34;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

/** What the page tells: the text of its notice. */
export function noticeOf({ body }: Reply): string {
  const [, text = ''] = /<div class="notice[^>]*>[\s\S]*?<p[^>]*>([\s\S]*?)<\/p>/.exec(body) ?? [];
  return decode(
    text
      .replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ')
      .trim(),
  );
}

export function headingOf({ body }: Reply): string {
  return decode(/<h1>([^<]*)<\/h1>/.exec(body)?.[1] ?? '');
}

let accounts = 0;

/** A new account, with somebody who is not signed in yet. */
export async function newVisitor(
  provider: TestProvider,
  options: { name?: string; emailVerified?: boolean } = {},
): Promise<Visitor & { id: string }> {
  accounts += 1;
  const credentials = {
    email: `visitor-${accounts}@example.org`,
    password: `a long passphrase of visitor ${accounts}`,
  };
  const made = await provider.parts.accounts.create({ emailVerified: true, ...options, ...credentials });
  if (!made.ok) throw new Error(made.problem);
  return Object.assign(new Visitor(provider.person(), credentials), { id: made.account.id });
}

export function credentialsOf({ email, password }: Visitor): { email: string; password: string } {
  return { email, password };
}

/** The same person in another browser. */
export function elsewhere(provider: TestProvider, visitor: Visitor): Visitor {
  const other = new Visitor(provider.person(), credentialsOf(visitor));
  other.secret = visitor.secret;
  return other;
}

/** Sets up an authenticator app through the pages. @returns where the last form led */
export async function addApp(visitor: Visitor, name = ''): Promise<Reply> {
  const page = await visitor.open('/account/security/totp/new');
  const secret = /<code class="selectable" dir="ltr">([A-Z2-7 ]+)<\/code>/.exec(page.body)?.[1] ?? '';
  const form = formTo(page.body, '/account/security/totp/new');
  visitor.hasApp(secret.replaceAll(' ', ''));
  return visitor.post(form, { code: visitor.code(), name });
}

/** The same browser, with its requests going to one address alone. */
export function at(
  url: string,
  issuer: string,
  { person }: Visitor,
  path: string,
  form?: Record<string, string>,
) {
  const cookie = [...person.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ');
  return send(new URL(path, url), {
    method: form ? 'POST' : 'GET',
    headers: {
      host: new URL(issuer).host,
      accept: 'text/html',
      cookie,
      ...(form ? { 'content-type': 'application/x-www-form-urlencoded', origin: issuer } : {}),
    },
    ...(form ? { body: new URLSearchParams(form).toString() } : {}),
  });
}
