import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { route } from '../../src/http/route.ts';
import { type Pod, startPod } from '../support/pods.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { connectTo, type SmallServer, startSmallServer, untilClosed } from './small-server.ts';

const head = (path: string) => `GET ${path} HTTP/1.1\r\nHost: id.example\r\n\r\n`;

describe('a server that drains', () => {
  let small: SmallServer;
  /** Called when a slow request has arrived; what it waits for. */
  let arrived: () => void;
  let until: Promise<void>;

  async function start(pauseMs: number, seconds: number): Promise<void> {
    small = await startSmallServer({
      environment: { HOLDFAST_DRAIN_PAUSE_MS: String(pauseMs), HOLDFAST_DRAIN_SECONDS: String(seconds) },
      routes: [
        route({
          method: 'GET',
          path: '/slow',
          statuses: [200],
          async handle() {
            arrived();
            await until;
            return { html: 'finished' };
          },
        }),
      ],
    });
  }
  afterEach(() => small.stop());

  /** Resolves when the request is being worked on. */
  async function sendSlow(): Promise<{ received: Promise<string> }> {
    const begun = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const socket = await connectTo(small.port);
    const received = untilClosed(socket);
    socket.write(head('/slow'));
    await begun;
    return { received };
  }

  it('is unready at once, and in its pause serves on, ending each connection', async () => {
    await start(300, 5);
    const idle = await connectTo(small.port);
    idle.write(head('/livez'));
    await once(idle, 'data');

    const drained = small.server.drain();
    const probe = await small.get('/readyz');
    expect([probe.status, probe.headers.get('connection')]).to.deep.equal([503, 'close']);
    // Both on a connection of before and on a new one.
    idle.write(head('/nowhere'));
    const answers = [await untilClosed(idle), await small.raw(head('/nowhere'))];
    for (const answer of answers) {
      expect(answer).to.match(/^HTTP\/1\.1 404/);
      expect(answer).to.match(/^connection: close\r$/im);
    }
    await drained;
    const refused = await small.get('/').catch((error: NodeJS.ErrnoException) => error.code);
    expect(refused).to.equal('ECONNREFUSED');
  });

  it('finishes the requests that are on their way, those of before the drain and of its pause', async () => {
    await start(100, 5);
    let finish = () => {};
    until = new Promise((resolve) => {
      finish = resolve;
    });
    const before = await sendSlow();
    const drained = small.server.drain();
    const during = await sendSlow();
    let isDrained = false;
    void drained.then(() => {
      isDrained = true;
    });
    await untilRefused(small.port);
    expect(isDrained).to.equal(false);

    finish();
    for (const { received } of [before, during]) {
      const text = await received;
      expect(text).to.match(/finished$/);
      expect(text).to.match(/^connection: close\r$/im);
    }
    await drained;
  });

  it('does not wait for connections that are idle, or were never used', async () => {
    await start(0, 60);
    const [idle, unused] = [await connectTo(small.port), await connectTo(small.port)];
    idle.write(head('/livez'));
    await once(idle, 'data');
    const closed = Promise.all([untilClosed(idle), untilClosed(unused)]);
    const started = performance.now();
    await small.server.drain();
    expect(performance.now() - started).to.be.lessThan(1000);
    await closed;
  });

  it('ends in its time when a client holds a connection, or a request does not end', async () => {
    await start(100, 1);
    until = new Promise(() => {});
    const held = await connectTo(small.port);
    held.write('GET / HTTP/1.1\r\nHost: ');
    const stuck = await sendSlow();
    const closed = Promise.all([untilClosed(held), stuck.received]);
    const started = performance.now();
    await Promise.all([small.server.drain(), small.server.drain()]);
    expect(performance.now() - started).to.be.within(900, 1500);
    expect(await closed).to.deep.equal(['', '']);
  });
});

async function untilRefused(port: number): Promise<void> {
  for (;;) {
    try {
      (await connectTo(port)).destroy();
    } catch {
      return;
    }
    await pause(10);
  }
}

describe('a pod that is told to stop', () => {
  const paths = ['/', '/jwks', '/nowhere', '/.well-known/openid-configuration'];
  let redis: Topology;
  let pods: Pod[];
  let balancer: Balancer;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    pods = await Promise.all(
      ['pod-0', 'pod-1'].map((name) =>
        startPod({
          name,
          issuer: 'http://id.example',
          redisUrl: redis.url,
          environment: { HOLDFAST_DRAIN_PAUSE_MS: '300', HOLDFAST_DRAIN_SECONDS: '10' },
        }),
      ),
    );
    balancer = await startBalancer(() => pods);
  });
  after(async () => {
    await balancer?.close();
    await Promise.all((pods ?? []).map((pod) => pod.kill('SIGKILL')));
    await redis?.stop();
  });

  it('fails no request of clients that send without pause', async () => {
    const failed: string[] = [];
    let sent = 0;
    let isOver = false;
    const agent = new Agent({ keepAlive: true });
    async function sendOn(): Promise<void> {
      for (let turn = 0; !isOver; turn++) {
        const path = paths[turn % paths.length] ?? '/';
        const status = await statusOf(balancer.port, path, agent);
        sent += 1;
        if (status !== (path === '/nowhere' ? 404 : 200)) failed.push(`${path}: ${status}`);
      }
    }
    const clients = Promise.all(Array.from({ length: 8 }, sendOn));

    const [leaving] = pods;
    const before = sent;
    const ended = once(leaving?.process as ChildProcess, 'exit');
    leaving?.process.kill('SIGTERM');
    expect(await ended).to.deep.equal([0, null]);
    expect(sent - before, 'requests during the drain').to.be.greaterThan(8);
    isOver = true;
    await clients;
    agent.destroy();
    expect(failed).to.deep.equal([]);
  });
});

type Balancer = { port: number; close(): Promise<void> };

/** Passes requests on to the ready pods in turn, once each: what fails, fails. It looks who is ready now and then. */
async function startBalancer(pods: () => Pod[]): Promise<Balancer> {
  const agent = new Agent({ keepAlive: true });
  let ready: number[] = pods().map(({ port }) => port);
  let turn = 0;
  let isClosing = false;
  const watching = (async () => {
    while (!isClosing) {
      const ports = pods().map(({ port }) => port);
      const statuses = await Promise.all(ports.map((port) => statusOf(port, '/readyz')));
      ready = ports.filter((_port, index) => statuses[index] === 200);
      await pause(50);
    }
  })();

  const server = createServer((incoming, outgoing) => {
    const port = ready[turn++ % ready.length];
    const { url: path, method, headers } = incoming;
    const passed = request({ host: '127.0.0.1', port, path, method, headers, agent }, (answer) => {
      const { connection: _connection, ...rest } = answer.headers;
      outgoing.writeHead(answer.statusCode ?? 502, rest);
      answer.pipe(outgoing);
    });
    passed.once('error', (error: NodeJS.ErrnoException) => {
      outgoing.writeHead(502, error.code).end();
    });
    incoming.pipe(passed);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      isClosing = true;
      await watching;
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  };
}

/** @returns what stands for an answer where there is none: the code of the error */
function statusOf(port: number, path: string, agent?: Agent): Promise<number | string> {
  return new Promise((resolve) => {
    const headers = { host: 'id.example' };
    const take = (answer: IncomingMessage) => {
      answer.resume();
      const status = answer.statusCode ?? 0;
      answer.once('end', () => resolve(status === 502 ? `502 ${answer.statusMessage}` : status));
      answer.once('error', () => resolve('broke off'));
    };
    request({ host: '127.0.0.1', port, path, headers, agent }, take)
      .once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'failed'))
      .end();
  });
}
