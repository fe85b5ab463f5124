import { expect } from 'chai';
import { createGate } from '../../src/accounts/gate.ts';
import { Unavailable } from '../../src/errors.ts';

/** Work that ends when it is told to. */
function job() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let isStarted = false;
  return {
    run: () => {
      isStarted = true;
      return promise;
    },
    end: resolve,
    fail: reject,
    get isStarted() {
      return isStarted;
    },
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function refusal(promise: Promise<unknown>): Promise<Unavailable> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(Unavailable);
  return error as Unavailable;
}

describe('the gate before password hashes', () => {
  it('runs so many at once and lets the others wait, in the order in which they came', async () => {
    const gate = createGate({ concurrency: 2, queue: 10, busy: 'busy' });
    const jobs = [job(), job(), job(), job()];
    const ends = jobs.map((one) => gate.pass(one.run));
    await turn();
    expect(jobs.map((one) => one.isStarted)).to.deep.equal([true, true, false, false]);
    expect(gate.load()).to.deep.equal({ running: 2, waiting: 2 });

    jobs[1]?.end('second');
    expect(await ends[1]).to.equal('second');
    await turn();
    expect(jobs.map((one) => one.isStarted)).to.deep.equal([true, true, true, false]);

    for (const one of jobs) one.end('done');
    await Promise.all(ends);
    expect(gate.load()).to.deep.equal({ running: 0, waiting: 0 });
  });

  it('refuses at once what neither runs nor may wait', async () => {
    const gate = createGate({ concurrency: 1, queue: 1, busy: 'too many' });
    const jobs = [job(), job(), job()];
    const [first, second, third] = jobs.map((one) => gate.pass(one.run));
    const refused = await refusal(third as Promise<string>);
    expect(refused.message).to.equal('too many');
    expect(refused.retryAfterSeconds).to.be.within(1, 2);
    for (const one of jobs) one.end('done');
    expect(await Promise.all([first, second])).to.deep.equal(['done', 'done']);
    expect(jobs[2]?.isStarted).to.equal(false);
  });

  it('gives the place on after work that failed', async () => {
    const gate = createGate({ concurrency: 1, queue: 1, busy: 'busy' });
    const [bad, good] = [job(), job()];
    const failing = gate.pass(bad.run);
    const following = gate.pass(good.run);
    bad.fail(new Error('no'));
    good.end('yes');
    expect(await failing.catch((error: Error) => error.message)).to.equal('no');
    expect(await following).to.equal('yes');
  });

  it('when closed refuses what waits and what comes, and ends after what runs', async () => {
    const gate = createGate({ concurrency: 1, queue: 5, busy: 'busy' });
    const [running, waiting] = [job(), job()];
    const first = gate.pass(running.run);
    const second = gate.pass(waiting.run);
    let isClosed = false;
    const closed = gate.close().then(() => {
      isClosed = true;
    });
    await refusal(second);
    await refusal(gate.pass(waiting.run));
    expect(isClosed).to.equal(false);
    running.end('done');
    expect(await first).to.equal('done');
    await closed;
    expect(waiting.isStarted).to.equal(false);
  });
});
