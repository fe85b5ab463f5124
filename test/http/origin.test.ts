import { expect } from 'chai';
import { z } from 'zod';
import { route } from '../../src/http/route.ts';
import { type SmallServer, startSmallServer } from './small-server.ts';

describe('a form', () => {
  let small: SmallServer;
  before(async () => {
    small = await startSmallServer({
      routes: [
        route({
          method: 'POST',
          path: '/form',
          body: z.strictObject({}),
          statuses: [200],
          handle: async () => ({ html: 'taken' }),
        }),
      ],
      engine: [
        (ctx) => {
          ctx.body = 'taken';
        },
      ],
      originCheckedPaths: ['/device'],
    });
  });
  after(() => small.stop());

  const none = { origin: '' };
  const both = async (headers: Record<string, string>) => {
    const own = (await small.post('/form', '', headers)).status;
    const engines = (await small.post('/device', '', headers)).status;
    expect(own, 'a route and a page of the engine').to.equal(engines);
    return own;
  };

  it('is taken from our own pages', async () => {
    for (const headers of [
      { origin: 'http://id.example' },
      { 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'same-origin', origin: 'null' },
      { 'sec-fetch-site': 'same-origin', ...none },
    ]) {
      expect(await both(headers as Record<string, string>), JSON.stringify(headers)).to.equal(200);
    }
  });

  it('is refused from anywhere else', async () => {
    for (const headers of [
      none,
      { origin: 'null' },
      { origin: 'http://evil.example' },
      { origin: 'https://id.example' },
      { origin: 'http://id.example:80' },
      { origin: 'http://id.example.evil.example' },
      { origin: 'http://evil.example', 'x-forwarded-host': 'evil.example' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'cross-site', ...none },
      { 'sec-fetch-site': 'none', ...none },
      { 'sec-fetch-site': 'same-origin, cross-site' },
      { 'sec-fetch-site': 'same-origin', origin: 'http://evil.example' },
    ]) {
      expect(await both(headers as Record<string, string>), JSON.stringify(headers)).to.equal(403);
    }
  });

  it('cannot get around it by another spelling of the path', async () => {
    for (const path of ['/Device', '/DEVICE', '/device/']) {
      const { status, body } = await small.post(path, '', { origin: 'http://evil.example' });
      expect([status, body === 'taken'], path).to.deep.equal([404, false]);
    }
  });

  it('is not asked where it comes from at other endpoints of the engine, which clients call', async () => {
    expect((await small.post('/token', '', none)).status).to.equal(200);
  });
});
