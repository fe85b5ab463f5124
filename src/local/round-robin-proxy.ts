import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A pod that may be sent requests. */
export type Target = { name: string; port: number };

/** A request that was passed on. `retriedFrom`: the pod that broke off before. */
export type PassedRequest = {
  at: string;
  method: string;
  path: string;
  pod: string;
  status: number;
  retriedFrom?: string;
};

export type RoundRobinProxy = {
  port: number;
  /** The last hundred requests, oldest first. */
  recent(): PassedRequest[];
  close(): Promise<void>;
};

const mostRemembered = 100;
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * A balancer as one stands in front of pods, with no affinity at all: each request goes to the next pod. A pod
 * that does not take the connection is passed over. When a connection breaks in the middle, a request that is
 * safe to repeat (RFC 9110 9.2.2) goes to the next pod; any other is answered 502, and whoever sent it decides.
 */
export async function startRoundRobinProxy(options: {
  port: number;
  host?: string;
  targets(): Target[];
}): Promise<RoundRobinProxy> {
  const agent = new Agent({ keepAlive: true });
  const recent: PassedRequest[] = [];
  let turn = 0;

  function nextTarget(tried: Set<string>): Target | undefined {
    const targets = options.targets().filter(({ name }) => !tried.has(name));
    turn += 1;
    return targets[turn % Math.max(targets.length, 1)];
  }

  async function pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = incoming;
    const at = new Date().toISOString();
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const tried = new Set<string>();
    let retriedFrom: string | undefined;

    for (let target = nextTarget(tried); target; target = nextTarget(tried)) {
      tried.add(target.name);
      const entry = { at, method, path: url.split('?')[0] ?? '', pod: target.name };
      try {
        const answer = await send(target, incoming, body);
        outgoing.writeHead(answer.statusCode ?? 502, endToEnd(answer.rawHeaders));
        remember({ ...entry, status: answer.statusCode ?? 502, ...(retriedFrom ? { retriedFrom } : {}) });
        answer.pipe(outgoing);
        answer.once('error', () => outgoing.destroy());
        return;
      } catch (error) {
        const wasSent = (error as NodeJS.ErrnoException).code !== 'ECONNREFUSED';
        if (wasSent && method !== 'GET' && method !== 'HEAD') {
          remember({ ...entry, status: 502 });
          break;
        }
        retriedFrom = target.name;
      }
    }
    outgoing.writeHead(502, { 'content-type': 'text/plain', 'retry-after': '0' });
    outgoing.end('The pod broke off. Send the request again.\n');
  }

  function send(target: Target, incoming: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
    const headers = Object.fromEntries(
      Object.entries(incoming.headers).filter(([name]) => !hopByHop.has(name)),
    );
    headers['x-forwarded-for'] = incoming.socket.remoteAddress ?? '';
    headers['x-forwarded-proto'] = 'http';
    return new Promise((resolve, reject) => {
      const { method, url: path } = incoming;
      const sent = request({ host: '127.0.0.1', port: target.port, method, path, headers, agent }, resolve);
      sent.once('error', reject);
      sent.end(body);
    });
  }

  function remember(entry: PassedRequest): void {
    recent.push(entry);
    if (recent.length > mostRemembered) recent.shift();
  }

  const server = createServer({ maxHeaderSize: 64 * 1024 }, (incoming, outgoing) => {
    pass(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.listen(options.port, options.host ?? '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    recent: () => [...recent],
    async close() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  };
}

/** Headers in pairs, each as often as it came: Set-Cookie must not be joined. */
function endToEnd(raw: string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [name = '', value = ''] = [raw[i], raw[i + 1]];
    if (!hopByHop.has(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}
