import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PodGroup } from './pod-group.ts';
import type { RoundRobinProxy } from './round-robin-proxy.ts';

/** Tells the demo relying party, as JSON, which pod answered what, and which were ended. */
export async function startTrail(parts: {
  pods: PodGroup;
  proxy: RoundRobinProxy;
}): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(({ method, url }, response) => {
    if (method !== 'GET' || url !== '/trail') {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(
      JSON.stringify({
        entries: parts.proxy.recent(),
        kills: parts.pods.kills(),
        pods: parts.pods.states(),
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/trail`,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
