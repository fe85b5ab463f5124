import { Agent, request } from 'node:http';

export type Answer = { status: number; location: string | undefined; body: string; setCookies: string[] };

/** Requests to one server over kept-alive connections, as a balancer in front of it makes them. */
export type Client = {
  send(
    method: string,
    path: string,
    options?: { headers?: Record<string, string>; form?: Record<string, string> },
  ): Promise<Answer>;
  close(): void;
};

export function createClient(port: number, host: string): Client {
  const agent = new Agent({ keepAlive: true });
  return {
    send(method, path, { headers = {}, form } = {}) {
      const body = form && new URLSearchParams(form).toString();
      return new Promise((resolve, reject) => {
        const sent = request(
          {
            host: '127.0.0.1',
            port,
            method,
            path,
            agent,
            headers: {
              host,
              ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
              ...headers,
            },
          },
          (response) => {
            let text = '';
            response.setEncoding('utf8');
            response.on('data', (chunk: string) => {
              text += chunk;
            });
            response.once('error', reject);
            response.once('end', () => {
              const { statusCode = 0, headers: got } = response;
              resolve({
                status: statusCode,
                location: got.location,
                body: text,
                setCookies: got['set-cookie'] ?? [],
              });
            });
          },
        );
        sent.once('error', reject);
        sent.end(body);
      });
    },
    close: () => agent.destroy(),
  };
}

/** A browser's cookies. Paths do not matter here: no two cookies of a flow have one name. */
export class Cookies {
  readonly #values = new Map<string, string>();
  /** Who signs in with this browser; undefined for the usual account. */
  readonly email: string | undefined;

  constructor(email?: string) {
    this.email = email;
  }

  get header(): Record<string, string> {
    return { cookie: [...this.#values].map((pair) => pair.join('=')).join('; '), accept: 'text/html' };
  }

  keep({ setCookies }: Answer): void {
    for (const line of setCookies) {
      const pair = line.split(';')[0] ?? '';
      const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      if (value === '') this.#values.delete(name);
      else this.#values.set(name, value);
    }
  }
}
