import { expect } from 'chai';
import { connectTo, type SmallServer, startSmallServer, untilClosed } from './small-server.ts';

/** Asks what address the pod sees behind this X-Forwarded-For. */
async function seen(small: SmallServer, ...forwarded: string[]): Promise<string> {
  const socket = await connectTo(small.port);
  const lines = forwarded.map((value) => `X-Forwarded-For: ${value}`);
  socket.write(['GET /who HTTP/1.1', 'Host: id.example', 'Connection: close', ...lines, '', ''].join('\r\n'));
  return (await untilClosed(socket)).split('\r\n\r\n')[1] ?? '';
}

describe('the address of who sent a request', () => {
  const servers = new Map<number, SmallServer>();
  before(async () => {
    for (const hops of [0, 1, 2]) {
      const small = await startSmallServer({
        environment: { HOLDFAST_PROXY_HOPS: String(hops) },
        engine: [
          (ctx) => {
            // Both ways to it that the engine has.
            ctx.body = ctx.ip === ctx.get('x-forwarded-for') ? ctx.ip : 'two answers';
          },
        ],
      });
      servers.set(hops, small);
    }
  });
  after(() => Promise.all([...servers.values()].map((small) => small.stop())));
  const behind = (hops: number, ...forwarded: string[]) =>
    seen(servers.get(hops) as SmallServer, ...forwarded);

  it('is that of the connection where no proxy is ours, whatever the request says', async () => {
    expect(await behind(0)).to.equal('127.0.0.1');
    expect(await behind(0, '203.0.113.9')).to.equal('127.0.0.1');
  });

  it('is the one that our outermost proxy saw', async () => {
    expect(await behind(1, '203.0.113.9')).to.equal('203.0.113.9');
    expect(await behind(1, '198.51.100.1, 203.0.113.9')).to.equal('203.0.113.9');
    expect(await behind(1, '198.51.100.1', '203.0.113.9')).to.equal('203.0.113.9');
    expect(await behind(2, '198.51.100.1, 203.0.113.9, 10.0.0.1')).to.equal('203.0.113.9');
    expect(await behind(1, '2001:db8::1')).to.equal('2001:db8::1');
  });

  it('is read without a port, and an IPv4 address in IPv6 as IPv4', async () => {
    expect(await behind(1, '203.0.113.9:4711')).to.equal('203.0.113.9');
    expect(await behind(1, '[2001:db8::1]:4711')).to.equal('2001:db8::1');
    expect(await behind(1, '::ffff:203.0.113.9')).to.equal('203.0.113.9');
  });

  it('is that of the connection when the proxies did not say', async () => {
    for (const forwarded of ['', 'unknown', '203.0.113.9, _hidden', '<script>', '203.0.113.999']) {
      expect(await behind(1, forwarded), forwarded).to.equal('127.0.0.1');
    }
    expect(await behind(1)).to.equal('127.0.0.1');
    expect(await behind(2, '203.0.113.9')).to.equal('127.0.0.1');
  });
});
