import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect } from 'chai';
import type { Middleware } from 'koa';
import { type SmallServer, startSmallServer } from './small-server.ts';

describe('the host of a request', () => {
  let small: SmallServer;
  let secure: SmallServer;
  before(async () => {
    // As the engine makes its addresses.
    const engine: Middleware[] = [
      (ctx) => {
        ctx.body = `${ctx.href} ${new URL(ctx.href).origin} ${ctx.URL.host}`;
      },
    ];
    const ahead = (request: IncomingMessage, response: ServerResponse) => {
      if (request.url !== '/ahead') return false;
      response.end('ahead');
      return true;
    };
    const environment = { HOLDFAST_EXTRA_HOSTS: 'holdfast.internal:3000 other.example' };
    small = await startSmallServer({ engine, ahead, environment });
    secure = await startSmallServer({ engine, environment: { HOLDFAST_ISSUER: 'https://id.example:8443' } });
  });
  after(() => Promise.all([small.stop(), secure.stop()]));

  const ask = (target: string, ...lines: string[]) =>
    small.raw(`GET ${target} HTTP/1.1`, ...lines, 'Connection: close', '', '');
  const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);

  it('is the issuer whatever the request says of it', async () => {
    const ours = 'http://id.example/here?x=1 http://id.example id.example';
    for (const headers of [
      {},
      { host: 'ID.Example' },
      { host: 'other.example' },
      { host: 'holdfast.internal:3000' },
      { 'x-forwarded-host': 'evil.example' },
      { 'x-forwarded-host': 'evil.example, id.example', 'x-forwarded-proto': 'https' },
      { 'x-forwarded-proto': 'gopher' },
      { 'x-forwarded-port': '99', 'x-forwarded-prefix': '/evil', 'x-original-url': '/evil' },
      { forwarded: 'host=evil.example;proto=https;for=10.0.0.1' },
    ]) {
      const reply = await small.get('/here?x=1', headers as Record<string, string>);
      expect(reply.body, JSON.stringify(headers)).to.equal(ours);
    }
    const reply = await secure.get('/', { 'x-forwarded-proto': 'http' });
    expect(reply.body).to.equal('https://id.example:8443/ https://id.example:8443 id.example:8443');
  });

  it('is refused with 421 when it is another', async () => {
    for (const host of [
      'evil.example',
      'id.example.',
      'id.example:80',
      'id.example:3000',
      'id.example.evil.example',
      'evil.example/id.example',
      'id.example@evil.example',
      'evil.example@id.example',
      'id.example, evil.example',
      'holdfast.internal',
      '127.0.0.1',
      '',
    ]) {
      for (const path of ['/', '/ahead', '/assets/mark.svg']) {
        const answer = await ask(path, `Host: ${host}`);
        expect(statusOf(answer), `${host} ${path}`).to.equal(421);
        expect(answer, host).not.to.include('evil.example');
      }
    }
    expect((await secure.get('/', { host: 'id.example' })).status).to.equal(421);
  });

  it('must be named, once', async () => {
    for (const lines of [
      [],
      ['Host: id.example', 'Host: id.example'],
      ['Host: id.example', 'Host: evil.example'],
      ['Host: evil.example', 'Host: id.example'],
    ]) {
      for (const path of ['/', '/ahead', 'http://id.example/']) {
        expect(statusOf(await ask(path, ...lines)), `${path} ${lines}`).to.equal(400);
      }
    }
  });

  it('is the one in the target where there is one (RFC 9112 3.2.2)', async () => {
    expect(await ask('http://id.example/here?x=1', 'Host: id.example')).to.include(
      '\r\n\r\nhttp://id.example/here?x=1 http://id.example id.example',
    );
    expect(await ask('HTTPS://ID.example', 'Host: id.example')).to.include('\r\n\r\nhttp://id.example/ ');
    for (const target of [
      'http://evil.example/',
      'http://evil.example/.well-known/openid-configuration',
      'http://id.example@evil.example/',
      'http://id.example.evil.example/',
      'http://id.example:99/',
      'http://[/',
      'http:///',
      'evil:id.example',
    ]) {
      const answer = await ask(target, 'Host: id.example');
      expect(statusOf(answer), target).to.be.oneOf([400, 421]);
      expect(answer, target).not.to.include('evil.example');
    }
  });

  it('does not matter to probes, which ask by the address of the pod', async () => {
    for (const host of ['10.1.2.3:3000', 'evil.example']) {
      expect((await small.get('/livez', { host })).status).to.equal(200);
    }
    expect(statusOf(await small.raw('GET /readyz HTTP/1.0', '', ''))).to.equal(200);
  });
});
