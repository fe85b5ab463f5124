/**
 * A balancer as one stands in front of pods, with no affinity at all: each request goes to the next pod. Owns
 * passing requests on and remembering where they went. Does not know what a pod is, nor whether one is well.
 */
import { once } from 'node:events';
import {
  Agent,
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import type { Log } from '../log.ts';

/** A pod that may be sent requests. */
export type Target = { name: string; port: number };

/** A request that was passed on. `retriedFrom`: the pod that broke off before. */
export type PassedRequest = {
  at: string;
  method: string;
  /** Without the query, which may hold a code or a token. */
  path: string;
  /** `none` when no pod took it. */
  pod: string;
  status: number;
  retriedFrom?: string;
};

export type RoundRobinProxy = {
  port: number;
  /** The last hundred requests, oldest first. */
  recent(): PassedRequest[];
  /** Breaks off what is in flight. */
  close(): Promise<void>;
};

export type RoundRobinOptions = {
  /** 0 takes a free one. */
  port: number;
  host?: string;
  /** Asked for each request. */
  targets(): Target[];
  log: Log;
  /** Whether a request that broke off may go to another pod when it is safe to repeat (default true). */
  retry?: boolean;
  /** How long a pod may be silent before it counts as broken (default 60 000). */
  silenceMs?: number;
};

const mostRemembered = 100;
const maxHeaderSize = 64 * 1024;

/** RFC 9110 7.6.1; and Expect, which Node's server has answered by then. */
const hopByHop = new Set([
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What only the balancer may say. */
const forwarding = new Set([
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
]);

/**
 * A pod that does not take the connection is passed over. When a connection breaks before the answer, a request
 * that is safe to repeat (RFC 9110 9.2.2) goes to one more pod; any other is answered 502, and whoever sent it
 * decides.
 */
export async function startRoundRobinProxy(options: RoundRobinOptions): Promise<RoundRobinProxy> {
  const { host = '127.0.0.1', log, retry = true, silenceMs = 60_000 } = options;
  const agent = new Agent({ keepAlive: true });
  const recent: PassedRequest[] = [];
  let turn = 0;

  /** All that may be tried for a request, beginning with the one whose turn it is. */
  function inTurn(): Target[] {
    const targets = options.targets();
    turn += 1;
    const first = turn % Math.max(targets.length, 1);
    return [...targets.slice(first), ...targets.slice(0, first)];
  }

  async function pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = incoming;
    const at = new Date().toISOString();
    let retriedFrom: string | undefined;
    const remember = (pod: string, status: number) => {
      const path = url.split('?')[0] ?? '';
      recent.push({ at, method, path, pod, status, ...(retriedFrom ? { retriedFrom } : {}) });
      if (recent.length > mostRemembered) recent.shift();
    };

    for (const target of inTurn()) {
      const outcome = await send(target, incoming, outgoing);
      if (outcome.kind === 'answered') {
        const { answer } = outcome;
        const status = answer.statusCode ?? 502;
        remember(target.name, status);
        outgoing.writeHead(status, answer.statusMessage, endToEnd(answer));
        outgoing.flushHeaders();
        // Where it breaks in the middle, the client must see it break.
        pipeline(answer, outgoing, () => {});
        return;
      }
      if (outgoing.destroyed) return;
      log.info({ target: target.name, method, outcome: outcome.kind }, 'a pod did not answer');
      if (outcome.kind === 'refused') continue;
      const isSafe = (method === 'GET' || method === 'HEAD') && !hasBody(incoming);
      if (!retry || !isSafe || retriedFrom) {
        remember(target.name, 502);
        return refuse(outgoing, 502, 0, 'The pod broke off. Send the request again.');
      }
      retriedFrom = target.name;
    }
    remember('none', 503);
    refuse(outgoing, 503, 1, 'No pod is up. Send the request again in a moment.');
  }

  /** `refused`: nothing was sent. `broken`: the pod may have received it. */
  type Outcome = { kind: 'answered'; answer: IncomingMessage } | { kind: 'refused' } | { kind: 'broken' };

  function send(target: Target, incoming: IncomingMessage, outgoing: ServerResponse): Promise<Outcome> {
    return new Promise((resolve) => {
      let wasConnected = false;
      const sent: ClientRequest = request({
        agent,
        host: '127.0.0.1',
        port: target.port,
        method: incoming.method,
        path: incoming.url,
        headers: [...endToEnd(incoming), ...forwardingHeaders(incoming)],
        maxHeaderSize,
        timeout: silenceMs,
      });
      sent.once('timeout', () => sent.destroy());
      sent.on('error', () => resolve({ kind: wasConnected ? 'broken' : 'refused' }));
      sent.once('response', (answer) => resolve({ kind: 'answered', answer }));
      sent.once('socket', (socket) => {
        const begin = () => {
          wasConnected = true;
          // The body is touched only now, so that a pod that refuses leaves it whole for the next one.
          sent.flushHeaders();
          if (hasBody(incoming)) incoming.pipe(sent);
          else sent.end();
        };
        if (socket.connecting) socket.once('connect', begin);
        else begin();
      });
      // A client that goes away takes its request with it.
      outgoing.once('close', () => sent.destroy());
    });
  }

  const server = createServer({ maxHeaderSize }, (incoming, outgoing) => {
    incoming.on('error', () => outgoing.destroy());
    pass(incoming, outgoing).catch((err: unknown) => {
      log.error({ err }, 'the balancer failed');
      outgoing.destroy();
    });
  });
  server.listen(options.port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    recent: () => [...recent],
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await closed;
    },
  };
}

/** RFC 9112 6.3 */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Header fields in pairs, as they came and as often: Set-Cookie must not be joined. */
function endToEnd({ rawHeaders, headers }: IncomingMessage): string[] {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  const kept: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = [rawHeaders[i], rawHeaders[i + 1]];
    const lower = name.toLowerCase();
    if (!hopByHop.has(lower) && !named.includes(lower) && !forwarding.has(lower)) kept.push(name, value);
  }
  return kept;
}

function forwardingHeaders({ headers, socket }: IncomingMessage): string[] {
  return [
    ...['X-Forwarded-For', socket.remoteAddress ?? ''],
    ...['X-Forwarded-Proto', 'http'],
    ...(headers.host === undefined ? [] : ['X-Forwarded-Host', headers.host]),
    // Framing is between two hops, so it is said anew.
    ...(headers['transfer-encoding'] === undefined ? [] : ['Transfer-Encoding', 'chunked']),
  ];
}

function refuse(outgoing: ServerResponse, status: number, retryAfterSeconds: number, text: string): void {
  // The rest of a body that nobody reads any more would be taken for the next request.
  outgoing.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'retry-after': String(retryAfterSeconds),
    connection: 'close',
  });
  outgoing.end(`${text}\n`);
}
