import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { Log } from '../log.ts';

export type MetricsServer = {
  listen(): Promise<{ port: number }>;
  close(): Promise<void>;
};

/**
 * Metrics and probes on a port of their own, which no proxy leads to: whoever reaches it may read them. It takes no
 * Host for more than another, since it is asked by the address of the pod.
 * @param parts.probe the answer to a probe by its path; undefined for other paths
 */
export function createMetricsServer(parts: {
  bind: string;
  port: number;
  metrics: { contentType: string; text(): Promise<string> };
  probe(path: string): { status: number; body: string } | undefined;
  log: Log;
}): MetricsServer {
  const { bind, port, metrics, probe, log } = parts;
  const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
    const path = request.url?.split('?')[0] ?? '';
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return send(response, 405, 'text/plain', 'GET only\n');
    }
    const probed = probe(path);
    if (probed) return send(response, probed.status, 'text/plain', probed.body);
    if (path !== '/metrics') return send(response, 404, 'text/plain', 'metrics are at /metrics\n');
    metrics.text().then(
      (text) => send(response, 200, metrics.contentType, text),
      (error) => {
        log.error({ err: error }, 'the metrics could not be read');
        send(response, 500, 'text/plain', 'failed\n');
      },
    );
  });

  return {
    async listen() {
      server.listen(port, bind);
      await once(server, 'listening');
      const address = server.address();
      return { port: typeof address === 'object' && address ? address.port : port };
    },
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}
