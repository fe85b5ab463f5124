import { expect } from 'chai';
import { type Server, sample, startServer } from '../../bench/measure.ts';
import { operations } from '../../bench/operations.ts';
import { startProcess } from '../support/processes.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

/**
 * How often each operation goes to Redis, with a warm client cache. These have no noise; whoever lowers one lowers
 * it here. A code exchange has one more that nobody waits for: its kept answer is removed once the first was sent.
 */
const limits: Record<string, number> = {
  discovery: 0,
  JWKS: 0,
  'client credentials, opaque': 1,
  'client credentials, JWT ES256': 0,
  'first login with consent, up to the code': 10,
  'first login of a first party, up to the code': 5,
  'silent sign-on, up to the code': 2,
  'silent sign-on and code exchange': 5,
  'refresh with rotation': 2,
  userinfo: 1,
  introspection: 1,
  'sign-on, exchange and revocation': 9,
};

describe('round trips to Redis', () => {
  let redis: Topology;
  let server: Server;

  before(async function () {
    this.timeout(60_000);
    redis = await startStandalone({ appendOnly: false });
    server = await startServer('holdfast', './holdfast-server.ts', [redis.url, 'hash-free']);
  });
  after(async () => {
    await server?.stop();
    await redis?.stop();
  });

  for (const operation of operations) {
    it(`${operation.name}: ${limits[operation.name]}`, async () => {
      const { roundTrips } = await sample(server, { ...operation, times: 5 }, 1);
      expect(roundTrips).to.be.at.most(limits[operation.name] ?? 0);
    });
  }

  it('are in the report of npm run bench, with everything else', async function () {
    this.timeout(60_000);
    const run = startProcess('npm', ['run', '--silent', 'bench', '--', '--quick', '--only', 'JWKS']);
    expect(await run.ended, run.output()).to.equal(0);
    expect(run.output()).to.match(/\| JWKS \| \d+ \| \d+ \| \d+\.\d\d \| \d+\.\d\d \| 0 \|/);
    expect(run.output()).to.match(/Redis bytes per signed-in person: \d+/);
  });
});
