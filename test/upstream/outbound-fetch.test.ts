import { expect } from 'chai';
import { createOutboundFetch, OutboundFailure } from '../../src/upstream/outbound-fetch.ts';
import { isSpecialAddress } from '../../src/upstream/special-addresses.ts';
import { CrookedIssuer } from './crooked-issuer.ts';

const get = { method: 'GET', headers: {}, body: undefined, redirect: 'manual' } as const;

describe('what is asked of other providers', () => {
  const server = new CrookedIssuer();
  let port: string;
  before(async () => {
    await server.start();
    port = new URL(server.url).port;
  });
  after(() => server.stop());
  beforeEach(() => server.reset());

  const failure = (asking: Promise<unknown>) =>
    asking.then(
      () => expect.fail('it was answered'),
      (error: unknown) => {
        expect(error).to.be.instanceOf(OutboundFailure);
        return (error as Error).message;
      },
    );

  it('goes to no private address, by whatever name', async () => {
    const fetch = createOutboundFetch({ mayBeHttp: true, privateHosts: new Set(['inside.example']) });
    for (const host of [
      '127.0.0.1',
      'localhost',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '0.0.0.0',
      '2130706433',
      '0x7f.1',
      '169.254.169.254',
      '10.0.0.1',
      '[fd00::1]',
    ]) {
      const message = await failure(fetch(`http://${host}:${port}/jwks`, get));
      expect(message, host).to.include('has an address that is not public');
    }
    expect(server.requests).to.deep.equal([]);
  });

  it('goes to a host that the settings call private, and to no other', async () => {
    const fetch = createOutboundFetch({ mayBeHttp: true, privateHosts: new Set(['127.0.0.1']) });
    expect((await fetch(`${server.url}/jwks`, get)).status).to.equal(200);
    await failure(fetch(`http://localhost:${port}/jwks`, get));
    expect(server.requests).to.deep.equal(['/jwks']);
  });

  it('goes without TLS only where the issuer itself has none', async () => {
    const fetch = createOutboundFetch({ mayBeHttp: false, privateHosts: 'all' });
    expect(await failure(fetch(`${server.url}/jwks`, get))).to.include('without TLS');
    expect(await failure(fetch('file:///etc/hostname', get))).to.include('without TLS');
    expect(server.requests).to.deep.equal([]);
  });

  it('holds up a number of requests at most', async () => {
    server.faults = { '/slow': () => {} };
    const fetch = createOutboundFetch({
      mayBeHttp: true,
      privateHosts: 'all',
      timeoutMs: 200,
      concurrency: 2,
    });
    const slow = [failure(fetch(`${server.url}/slow`, get)), failure(fetch(`${server.url}/slow`, get))];
    expect(await failure(fetch(`${server.url}/jwks`, get))).to.include('too many requests');
    expect(await Promise.all(slow)).to.deep.equal(Array(2).fill(`127.0.0.1:${port} did not answer in time`));
    expect((await fetch(`${server.url}/jwks`, get)).status).to.equal(200);
  });

  it('knows which addresses are public', () => {
    for (const address of ['8.8.8.8', '140.82.121.4', '172.32.0.1', '2a00:1450:4001::1', '2606:4700::1111']) {
      expect(isSpecialAddress(address), address).to.equal(false);
    }
    for (const address of [
      '100.64.0.1',
      '172.16.0.1',
      '192.168.1.1',
      '224.0.0.1',
      '255.255.255.255',
      '::',
      '::ffff:8.8.8.8',
      '64:ff9b::7f00:1',
      '2002:7f00:1::',
      'fe80::1',
      'ff02::1',
      'no address',
    ]) {
      expect(isSpecialAddress(address), address).to.equal(true);
    }
  });
});
