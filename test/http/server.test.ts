import { expect } from 'chai';
import getRawBody from 'raw-body';
import { z } from 'zod';
import { Refusal, Unavailable } from '../../src/errors.ts';
import { replyWithError } from '../../src/http/error-reply.ts';
import type { Renderer } from '../../src/http/render.ts';
import { route } from '../../src/http/route.ts';
import { allowFormAction } from '../../src/http/security-headers.ts';
import { assets, connectTo, type SmallServer, startSmallServer, untilClosed } from './small-server.ts';

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
const headerOf = (answer: string, name: string) => new RegExp(`^${name}: (.*)\r$`, 'im').exec(answer)?.[1];

describe('the server', () => {
  let small: SmallServer;
  let fails: () => unknown;
  let isReady = true;

  before(async () => {
    small = await startSmallServer({
      isReady: () => isReady,
      routes: [
        route({
          method: 'GET',
          path: '/page',
          statuses: [200],
          handle: async ({ requestId }) => ({ html: requestId, formAction: ['https://app.example'] }),
        }),
        route({
          method: 'GET',
          path: '/interaction/:uid/half-made',
          params: z.strictObject({ uid: z.string() }),
          statuses: [200],
          async handle({ raw }) {
            raw.set({
              location: '/half',
              'www-authenticate': 'Basic',
              etag: '"half"',
              'retry-after': '99',
              'cache-control': 'public, max-age=300',
              'access-control-allow-origin': '*',
            });
            raw.cookies.set('half', 'made');
            allowFormAction(raw, ['https://half.example']);
            raw.body = { half: 'made' };
            throw fails();
          },
        }),
      ],
      engine: [
        async (ctx, next) => {
          if (ctx.path === '/token') ctx.body = `unread: ${await getRawBody(ctx.req, { encoding: 'utf8' })}`;
          else if (ctx.path === '/auth/secret-uid') {
            // The engine goes on under another address than it was asked at.
            ctx.method = 'POST';
            ctx.url = '/changed';
            ctx.body = 'ok';
          } else if (ctx.path === '/engine-page') {
            replyWithError(ctx, new Refusal(400, 'expired', { description: 'from within the engine' }));
          } else if (ctx.path === '/unwritable') ctx.body = { toJSON: () => fails() };
          else await next();
        },
      ],
    });
  });
  beforeEach(() => {
    small.log.length = 0;
    fails = () => new Error('secret cause');
    isReady = true;
  });
  after(() => small.stop());

  describe('says to browsers', () => {
    const always = {
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': 'no-store',
      'holdfast-pod': 'pod-under-test',
    };
    const narrow =
      "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

    it('the same on pages, errors, and whatever else it answers', async () => {
      const mark = assets.url('mark.svg');
      for (const [path, status, headers] of [
        ['/page', 200, {}],
        ['/nowhere', 404, {}],
        ['/interaction/x/half-made', 500, {}],
        ['/engine-page', 400, {}],
        ['/page', 421, { host: 'evil.example' }],
        ['/livez', 200, {}],
        [mark, 200, {}],
      ] as const) {
        const reply = await small.get(path, headers);
        expect(reply.status, path).to.equal(status);
        const expected = {
          ...always,
          ...(path === mark ? { 'cache-control': reply.headers.get('cache-control') } : {}),
        };
        for (const [name, value] of Object.entries(expected)) {
          expect(reply.headers.get(name), `${path} ${name}`).to.equal(value);
        }
        expect(reply.headers.get('permissions-policy'), path).to.include('camera=()');
        const policy = path === '/page' && status === 200 ? `${narrow} https://app.example` : narrow;
        expect(reply.headers.get('content-security-policy'), path).to.equal(policy);
        expect(reply.headers.has('strict-transport-security'), path).to.equal(false);
        const isPage = reply.headers.get('content-type')?.includes('html') || path === mark;
        const resourcePolicy = reply.headers.get('cross-origin-resource-policy');
        expect(resourcePolicy, path).to.equal(isPage ? 'same-origin' : null);
      }
    });

    it('to come back by https alone, where the issuer has it', async () => {
      const secure = await startSmallServer({ environment: { HOLDFAST_ISSUER: 'https://id.example' } });
      const { headers } = await secure.get('/');
      expect(headers.get('strict-transport-security')).to.match(/^max-age=63072000; includeSubDomains$/);
      await secure.stop();
    });

    it('to keep its files, under their hashed name for good', async () => {
      const url = assets.url('holdfast.css');
      const reply = await small.get(url);
      expect(reply.headers.get('cache-control')).to.equal('public, max-age=31536000, immutable');
      const again = await small.get(url, { 'if-none-match': reply.headers.get('etag') ?? '' });
      expect([again.status, again.body]).to.deep.equal([304, '']);
      const head = await small.get(url, {}, 'HEAD');
      expect([head.status, head.body]).to.deep.equal([200, '']);
      expect(head.headers.get('content-length')).to.equal(String(reply.body.length));
      const wrong = await small.get(url, {}, 'DELETE');
      expect([wrong.status, wrong.headers.get('allow')]).to.deep.equal([405, 'GET, HEAD']);
    });
  });

  describe('answers errors', () => {
    it('with a page for a browser and JSON for a program', async () => {
      const page = await small.get('/nowhere');
      expect([page.status, page.headers.get('content-type')]).to.deep.equal([
        404,
        'text/html; charset=utf-8',
      ]);
      expect(page.body).to.include('<!doctype html>');
      for (const accept of ['application/json', '*/*']) {
        const reply = await small.get('/nowhere', { accept });
        expect([reply.status, JSON.parse(reply.body)]).to.deep.equal([404, { error: 'not_found' }]);
      }
    });

    it('without anything of the answer that was not finished', async () => {
      const reply = await small.get('/interaction/x/half-made');
      expect(reply.status).to.equal(500);
      for (const name of ['location', 'www-authenticate', 'etag', 'retry-after', 'set-cookie']) {
        expect(reply.headers.has(name), name).to.equal(false);
      }
      expect(reply.headers.get('cache-control')).to.equal('no-store');
      // Without this a program in a browser could not read what went wrong.
      expect(reply.headers.get('access-control-allow-origin')).to.equal('*');
      expect(reply.body).to.not.include('half');
    });

    it('with their cause in the log and not in the answer', async () => {
      for (const accept of ['text/html', 'application/json']) {
        small.log.length = 0;
        const reply = await small.get('/interaction/x/half-made', { accept });
        expect(reply.body).to.not.include('secret cause');
        const line = small.log.find(({ msg }) => msg === 'a request failed');
        expect(JSON.stringify(line)).to.include('secret cause');
        expect(line?.requestId).to.equal(reply.headers.get('x-request-id'));
      }
    });

    it('with 503 and when to come back, when it is an outage', async () => {
      fails = () => new Unavailable('redis at 10.0.0.1 is away', { retryAfterSeconds: 7 });
      for (const accept of ['text/html', 'application/json']) {
        const reply = await small.get('/interaction/x/half-made', { accept });
        expect([reply.status, reply.headers.get('retry-after')]).to.deep.equal([503, '7']);
        expect(reply.body).to.not.include('10.0.0.1');
        expect(reply.body).to.include('temporarily_unavailable');
      }
    });

    it('whatever was thrown', async () => {
      for (const thrown of [
        undefined,
        null,
        'text',
        { status: 200 },
        Object.assign(new Error('x'), { status: 418 }),
      ]) {
        fails = () => thrown;
        expect((await small.get('/interaction/x/half-made')).status).to.equal(500);
      }
    });

    it('also where the error page itself, or the writing of an answer, fails', async () => {
      const broken: Renderer = {
        page() {
          throw new Error('no template');
        },
      };
      const other = await startSmallServer({ renderer: broken });
      const reply = await other.get('/nowhere');
      expect([reply.status, reply.headers.get('content-type')]).to.deep.equal([
        404,
        'text/plain; charset=utf-8',
      ]);
      expect(reply.headers.get('content-security-policy')).to.include("default-src 'none'");
      expect(other.log.map(({ msg }) => msg)).to.include('the error page failed');
      await other.stop();

      fails = () => {
        throw new Error('secret cause');
      };
      const unwritable = await small.get('/unwritable');
      expect([unwritable.status, unwritable.body]).to.deep.equal([500, 'Internal Server Error']);
      expect(small.log.map(({ msg }) => msg)).to.include('an answer was not sent');
    });
  });

  describe('names each request', () => {
    it('in the answer, on the error page, and in the log, each with its own', async () => {
      const ids = new Set<string>();
      for (const path of ['/page', '/page', '/nowhere', '/engine-page', '/livez']) {
        const reply = await small.get(path);
        const id = reply.headers.get('x-request-id') ?? '';
        expect(id).to.match(/^[\w-]{22}$/);
        ids.add(id);
        if (path !== '/livez') {
          expect(reply.body).to.include(id);
          expect(small.log.at(-1)?.requestId).to.equal(id);
        }
      }
      expect(ids.size).to.equal(5);
    });

    it('by no word of whoever sends it; what a proxy of ours calls it stands beside it in the log', async () => {
      const behind = await startSmallServer({ environment: { HOLDFAST_PROXY_HOPS: '1' } });
      const given = '4bf92f35-77b3.4da6';
      for (const [server, upstream] of [
        [behind, given],
        [small, undefined],
      ] as const) {
        const reply = await server.get('/page', { 'x-request-id': given });
        const id = reply.headers.get('x-request-id');
        expect(id).to.match(/^[\w-]{22}$/);
        expect(reply.body).to.include(id).and.not.include(given);
        const line = server.log.at(-1);
        expect([line?.requestId, line?.upstream_request_id]).to.deep.equal([id, upstream]);
      }
      for (const odd of [
        'short',
        'a b c d e f g',
        '<script>alert</script>',
        'x'.repeat(65),
        '{"level":60}',
        '',
      ]) {
        await behind.get('/page', { 'x-request-id': odd });
        expect(behind.log.at(-1), odd).to.not.have.property('upstream_request_id');
      }
      await behind.stop();
    });
  });

  describe('logs each request in one line', () => {
    it('without its query, its ids, or anything else that opens something', async () => {
      await small.get('/page?code=topsecret');
      await small.get('/nowhere?code=topsecret', {
        cookie: 'session=topsecret',
        authorization: 'Basic topsecret',
        'user-agent': 'topsecret',
        referer: 'http://id.example/topsecret',
      });
      await small.get('/interaction/topsecret/half-made');
      await small.get('/auth/topsecret');
      await small.get('/device/topsecret/');
      await small.get('/AUTH/topsecret');
      await small.post('/token', 'code=topsecret');
      const requests = small.log.filter(({ msg }) => msg === 'request');
      expect(requests.map(({ method, path, status }) => [method, path, status])).to.deep.equal([
        ['GET', '/page', 400],
        ['GET', '/nowhere', 404],
        ['GET', '/interaction/…/half-made', 500],
        ['GET', '/auth/…', 404],
        ['GET', '/device/…/', 404],
        ['GET', '/AUTH/…', 404],
        ['POST', '/token', 200],
      ]);
      expect(JSON.stringify(small.log)).to.not.include('topsecret');
      expect(requests[0]?.ms).to.be.a('number');
    });

    it('as it was asked, wherever the engine went on', async () => {
      await small.get('/auth/secret-uid');
      expect(small.log.at(-1)).to.include({ method: 'GET', path: '/auth/…', status: 200 });
    });

    it('of bounded length, and stays silent about probes', async () => {
      await small.get(`/${'a'.repeat(10_000)}`);
      expect(String(small.log.at(-1)?.path)).to.have.lengthOf(200);
      small.log.length = 0;
      for (const path of ['/livez', '/readyz', '/startupz']) await small.get(path);
      expect(small.log).to.deep.equal([]);
    });
  });

  it('answers probes: alive always, ready and started when it is', async () => {
    const statuses = () =>
      Promise.all(['/livez', '/startupz', '/readyz'].map(async (path) => (await small.get(path)).status));
    expect(await statuses()).to.deep.equal([200, 200, 200]);
    isReady = false;
    expect(await statuses()).to.deep.equal([200, 503, 503]);
    const wrong = await small.get('/readyz', {}, 'POST');
    expect([wrong.status, wrong.headers.get('allow')]).to.deep.equal([405, 'GET, HEAD']);
  });

  it('gives the engine the request unread, up to 64 KiB', async () => {
    expect((await small.post('/token', 'grant_type=x')).body).to.equal('unread: grant_type=x');
    const long = await small.post('/token', 'a'.repeat(65_537), { accept: 'application/json' });
    expect([long.status, JSON.parse(long.body).error]).to.deep.equal([413, 'invalid_request']);
  });

  it('takes a path in one spelling', async () => {
    for (const path of ['/TOKEN', '/Token', '/token/', '/AUTH/secret-uid', '/auth/secret-uid/', '/toKen']) {
      expect((await small.get(path)).status, path).to.equal(404);
    }
  });

  describe('answers plainly what is no request', () => {
    it('for it cannot be read', async () => {
      for (const line of [
        'nonsense',
        'GET / HTTP/9.9',
        'GET /page page HTTP/1.1',
        '\u0016\u0003\u0001\u0002\u0000\u0001',
        'GET / HTTP/1.1\r\nHost: id.example\r\nContent-Length: 1\r\nTransfer-Encoding: chunked',
        'GET / HTTP/1.1\r\nHost: id.example\r\nContent-Length: x',
        'GET / HTTP/1.1\r\nHost: id.example\r\nBad Header: x',
      ]) {
        small.log.length = 0;
        const answer = await small.raw(line, '', '');
        expect(statusOf(answer), line).to.equal(400);
        expect(answer, line).to.match(/\r\n\r\nBad Request\n$/);
        expect(headerOf(answer, 'Connection')).to.equal('close');
        expect(headerOf(answer, 'X-Content-Type-Options')).to.equal('nosniff');
        expect(small.log).to.have.lengthOf(1);
        expect(small.log[0]).to.include({ requestId: headerOf(answer, 'X-Request-Id'), status: 400 });
      }
    });

    it('for its head is longer than 32 KiB', async () => {
      const head = (length: number) => [
        'GET /page HTTP/1.1',
        'Host: id.example',
        'Connection: close',
        `Cookie: ${'a'.repeat(length)}`,
        '',
        '',
      ];
      expect(statusOf(await small.raw(...head(31 * 1024)))).to.equal(200);
      expect(statusOf(await small.raw(...head(33 * 1024)))).to.equal(431);
    });

    it('for it does not come to an end in time', async () => {
      const hasty = await startSmallServer({ timeouts: { headMs: 200, requestMs: 400 } });
      const [head, body, none] = await Promise.all([
        hasty.raw('GET / HTTP/1.1', 'Host: id.example', 'X-Slow: '),
        hasty.raw('POST /token HTTP/1.1', 'Host: id.example', 'Content-Length: 100', '', 'a=b'),
        hasty.raw(),
      ]);
      for (const answer of [head, none]) {
        expect(statusOf(answer)).to.equal(408);
        expect(answer).to.match(/\r\n\r\nRequest Timeout\n$/);
      }
      // Nothing here reads this body, so it was answered before.
      expect(statusOf(body)).to.equal(404);
      await hasty.stop();
    });

    it('also where something waits for the rest of it', async () => {
      const hasty = await startSmallServer({
        timeouts: { headMs: 200, requestMs: 400 },
        engine: [
          async (ctx) => {
            ctx.body = await getRawBody(ctx.req, { encoding: 'utf8' });
          },
        ],
      });
      const answer = await hasty.raw(
        'POST /token HTTP/1.1',
        'Host: id.example',
        'Content-Length: 9',
        '',
        'a=b',
      );
      expect(answer.match(/HTTP\/1\.1 \d+/g)).to.deep.equal(['HTTP/1.1 408']);
      await hasty.stop();
    });
  });

  it('keeps a connection open for 75 seconds, and answers what is sent ahead of time in order', async () => {
    const socket = await connectTo(small.port);
    const request = (path: string, ...lines: string[]) =>
      [`GET ${path} HTTP/1.1`, 'Host: id.example', ...lines, '', ''].join('\r\n');
    socket.write(request('/page') + request('/nowhere') + request('/page', 'Connection: close'));
    const answers = await untilClosed(socket);
    expect(answers.match(/HTTP\/1\.1 \d+/g)).to.deep.equal(['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200']);
    expect(headerOf(answers, 'Keep-Alive')).to.equal('timeout=75');
  });
});
