import { expect } from 'chai';
import { z } from 'zod';
import { type Reply, route } from '../../src/http/route.ts';
import { connectTo, type SmallServer, startSmallServer, untilClosed } from './small-server.ts';

const form = z.strictObject({ name: z.string().max(10), tag: z.string().optional() });

describe('a route', () => {
  let small: SmallServer;
  let handled: unknown[];
  let next: Reply | Error;

  before(async () => {
    small = await startSmallServer({
      routes: [
        route({
          method: 'GET',
          path: '/things/:id',
          params: z.strictObject({ id: z.string().max(20) }),
          query: z.strictObject({ page: z.coerce.number().optional() }),
          statuses: [200, 303, 503],
          async handle({ params, query }) {
            handled.push({ ...params, ...query });
            if (next instanceof Error) throw next;
            return next;
          },
        }),
        route({
          method: 'POST',
          path: '/things/:id',
          params: z.strictObject({ id: z.string() }),
          body: form,
          statuses: [200],
          async handle({ params, body }) {
            handled.push({ ...params, ...body });
            return { html: 'kept' };
          },
        }),
      ],
    });
  });
  beforeEach(() => {
    handled = [];
    next = { html: '<p>thing</p>' };
  });
  after(() => small.stop());

  it('gets typed input, decoded', async () => {
    expect((await small.get('/things/a%20b?page=2')).body).to.equal('<p>thing</p>');
    await small.post('/things/c', 'name=d+%C3%A9%26');
    expect(handled).to.deep.equal([
      { id: 'a b', page: 2 },
      { id: 'c', name: 'd é&' },
    ]);
  });

  it('refuses a form that is not as expected with a 400 and a page', async () => {
    for (const body of [
      '',
      'name=a&name=b',
      'name=a&color=red',
      'name=a&__proto__=b',
      'name=a&__proto__[x]=b',
      'name=a&constructor=b',
      'name=a&toString=b',
      'name[]=a',
      'name=a%00',
      'name%00=a',
      'name=a%',
      'name=%zz',
      'name=%ff',
      `name=${'a'.repeat(11)}`,
      `name=a${'&tag=b'.repeat(101)}`,
    ]) {
      const reply = await small.post('/things/1', body);
      expect(reply.status, body).to.equal(400);
      expect(reply.headers.get('content-type'), body).to.include('text/html');
      expect(reply.body, body).to.include('<!doctype html>');
    }
    expect(handled).to.deep.equal([]);
  });

  it('refuses a path or query that is not as expected alike', async () => {
    for (const path of [
      '/things/%zz',
      '/things/%',
      '/things/%ff',
      '/things/a%00b',
      `/things/${'a'.repeat(21)}`,
      '/things/1?page=x',
      '/things/1?page=1&page=2',
      '/things/1?other=1',
      '/things/1?__proto__=1',
      '/things/1?page=%zz',
      '/things/1?page=1%00',
    ]) {
      expect((await small.get(path)).status, path).to.equal(400);
    }
    expect((await small.post('/things/1?page=1', 'name=a')).status).to.equal(400);
    expect(handled).to.deep.equal([]);
  });

  it('says in JSON what is wrong to who asks for JSON', async () => {
    const reply = await small.post('/things/1', 'name=a&color=red', { accept: 'application/json' });
    expect(reply.status).to.equal(400);
    expect(JSON.parse(reply.body)).to.deep.equal({
      error: 'invalid_request',
      error_description: 'the form is not as expected (unknown: color)',
    });
  });

  it('does not tire of a form with very many fields', async () => {
    const started = performance.now();
    expect((await small.post('/things/1', 'a&'.repeat(32_000))).status).to.equal(400);
    expect(performance.now() - started).to.be.lessThan(500);
  });

  it('takes forms alone', async () => {
    for (const type of ['application/json', 'multipart/form-data; boundary=x', 'text/plain', '']) {
      expect((await small.post('/things/1', 'name=a', { 'content-type': type })).status, type).to.equal(415);
    }
    expect((await small.post('/things/1', 'name=a', { 'content-encoding': 'gzip' })).status).to.equal(415);
    const type = 'Application/X-WWW-Form-Urlencoded; charset=UTF-8';
    expect((await small.post('/things/1', 'name=a', { 'content-type': type })).status).to.equal(200);
  });

  it('takes 64 KiB and no more, and the connection goes on', async () => {
    const head = (path: string, ...lines: string[]) => [
      `POST ${path} HTTP/1.1`,
      'Host: id.example',
      'Origin: http://id.example',
      'Content-Type: application/x-www-form-urlencoded',
      ...lines,
      '',
    ];
    const chunk = `1000\r\n${'a'.repeat(0x1000)}\r\n`;
    const long = 'a'.repeat(64 * 1024 + 1);
    const answers = await small.raw(
      ...head('/things/declared', `Content-Length: ${long.length}`),
      `${long}${head('/things/chunked', 'Transfer-Encoding: chunked').join('\r\n')}`,
      `${chunk.repeat(500)}0\r\n`,
      ...head('/things/fits', 'Content-Length: 65536', 'Connection: close'),
      `name=a&${'a'.repeat(65_536 - 7)}`,
    );
    expect(answers.match(/HTTP\/1\.1 \d+/g)).to.deep.equal([
      'HTTP/1.1 413',
      'HTTP/1.1 413',
      // Not too long: what is wrong with it is the field that nobody knows.
      'HTTP/1.1 400',
    ]);
    expect(answers).to.include('unknown: aaa');
  });

  it('goes on after a form that broke off', async () => {
    const socket = await connectTo(small.port);
    socket.end(
      [
        'POST /things/1 HTTP/1.1',
        'Host: id.example',
        'Origin: http://id.example',
        'Content-Type: application/x-www-form-urlencoded',
        'Content-Length: 100',
        '',
        'name=a',
      ].join('\r\n'),
    );
    await untilClosed(socket);
    expect((await small.post('/things/1', 'name=a')).status).to.equal(200);
    expect(handled).to.have.lengthOf(1);
  });

  it('answers HEAD as GET without a body', async () => {
    const [got, head] = [await small.get('/things/1'), await small.get('/things/1', {}, 'HEAD')];
    expect(head.status).to.equal(200);
    expect(head.body).to.equal('');
    expect(head.headers.get('content-length')).to.equal(got.headers.get('content-length'));
  });

  it('answers another method with 405 and the methods that there are', async () => {
    for (const method of ['PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH']) {
      const reply = await small.get('/things/1', {}, method);
      expect(reply.status, method).to.equal(405);
      expect(reply.headers.get('allow'), method).to.equal('GET, HEAD, POST');
    }
  });

  it('knows its path and no other', async () => {
    for (const path of ['/things', '/things/', '/things/1/', '/things/1/2', '/Things/1', '//things/1']) {
      expect((await small.get(path)).status, path).to.equal(404);
    }
  });

  it('sends on with 303, and sets its cookies', async () => {
    next = {
      redirect: '/elsewhere',
      cookies: [
        { name: 'kept', value: 'x', maxAgeSeconds: 60 },
        { name: 'gone', value: null },
      ],
    };
    const reply = await small.get('/things/1');
    expect([reply.status, reply.location]).to.deep.equal([303, '/elsewhere']);
    expect(reply.setCookies[0]).to.match(/^kept=x; path=\/; expires=.*; samesite=lax; httponly$/);
    expect(reply.setCookies[1]).to.include('gone=; path=/; expires=Thu, 01 Jan 1970');
  });

  it('widens form-action for its page alone, by origins and schemes alone', async () => {
    const policyOf = async () => (await small.get('/things/1')).headers.get('content-security-policy') ?? '';
    const narrow = await policyOf();
    expect(narrow).to.match(/; form-action 'self'$/);
    next = {
      html: 'x',
      formAction: [
        'https://app.example:8443',
        'app:',
        'https://a;sandbox',
        "https://a' 'unsafe-inline'",
        '*',
      ],
    };
    expect(await policyOf()).to.equal(`${narrow} https://app.example:8443 app:`);
    next = { html: 'x' };
    expect(await policyOf()).to.equal(narrow);
  });

  it('says when to come back', async () => {
    next = { status: 503, html: 'busy', retryAfterSeconds: 2 };
    const reply = await small.get('/things/1');
    expect([reply.status, reply.headers.get('retry-after')]).to.deep.equal([503, '2']);
  });

  it('fails on a status that it does not declare where that is wanted, and only there', async () => {
    const undeclared = route({
      method: 'GET',
      path: '/',
      statuses: [200],
      handle: async () => ({ status: 202, html: '' }),
    });
    expect(undeclared.path).to.equal('/');
    for (const [strict, status] of [
      [true, 500],
      [false, 202],
    ] as const) {
      const other = await startSmallServer({ routes: [undeclared], strict });
      expect((await other.get('/')).status).to.equal(status);
      await other.stop();
    }
  });
});
