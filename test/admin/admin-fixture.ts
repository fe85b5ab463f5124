import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { permissions } from '../../src/access/access.ts';
import type { Actor } from '../../src/access/actor.ts';
import type { Account } from '../../src/accounts/accounts.ts';
import type { Outcome, Refused } from '../../src/admin/outcome.ts';
import { openParts, type Parts } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import type { RecordedEvent } from '../../src/events/events.ts';
import { createLog } from '../../src/log.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { testKeys } from '../support/pods.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

export const password = 'correct horse battery staple';

/** The parts of two pods on one Redis, with everything real, for the tests of the `describe` that calls this. */
export function usePods() {
  const pods = {} as { one: Parts; two: Parts; redis: Topology };
  before(async () => {
    pods.redis = await startStandalone({ appendOnly: false });
    pods.one = await openPod(pods.redis.url);
    pods.two = await openPod(pods.redis.url);
  });
  after(async () => {
    await Promise.all([pods.one?.close(), pods.two?.close()]);
    await pods.redis?.stop();
  });
  return pods;
}

export function configOf(redisUrl: string) {
  return readConfig({
    HOLDFAST_ISSUER: 'https://id.example.com',
    HOLDFAST_KEYS: testKeys,
    REDIS_URL: redisUrl,
    HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: 'true',
    HOLDFAST_HASH_CONCURRENCY: '2',
  });
}

export function openPod(redisUrl: string): Promise<Parts> {
  return openParts(configOf(redisUrl), parseRedisUrl(redisUrl), createLog('silent', 'test'));
}

/** Who runs the command line. */
export function operator(): Actor {
  return {
    kind: 'operator',
    id: 'root',
    name: 'root',
    permissions: new Set(permissions),
    via: 'cli',
    requestId: randomBytes(8).toString('hex'),
    address: '',
  };
}

/** Somebody in the console, with what these roles let them do at the moment. */
export async function actorWith({ access }: Parts, roles: string[], account?: Account): Promise<Actor> {
  const { permissions: their } = await access.effectiveNow({ roles, groups: account?.groups ?? [] });
  return {
    kind: 'account',
    id: account?.id ?? 'somebody',
    name: account?.email ?? 'somebody@example.com',
    permissions: their,
    via: 'console',
    requestId: randomBytes(8).toString('hex'),
    address: '192.0.2.7',
  };
}

let made = 0;

/** An account without a password: hashing takes its time. */
export async function person(parts: Parts, roles: string[] = [], more: object = {}): Promise<Account> {
  made += 1;
  const draft = { email: `person-${made}@example.com`, roles, ...more };
  return must(await parts.admin.accounts.create(operator(), draft));
}

export function must<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.problem}: ${outcome.message}`);
  return outcome.value;
}

export function expectRefused(outcome: Outcome<unknown>, problem: Refused['problem']): Refused {
  expect(outcome).to.include({ ok: false, problem });
  return outcome as Refused;
}

/** Everything that administrators did, the oldest first. */
export async function trailOf({ admin }: Parts): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const block of admin.events.export({ trail: 'admin' })) events.push(...block);
  return events;
}

/** All that is in Redis, key by key. */
export async function contentOf({ store }: Parts): Promise<Map<string, string>> {
  const { client } = store.handle;
  const keys = (await client.keys('*')).sort();
  const dumps = await Promise.all(keys.map((key) => client.dumpBuffer(key)));
  return new Map(keys.map((key, i) => [key, dumps[i]?.toString('base64') ?? '']));
}
