import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import Koa from 'koa';
import { Refusal } from '../../src/errors.ts';
import { browserFor, knownBrowser, requireBrowser } from '../../src/http/browser-cookie.ts';

describe('the cookie of a browser', () => {
  let server: Server;
  let address: string;

  before(async () => {
    const app = new Koa();
    app.proxy = true;
    app.use(async (ctx) => {
      const isRequired = ctx.path === '/required';
      try {
        const { cookie, secret } = isRequired ? requireBrowser(ctx) : browserFor(ctx);
        ctx.body = { ...cookie, secret, isKnown: knownBrowser(ctx) !== undefined };
      } catch (error) {
        ctx.body = { refused: error instanceof Refusal && error.kind };
      }
    });
    server = createServer(app.callback()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server?.closeAllConnections();
    server?.close();
  });

  async function ask(path: string, headers: Record<string, string> = {}): Promise<Record<string, unknown>> {
    return (await fetch(`${address}${path}`, { headers })).json() as Promise<Record<string, unknown>>;
  }

  it('is 256 random bits, and bound to the host and to https where there is https', async () => {
    const [first, second] = [await ask('/'), await ask('/')];
    expect(first.name).to.equal('holdfast_browser');
    expect(Buffer.from(String(first.secret), 'base64url')).to.have.lengthOf(32);
    expect(first.secret).to.not.equal(second.secret);
    const secure = await ask('/', { 'x-forwarded-proto': 'https' });
    expect(secure.name).to.equal('__Host-holdfast_browser');
  });

  it('is kept when the browser has one, and not taken from one that was meddled with', async () => {
    const { secret } = await ask('/');
    const again = await ask('/', { cookie: `holdfast_browser=${secret}` });
    expect(again).to.include({ secret, isKnown: true });
    for (const odd of ['', 'x', `${secret}x`, `${String(secret).slice(1)}.`]) {
      const fresh = await ask('/', { cookie: `holdfast_browser=${odd}` });
      expect(fresh.isKnown, odd).to.equal(false);
      expect(fresh.secret).to.not.equal(odd);
    }
    // One that http could have set counts for nothing on https.
    const headers = { cookie: `holdfast_browser=${secret}`, 'x-forwarded-proto': 'https' };
    expect((await ask('/', headers)).isKnown).to.equal(false);
  });

  it('is asked for with words about cookies', async () => {
    expect(await ask('/required')).to.deep.equal({ refused: 'cookies' });
  });
});
