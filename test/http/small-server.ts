import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Middleware } from 'koa';
import { readConfig } from '../../src/config.ts';
import { loadAssets } from '../../src/http/assets.ts';
import { createRenderer, type Renderer } from '../../src/http/render.ts';
import type { Route } from '../../src/http/route.ts';
import { createServer, type HttpServer } from '../../src/http/server.ts';
import { captureLog } from '../support/captured-log.ts';
import { type Reply, send } from '../support/person.ts';
import { testKeys } from '../support/pods.ts';

const viewsDirectory = new URL('../../views', import.meta.url).pathname;
export const assets = loadAssets(`${viewsDirectory}/assets`);
const renderer = createRenderer({ viewsDirectory, assets });

export type SmallServer = {
  port: number;
  server: HttpServer;
  log: ReturnType<typeof captureLog>['lines'];
  /** With the issuer's Host, and as a browser that asks for a page, where the headers say nothing else. */
  get(path: string, headers?: Record<string, string>, method?: string): Promise<Reply>;
  /** A form that a page of ours sends. */
  post(path: string, body: string, headers?: Record<string, string>): Promise<Reply>;
  /** Sends these lines as they are. @returns all that comes back until the server closes the connection */
  raw(...lines: string[]): Promise<string>;
  stop(): Promise<void>;
};

/** The HTTP side of a pod by itself: no Redis, no engine, the given routes. */
export async function startSmallServer(
  options: {
    routes?: Route[];
    engine?: Middleware[];
    environment?: Record<string, string>;
    originCheckedPaths?: string[];
    strict?: boolean;
    isReady?: () => boolean;
    timeouts?: { headMs: number; requestMs: number };
    renderer?: Renderer;
    ahead?: Parameters<typeof createServer>[0]['ahead'];
  } = {},
): Promise<SmallServer> {
  const { log, lines } = captureLog();
  const config = readConfig({
    HOLDFAST_ISSUER: 'http://id.example',
    HOLDFAST_PORT: '0',
    HOLDFAST_POD: 'pod-under-test',
    HOLDFAST_KEYS: testKeys,
    HOLDFAST_DRAIN_PAUSE_MS: '0',
    HOLDFAST_DRAIN_SECONDS: '1',
    ...options.environment,
  });
  const issuer = new URL(config.issuer);
  const isReady = options.isReady ?? (() => true);
  const server = createServer({
    config,
    log,
    assets,
    renderer: options.renderer ?? renderer,
    routes: options.routes ?? [],
    engine: options.engine ?? [],
    ahead: options.ahead ?? (() => false),
    originCheckedPaths: options.originCheckedPaths ?? [],
    strict: options.strict ?? true,
    probes: { isStarted: isReady, isReady },
    ...(options.timeouts ? { timeouts: options.timeouts } : {}),
  });
  const { port } = await server.listen();
  const address = (path: string) => new URL(`http://127.0.0.1:${port}${path}`);
  return {
    port,
    server,
    log: lines,
    get: (path, headers = {}, method = 'GET') =>
      send(address(path), { method, headers: { host: issuer.host, accept: 'text/html', ...headers } }),
    post: (path, body, headers = {}) =>
      send(address(path), {
        method: 'POST',
        headers: {
          host: issuer.host,
          accept: 'text/html',
          origin: issuer.origin,
          'content-type': 'application/x-www-form-urlencoded',
          ...headers,
        },
        body,
      }),
    async raw(...sent) {
      const socket = await connectTo(port);
      socket.write(sent.join('\r\n'));
      return untilClosed(socket);
    },
    stop: () => server.drain(),
  };
}

export async function connectTo(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

/** @returns what was received by then; a reset counts as closed */
export async function untilClosed(socket: Socket): Promise<string> {
  let received = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    received += chunk;
  });
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('close', resolve));
  return received;
}
