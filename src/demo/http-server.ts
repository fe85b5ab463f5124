/** Owns listening and closing of the demo services' HTTP servers. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

export type RunningServer = {
  /** Where the server listens, which need not be where the public finds it. */
  url: string;
  /** Lets requests in flight finish for a short time, then closes. */
  close(): Promise<void>;
};

const graceMs = 3_000;

/** On one machine all ports share their cookies, so the head of a request may be larger than usual. */
const maxHeaderSize = 32 * 1024;

/** Starts to listen; port 0 takes a free one. Rejects when the port is taken. */
export async function listen(handler: RequestListener, host: string, port: number): Promise<RunningServer> {
  const server = createServer({ maxHeaderSize }, handler);
  server.listen(port, host);
  await once(server, 'listening');
  const { port: actualPort } = server.address() as AddressInfo;

  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`,
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}
