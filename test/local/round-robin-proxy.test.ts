import { once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingMessage,
  type RequestListener,
  type RequestOptions,
  request,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import {
  type RoundRobinOptions,
  type RoundRobinProxy,
  startRoundRobinProxy,
  type Target,
} from '../../src/local/round-robin-proxy.ts';
import { createLog } from '../../src/log.ts';
import { freePort } from '../support/pods.ts';

type Received = { status: number; headers: IncomingMessage['headers']; body: string };

const log = createLog('silent', 'test');

describe('the round-robin proxy', () => {
  const servers: Server[] = [];
  let proxy: RoundRobinProxy | undefined;

  afterEach(async () => {
    await proxy?.close();
    for (const server of servers.splice(0)) {
      server.close();
      server.closeAllConnections();
    }
  });

  async function startBackend(name: string, handler: RequestListener): Promise<Target> {
    const server = createServer(handler);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    servers.push(server);
    return { name, port: (server.address() as AddressInfo).port };
  }

  const startNamed = (name: string) => startBackend(name, (_request, response) => response.end(name));
  /** Takes the request, and dies over it. */
  const startDying = (name: string) => startBackend(name, ({ socket }) => socket.destroy());
  const deadTarget = async (name: string): Promise<Target> => ({ name, port: await freePort() });

  async function startProxy(targets: Target[], options: Partial<RoundRobinOptions> = {}): Promise<void> {
    proxy = await startRoundRobinProxy({ port: 0, targets: () => targets, log, ...options });
  }

  function begin(path: string, options: RequestOptions = {}) {
    return request({ host: '127.0.0.1', port: proxy?.port, path, agent: false, ...options });
  }

  async function send(path: string, options: RequestOptions = {}, body = ''): Promise<Received> {
    const sent = begin(path, options);
    sent.end(body);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    let received = '';
    for await (const chunk of answer.setEncoding('utf8')) received += chunk;
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: received };
  }

  const echoHeaders: RequestListener = (incoming, response) =>
    response.end(JSON.stringify(incoming.rawHeaders));

  it('sends each request to the next pod, whatever connection or cookie it comes with', async () => {
    await startProxy(await Promise.all(['a', 'b', 'c'].map(startNamed)));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const answered: string[] = [];
    for (let i = 0; i < 9; i++) {
      answered.push((await send('/', { agent, headers: { cookie: 'pod=a' } })).body);
    }
    agent.destroy();
    const round = answered.slice(0, 3);
    expect([...round].sort()).to.deep.equal(['a', 'b', 'c']);
    expect(answered).to.deep.equal([...round, ...round, ...round]);
  });

  it('keeps its connections to the pods', async () => {
    const target = await startNamed('a');
    let connections = 0;
    servers[0]?.on('connection', () => connections++);
    await startProxy([target]);
    for (let i = 0; i < 5; i++) await send('/');
    expect(connections).to.equal(1);
  });

  it('passes over a pod that takes no connection, with the whole body for the next', async () => {
    const echo = await startBackend('up', (incoming, response) => incoming.pipe(response));
    await startProxy([await deadTarget('down'), echo]);
    for (let i = 0; i < 4; i++) {
      const { status, body } = await send('/form', { method: 'POST' }, `the whole body ${i}`);
      expect([status, body]).to.deep.equal([200, `the whole body ${i}`]);
    }
    expect(proxy?.recent().map(({ pod }) => pod)).to.deep.equal(['up', 'up', 'up', 'up']);
  });

  it('repeats a GET once on the next pod when a pod breaks off', async () => {
    await startProxy([await startDying('dying'), await startNamed('well')]);
    for (let i = 0; i < 4; i++) expect((await send('/page?code=secret')).body).to.equal('well');
    const retried = proxy?.recent().filter(({ retriedFrom }) => retriedFrom === 'dying') ?? [];
    expect(retried).to.have.lengthOf(2);
    expect(retried[0]).to.deep.include({ method: 'GET', path: '/page', pod: 'well', status: 200 });
  });

  it('repeats it no more than once', async () => {
    let received = 0;
    const dying: RequestListener = ({ socket }) => {
      received += 1;
      socket.destroy();
    };
    await startProxy(await Promise.all(['a', 'b', 'c'].map((name) => startBackend(name, dying))));
    expect((await send('/')).status).to.equal(502);
    expect(received).to.equal(2);
  });

  it('never repeats a POST that a pod may have received, and says that it may be sent again', async () => {
    let received = 0;
    const dying = await startBackend('dying', ({ socket }) => {
      received += 1;
      socket.destroy();
    });
    const targets = [dying];
    await startProxy(targets);
    const { status, headers } = await send('/token', { method: 'POST' }, 'grant_type=refresh_token');
    expect([status, headers['retry-after'], received]).to.deep.equal([502, '0', 1]);
    expect((await send('/token', { method: 'POST' })).status, 'also without a body').to.equal(502);
    expect(proxy?.recent().at(-1)).to.deep.include({ pod: 'dying', status: 502, path: '/token' });
    targets.push(await startNamed('well'));
    const statuses = [await send('/', { method: 'POST' }, 'x'), await send('/', { method: 'POST' }, 'x')];
    expect(statuses.map((one) => one.status).sort()).to.deep.equal([200, 502]);
  });

  it('repeats nothing when that is off', async () => {
    await startProxy([await startDying('dying'), await startNamed('well')], { retry: false });
    const statuses = [await send('/'), await send('/'), await send('/'), await send('/')].map(
      ({ status }) => status,
    );
    expect(statuses.sort()).to.deep.equal([200, 200, 502, 502]);
  });

  it('answers 503 when no pod is up', async () => {
    await startProxy([await deadTarget('down')]);
    const { status, headers } = await send('/');
    expect([status, headers['retry-after']]).to.deep.equal([503, '1']);
    expect(proxy?.recent().at(-1)).to.deep.include({ pod: 'none', status: 503 });
  });

  it('gives up on a pod that is silent', async () => {
    await startProxy([await startBackend('frozen', () => {})], { silenceMs: 100 });
    expect((await send('/', { method: 'POST' }, 'x')).status).to.equal(502);
  });

  it('passes bodies on as they come, in both directions', async () => {
    const target = await startBackend('a', (incoming, response) => {
      response.flushHeaders();
      incoming.pipe(response);
    });
    await startProxy([target]);
    const sent = begin('/', { method: 'POST' });
    sent.flushHeaders();
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    for (const part of ['first', 'second']) {
      sent.write(part);
      const [chunk] = await once(answer, 'data');
      expect(String(chunk)).to.equal(part);
    }
    sent.end();
    await once(answer, 'end');
  });

  it('frames a body anew, also where a body is unusual', async () => {
    const echo = await startBackend('a', (incoming, response) => incoming.pipe(response));
    await startProxy([echo]);
    const chunked = { method: 'DELETE', headers: { 'transfer-encoding': 'chunked' } };
    expect((await send('/', chunked, 'unusual')).body).to.equal('unusual');
    expect((await send('/')).body).to.equal('');
  });

  it('lets the client see that an answer broke off', async () => {
    const target = await startBackend('a', (_request, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('half');
      setTimeout(() => response.destroy(), 50);
    });
    await startProxy([target]);
    const failure = await send('/').catch((error: NodeJS.ErrnoException) => error.code);
    expect(failure).to.equal('ECONNRESET');
  });

  it('breaks off at the pod when the client goes away', async () => {
    let isAsked = false;
    let isLeft = false;
    const target = await startBackend('a', (_request, response) => {
      isAsked = true;
      response.once('close', () => {
        isLeft = true;
      });
    });
    await startProxy([target]);
    const sent = begin('/');
    sent.on('error', () => {});
    sent.end();
    while (!isAsked) await pause(5);
    sent.destroy();
    while (!isLeft) await pause(5);
  });

  it('says who asked for what, and lets nobody else say it', async () => {
    await startProxy([await startBackend('a', echoHeaders)]);
    const claimed = {
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-host': 'evil.example',
      forwarded: 'for=6.6.6.6',
    };
    const { body } = await send('/', { headers: { ...claimed, host: 'id.example' } });
    const fields = pairs(JSON.parse(body));
    expect(fields).to.include('X-Forwarded-For: 127.0.0.1');
    expect(fields).to.include('X-Forwarded-Proto: http');
    expect(fields).to.include('X-Forwarded-Host: id.example');
    expect(fields.filter((field) => /^host:/i.test(field))).to.have.lengthOf(1);
    expect(body).to.not.include('6.6.6.6').and.not.include('evil');
  });

  it('keeps what belongs to one connection on that connection', async () => {
    await startProxy([await startBackend('a', echoHeaders)]);
    const headers = { connection: 'close, x-hop', 'x-hop': '1', te: 'trailers', 'x-end': '1' };
    const { body } = await send('/', { headers });
    const names = pairs(JSON.parse(body)).map((field) => field.split(':')[0]?.toLowerCase());
    expect(names).to.include('x-end').and.not.include('x-hop').and.not.include('te');
  });

  it('passes every Set-Cookie on', async () => {
    const target = await startBackend('a', (_request, response) => {
      response.setHeader('set-cookie', ['one=1; Path=/', 'two=2; Expires=Wed, 01 Jan 2031 00:00:00 GMT']);
      response.writeHead(303, { location: '/next' }).end();
    });
    await startProxy([target]);
    const { status, headers } = await send('/');
    expect(status).to.equal(303);
    expect(headers.location).to.equal('/next');
    expect(headers['set-cookie']).to.have.lengthOf(2);
  });

  it('remembers the last hundred requests', async () => {
    await startProxy([await startNamed('a')]);
    const agent = new Agent({ keepAlive: true });
    for (let i = 0; i < 105; i++) await send(`/${i}`, { agent });
    agent.destroy();
    const recent = proxy?.recent() ?? [];
    expect([recent.length, recent[0]?.path, recent.at(-1)?.path]).to.deep.equal([100, '/5', '/104']);
    expect(Date.parse(recent[0]?.at ?? '')).to.be.greaterThan(Date.now() - 60_000);
  });

  it('ends when it is closed, also with a request in flight', async () => {
    await startProxy([await startBackend('slow', () => {})]);
    const inFlight = send('/').catch((error: NodeJS.ErrnoException) => error.code);
    while (servers[0] && (await connectionsOf(servers[0])) === 0) await pause(5);
    await proxy?.close();
    expect(await inFlight).to.equal('ECONNRESET');
    const afterwards = await send('/').catch((error: NodeJS.ErrnoException) => error.code);
    expect(afterwards).to.equal('ECONNREFUSED');
  });
});

function pairs(raw: string[]): string[] {
  return raw.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${raw[i + 1]}`] : []));
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );
}
