/** A browser for the tests of the relying party: it keeps cookies by the rules, follows redirects, sends forms. */

export type Page = { status: number; url: string; html: string; headers: Headers };

export class SmallBrowser {
  cookies = new Map<string, string>();
  readonly publicUrl: string;
  /** The instance that takes the requests for the public address: a load balancer's choice. */
  instance: string;

  constructor(publicUrl: string, instance: string) {
    this.publicUrl = publicUrl;
    this.instance = instance;
  }

  /** Opens an address and follows redirects to the end. */
  get(target: string): Promise<Page> {
    return this.#follow(target, { method: 'GET' });
  }

  /** Presses a button of the home page: takes the CSRF token from the page and sends the form. */
  async press(action: string): Promise<Page> {
    const form = await this.form();
    return this.send(action, form);
  }

  /** The hidden fields of the forms on the home page. */
  async form(): Promise<URLSearchParams> {
    const { html } = await this.get('/');
    return new URLSearchParams({ csrf: /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? '' });
  }

  send(action: string, form: URLSearchParams, headers: Record<string, string> = {}): Promise<Page> {
    const own = { origin: this.publicUrl, 'sec-fetch-site': 'same-origin' };
    return this.#follow(action, { method: 'POST', body: form, headers: { ...own, ...headers } });
  }

  /** One request without following: its answer's cookies are not yet taken. */
  async request(target: string, init: RequestInit): Promise<Response> {
    const url = new URL(target, this.publicUrl);
    const isOurs = url.origin === this.publicUrl;
    const headers = new Headers(init.headers);
    if (isOurs)
      headers.set('cookie', [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; '));
    const address = isOurs ? `${this.instance}${url.pathname}${url.search}` : url;
    return fetch(address, { ...init, headers, redirect: 'manual' });
  }

  /** Takes the cookies of an answer, as a browser does when it arrives. */
  receive(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/Max-Age=0\b/.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
  }

  async #follow(target: string, init: RequestInit): Promise<Page> {
    const url = new URL(target, this.publicUrl);
    const response = await this.request(url.href, init);
    if (url.origin === this.publicUrl) this.receive(response);
    const location = response.headers.get('location');
    if (location !== null) return this.#follow(new URL(location, url).href, { method: 'GET' });
    return { status: response.status, url: url.href, html: await response.text(), headers: response.headers };
  }
}
