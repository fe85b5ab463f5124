/** A browser as far as sign-ins at other providers go: keeps cookies by host, follows redirects until it is sent home. */
export class SmallBrowser {
  readonly #cookies = new Map<string, Map<string, string>>();

  /** @returns the address at `home` that it was sent to in the end, which is not asked */
  async follow(start: string, home: string): Promise<URL> {
    let url = new URL(start);
    for (let step = 0; step < 20; step++) {
      if (url.href.startsWith(home)) return url;
      const reply = await fetch(url, {
        redirect: 'manual',
        headers: { cookie: this.#header(url) },
        signal: AbortSignal.timeout(10_000),
      });
      this.#keep(url, reply.headers.getSetCookie());
      const location = reply.headers.get('location');
      if (location === null) throw new Error(`${url.pathname}: ${reply.status} ${await reply.text()}`);
      url = new URL(location, url);
    }
    throw new Error('sent round in circles');
  }

  #header(url: URL): string {
    return [...(this.#cookies.get(url.host) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  #keep(url: URL, lines: string[]): void {
    const jar = this.#cookies.get(url.host) ?? new Map<string, string>();
    this.#cookies.set(url.host, jar);
    for (const line of lines) {
      const [pair = ''] = line.split(';');
      const [name = '', value = ''] = pair.split(/=(.*)/s);
      if (value === '') jar.delete(name);
      else jar.set(name, value);
    }
  }
}
