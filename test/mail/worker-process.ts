/** A pod's mail worker as a process of its own: says where it is, and can be made to stand still there. */
import { writeSync } from 'node:fs';
import { createComposer } from '../../src/mail/compose.ts';
import { createMailWorker } from '../../src/mail/mail-worker.ts';
import { createOutboxStore } from '../../src/mail/outbox-store.ts';
import { openSmtp } from '../../src/mail/smtp.ts';
import { openMailPod } from './mail-fixture.ts';

const plan = JSON.parse(process.env.WORKER ?? '') as {
  redisUrl: string;
  prefix: string;
  smtp: string;
  leaseMs: number;
  standStillAt: string;
};

const { store, ring, log, config } = await openMailPod(plan.redisUrl, {
  prefix: plan.prefix,
  smtp: plan.smtp,
});
const times = {
  pollMs: 20,
  leaseMs: plan.leaseMs,
  firstRetryMs: 50,
  longestRetryMs: 200,
  giveUpMs: 60_000,
  keepGivenUpMs: 60_000,
  keepMarkMs: 60_000,
};
const outbox = createOutboxStore(store, ring, log, times);
const { smtp, from } = config.mail;
if (!smtp || !from) throw new Error('no SMTP server');

async function reached(point: string): Promise<void> {
  writeSync(1, `at ${point}\n`);
  if (point === plan.standStillAt) await new Promise(() => {});
}

createMailWorker({
  outbox: {
    ...outbox,
    find: (id) => reached('find').then(() => outbox.find(id)),
    sent: (id) => reached('sent').then(() => outbox.sent(id)),
  },
  compose: createComposer(config.issuer),
  smtp: openSmtp(smtp, from, { connections: 5, allowPlain: false }),
  connections: 5,
  times,
  log,
}).start();
