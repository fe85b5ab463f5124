import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { startProcess } from '../support/processes.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { type MailPod, openMailPod, reset, until, waiting } from './mail-fixture.ts';
import { startSmtp, type TestSmtp } from './smtp-fixture.ts';

const leaseMs = 1000;

/** Workers that are killed with SIGKILL, as processes of their own, and a Redis likewise. */
describe('mails when something dies', () => {
  let redis: Topology;
  let pod: MailPod;
  let smtp: TestSmtp;

  before(async () => {
    redis = await startStandalone();
  });
  after(() => redis?.stop());
  afterEach(async () => {
    await pod?.close();
    await smtp?.stop();
  });

  /** A worker that prints where it is, and stands still there when it is told to. */
  function startWorker(standStillAt: string) {
    const file = new URL('./worker-process.ts', import.meta.url).pathname;
    return startProcess(process.execPath, [file], {
      WORKER: JSON.stringify({
        redisUrl: redis.url,
        prefix: pod.prefix,
        smtp: `smtp://127.0.0.1:${smtp.port}`,
        leaseMs,
        standStillAt,
      }),
    });
  }

  async function killAt(point: 'find' | 'sent', mails: number): Promise<void> {
    const worker = startWorker(point);
    await worker.prints(new RegExp(`(at ${point}[^]*){${mails}}`));
    await worker.stop('SIGKILL');
  }

  it('are sent by another pod when theirs died with them in hand', async () => {
    smtp = await startSmtp();
    pod = await openMailPod(redis.url, { smtp: `smtp://127.0.0.1:${smtp.port}`, times: { leaseMs } });
    for (let n = 0; n < 5; n += 1) await pod.mails.enqueue(reset(`p${n}@example.com`));
    await killAt('find', 5);
    expect(smtp.received).to.have.lengthOf(0);
    expect(await waiting(pod.store)).to.equal(5);

    pod.mails.start();
    await smtp.until((received) => received.length >= 5);
    await until(async () => (await waiting(pod.store)) === 0);
    expect(smtp.received.map(({ to }) => to[0]).sort()).to.deep.equal(
      [0, 1, 2, 3, 4].map((n) => `p${n}@example.com`),
    );
  });

  it('are sent again under the same Message-ID when their pod died before it could say that they were', async () => {
    smtp = await startSmtp();
    pod = await openMailPod(redis.url, { smtp: `smtp://127.0.0.1:${smtp.port}`, times: { leaseMs } });
    for (let n = 0; n < 3; n += 1) await pod.mails.enqueue(reset(`p${n}@example.com`));
    await killAt('sent', 3);
    expect(smtp.received).to.have.lengthOf(3);
    expect(await waiting(pod.store)).to.equal(3);

    pod.mails.start();
    await smtp.until((received) => received.length === 6);
    await until(async () => (await waiting(pod.store)) === 0);
    for (let n = 0; n < 3; n += 1) {
      const pair = smtp.received.filter(({ to }) => to[0] === `p${n}@example.com`);
      expect(pair).to.have.lengthOf(2);
      expect(pair[0]?.email.messageId).to.equal(pair[1]?.email.messageId);
      expect(pair[0]?.email.date).to.equal(pair[1]?.email.date);
    }
    expect(new Set(smtp.received.map(({ email }) => email.messageId)).size).to.equal(3);
  });

  it('all arrive while workers are killed at random', async () => {
    smtp = await startSmtp();
    pod = await openMailPod(redis.url, { smtp: `smtp://127.0.0.1:${smtp.port}`, times: { leaseMs } });
    const mails = 60;
    const addresses = Array.from({ length: mails }, (_, n) => `p${n}@example.com`);
    for (const to of addresses) await pod.mails.enqueue(reset(to));
    for (let kill = 0; kill < 2; kill += 1) {
      const before = smtp.received.length;
      const worker = startWorker('');
      await smtp.until((received) => received.length > before + kill);
      await worker.stop('SIGKILL');
      if (smtp.received.length >= mails) break;
    }
    pod.mails.start();
    await until(async () => (await waiting(pod.store)) === 0);
    expect([...new Set(smtp.received.map(({ to }) => to[0]))].sort()).to.deep.equal(addresses.sort());
    // A kill sends again at most what was on its way, which is five.
    expect(smtp.received.length).to.be.at.most(mails + 2 * 5);
  });

  it('that were enqueued are still there when Redis was killed and started again', async () => {
    smtp = await startSmtp();
    pod = await openMailPod(redis.url, { smtp: `smtp://127.0.0.1:${smtp.port}`, times: { leaseMs } });
    await pod.mails.enqueue(reset('ada@example.com'));
    const [server] = redis.processes;
    // Everything is on disk within the second that appendfsync everysec leaves; a SIGKILL of the process alone
    // does not lose even that, since the kernel has it.
    await server?.kill('SIGKILL');
    pod.mails.start();
    await pause(50);
    await server?.start();
    await smtp.until((received) => received.length === 1);
    expect(
      pod.lines.filter(({ msg }) => msg === 'the outbox of mails cannot be read now'),
    ).to.have.length.at.most(1);
  });
});
