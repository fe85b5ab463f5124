import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { createDiscovery } from '../../src/upstream/discovery.ts';
import { createOutboundFetch } from '../../src/upstream/outbound-fetch.ts';
import { captureLog } from '../support/captured-log.ts';
import { CrookedIssuer } from './crooked-issuer.ts';
import { configWith, entry } from './upstream-fixture.ts';

const path = '/.well-known/openid-configuration';
const long = 60_000;

describe('what is known of another provider', () => {
  const issuer = new CrookedIssuer();
  before(() => issuer.start());
  after(() => issuer.stop());
  beforeEach(() => issuer.reset());

  function discoveryWith(times: { freshMs: number; longestMs: number; pauseMs: number }) {
    const [settings] = configWith([entry('acme', issuer.url)]).upstream;
    if (!settings) throw new Error('one provider');
    const fetch = createOutboundFetch({ mayBeHttp: true, privateHosts: 'all' });
    return createDiscovery(settings, fetch, captureLog().log, times);
  }
  const down = (response: ServerResponse) => void response.writeHead(503).end();
  const asked = () => issuer.requests.filter((one) => one === path).length;

  async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  it('is asked for once by twenty at once, and then kept', async () => {
    const discover = discoveryWith({ freshMs: long, longestMs: long, pauseMs: long });
    const all = await Promise.all(Array.from({ length: 20 }, discover));
    expect(new Set(all).size).to.equal(1);
    expect(await discover()).to.equal(all[0]);
    expect(asked()).to.equal(1);
  });

  it('is refreshed behind the back of whoever uses it', async () => {
    const discover = discoveryWith({ freshMs: 0, longestMs: long, pauseMs: 0 });
    const first = await discover();
    issuer.metadata = { token_endpoint: `${issuer.url}/new-token` };
    expect(await discover()).to.equal(first);
    await until(
      async () => (await discover()).serverMetadata().token_endpoint?.endsWith('/new-token') === true,
    );
  });

  it('serves on while the provider is away, and no longer than for a time', async () => {
    const discover = discoveryWith({ freshMs: 0, longestMs: long, pauseMs: 0 });
    const first = await discover();
    issuer.faults = { [path]: down };
    for (let before = asked(); asked() < before + 3; ) {
      expect(await discover()).to.equal(first);
      await new Promise((resolve) => setImmediate(resolve));
    }

    issuer.reset();
    const forgetful = discoveryWith({ freshMs: 0, longestMs: 0, pauseMs: 0 });
    await forgetful();
    issuer.faults = { [path]: down };
    const error = await forgetful().catch((fault: unknown) => fault);
    expect(error).to.be.instanceOf(Error);
  });

  it('is not asked for again in the pause after a failure', async () => {
    const discover = discoveryWith({ freshMs: long, longestMs: long, pauseMs: long });
    issuer.faults = { [path]: down };
    for (let i = 0; i < 5; i++)
      expect(await discover().catch((fault: Error) => fault)).to.be.instanceOf(Error);
    expect(asked()).to.equal(1);
  });
});
