import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * Passes connections on to the pods in turn, as a plain TCP balancer does: no affinity, no retries. A pod that
 * takes no connection is passed over; when one dies, its connections break and the client sees it.
 */
export type Balancer = { port: number; close(): Promise<void> };

export async function startBalancer(ports: () => number[]): Promise<Balancer> {
  let turn = 0;
  const open = new Set<Socket>();

  function passOn(client: Socket, tried: number): void {
    const targets = ports();
    if (tried >= targets.length || targets.length === 0) {
      client.destroy();
      return;
    }
    turn += 1;
    const pod = connect(targets[turn % targets.length] ?? 0, '127.0.0.1');
    let isConnected = false;
    pod.once('connect', () => {
      isConnected = true;
      client.pipe(pod);
      pod.pipe(client);
    });
    pod.once('error', () => (isConnected ? client.destroy() : passOn(client, tried + 1)));
    // What a pod sent before it died still arrives.
    pod.once('close', (isBroken) => isConnected && (isBroken ? client.destroy() : client.end()));
    client.once('close', () => pod.destroy());
  }

  const server = createServer((client) => {
    open.add(client);
    client.once('close', () => open.delete(client));
    client.on('error', () => client.destroy());
    passOn(client, 0);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
