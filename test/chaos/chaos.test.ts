import { expect } from 'chai';
import { everywhere } from './fault.ts';
import { runChaos } from './run.ts';

/** Short runs of the fault harness; `npm run chaos` has the long ones, and more faults. */
describe('under load', () => {
  const none = { signedOut: 0, lost: 0, double: 0, revived: 0, wrong: 0 };

  for (const topology of everywhere) {
    it(`pods that kill themselves at any point of a request harm nobody (${topology})`, async function () {
      this.timeout(90_000);
      const record = await runChaos({
        fault: 'kill-points',
        topology,
        seconds: 8,
        seed: 11,
        pods: 4,
        people: 6,
      });
      expect(record.five, record.violations.join('\n')).to.deep.equal(none);
      expect(record.kills, 'pods killed').to.be.greaterThan(0);
      expect(record.flows).to.be.greaterThan(20);
      expect(record.readBack, 'effects read back').to.be.greaterThan(10);
    });
  }

  it('every pod stops and starts again in turn, and no request breaks', async function () {
    this.timeout(60_000);
    const record = await runChaos({
      fault: 'rolling',
      topology: 'standalone',
      seconds: 6,
      seed: 12,
      pods: 3,
      people: 6,
    });
    expect(record.five, record.violations.join('\n')).to.deep.equal(none);
    expect(record.resent).to.equal(0);
  });
});
