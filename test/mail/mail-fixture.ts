import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { readConfig } from '../../src/config.ts';
import { createMail, type Mail, type MailTimes } from '../../src/mail/mail.ts';
import { openKeyRing } from '../../src/redis/key-ring.ts';
import { openStore, type Store } from '../../src/redis/redis.ts';
import { createVault } from '../../src/redis/vault.ts';
import { captureLog } from '../support/captured-log.ts';
import { testKeys } from '../support/pods.ts';

/** Everything that waits, made short; nothing is left out. */
export const shortTimes: Partial<MailTimes> = {
  pollMs: 20,
  leaseMs: 3000,
  firstRetryMs: 50,
  longestRetryMs: 200,
  closeMs: 2000,
};

export type MailPod = Awaited<ReturnType<typeof openMailPod>>;

/** What a pod has of mails, on a real Redis. @param options.prefix that of another pod, to share its outbox */
export async function openMailPod(
  redisUrl: string,
  options: {
    smtp?: string;
    prefix?: string;
    times?: Partial<MailTimes>;
    environment?: Record<string, string>;
  } = {},
) {
  const prefix = options.prefix ?? `${randomBytes(6).toString('hex')}:`;
  const config = readConfig({
    HOLDFAST_ISSUER: 'https://id.example.com',
    HOLDFAST_KEYS: testKeys,
    HOLDFAST_REDIS_PREFIX: prefix,
    REDIS_URL: redisUrl,
    ...(options.smtp
      ? { HOLDFAST_SMTP_URL: options.smtp, HOLDFAST_MAIL_FROM: 'Häuser & Söhne <id@example.com>' }
      : {}),
    ...options.environment,
  });
  if (!config.redis.target) throw new Error('no REDIS_URL');
  const { log, lines } = captureLog();
  const store = openStore(config, config.redis.target, log);
  await store.whenReady(10_000);
  const ring = await openKeyRing(store, createVault(config.vaultKeys), {});
  const times = { ...shortTimes, ...options.times };
  const mails = createMail({ store, ring, log, config, times });
  return {
    prefix,
    store,
    ring,
    log,
    lines,
    config,
    mails,
    close: async () => {
      await mails.close();
      await store.close();
    },
  };
}

/** How many mails the outbox has. */
export async function waiting(store: Store): Promise<number> {
  return Number(await store.call('ZCARD', store.keys.outbox()));
}

/** @throws after a time that is too long for anything here, so that a test that fails also ends */
export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  for (let looks = 0; looks < 2000; looks += 1) {
    if (await condition()) return;
    await pause(10);
  }
  throw new Error('waited in vain');
}

/** A name, a value and a score of everything that this prefix has in Redis. */
export async function dump(store: Store, prefix: string): Promise<string> {
  const found: unknown[] = [];
  for (const key of (await store.call('KEYS', `${prefix}*`)) as string[]) {
    const type = await store.call('TYPE', key);
    if (type === 'hash') found.push(key, await store.call('HGETALL', key));
    else if (type === 'zset') found.push(key, await store.call('ZRANGE', key, 0, -1, 'WITHSCORES'));
    else if (type === 'string') found.push(key, await store.call('GET', key));
    else throw new Error(`a ${type} that this does not read: ${key}`);
  }
  return JSON.stringify(found);
}

export const reset = (to: string, link = 'https://id.example.com/reset?token=ab_c-1'): Mail => ({
  kind: 'reset-password',
  to,
  locale: 'en',
  values: { link, minutes: 30 },
});
