/**
 * `node bench/audit.ts [events]`: what the audit trail costs. Bytes in Redis for each sign-in event, with all that it
 * is found by; the processor time of a pod and of Redis to record one; how fast it is chained and verified.
 */
import { randomBytes } from 'node:crypto';
import { createEventStore, usualRoom } from '../src/events/event-store.ts';
import { createEvents } from '../src/events/events.ts';
import { openAccounts } from '../test/accounts/account-fixture.ts';
import { startStandalone } from '../test/support/redis-topologies.ts';

const count = Number(process.argv[2] ?? 100_000);
const accounts = Math.ceil(count / 10);
const clients = 20;
const atOnce = 200;

const redis = await startStandalone({ appendOnly: false });
const fixture = await openAccounts(redis.url);
try {
  const parts = { ...fixture, pod: 'pod-7c9f8d6b5-x2k4j', keepDays: () => ({ admin: 400, people: 90 }) };
  const events = createEvents(parts);
  const store = createEventStore({ ...parts, room: usualRoom });
  const before = await usedBytes();
  const begun = { cpu: process.cpuUsage(), redis: await redisCpu(), at: performance.now() };
  for (let done = 0; done < count; done += atOnce) {
    await Promise.all(Array.from({ length: atOnce }, (_, i) => store.append(signIn(done + i), 'success')));
  }
  const cpu = process.cpuUsage(begun.cpu);
  print('events', count);
  print('recorded per second', count / ((performance.now() - begun.at) / 1000));
  print('processor time of the pod per event, µs', (cpu.user + cpu.system) / count);
  print('processor time of Redis per event, µs', ((await redisCpu()) - begun.redis) / count);
  print('Redis bytes per event', ((await usedBytes()) - before) / count);
  for (const [what, bytes] of await bytesByUse()) print(`  ${what}`, bytes / count);

  const chaining = performance.now();
  for (let left = 1; left > 0; ) {
    await events.sweep();
    left = (await events.verify()).reduce((sum, { unchained }) => sum + unchained, 0);
  }
  print('chained and verified, ms', performance.now() - chaining);
  const verifying = performance.now();
  const found = await events.verify();
  print('verified per second', count / ((performance.now() - verifying) / 1000));
  print('intact', found.every(({ isIntact }) => isIntact) ? 1 : 0);
  print(
    'Redis bytes of the chain per event',
    (await bytesOf(fixture.store.keys.auditChain('people'))) / count,
  );

  const queries = {
    'the latest 50': {},
    'one account': { accountId: `account-${accounts >> 1}` },
    'one request': { requestId: requestId(count >> 1) },
    'one client': { clientId: 'client-7' },
    'one kind': { kinds: ['sign-in.succeeded' as const] },
  };
  for (const [name, query] of Object.entries(queries)) {
    const times: number[] = [];
    for (let i = 0; i < 50; i++) {
      const at = performance.now();
      await events.list(query);
      times.push(performance.now() - at);
    }
    print(`list ${name}, median ms`, times.sort((a, b) => a - b)[25] ?? 0);
  }
  const sweeping = performance.now();
  for (let i = 0; i < 200; i++) await events.sweep();
  print('sweep with nothing to do, ms', (performance.now() - sweeping) / 200);
} finally {
  await fixture.close();
  await redis.stop();
}

function requestId(number: number): string {
  return `req-${number.toString(36).padStart(18, '0')}`;
}

function signIn(number: number) {
  const id = `account-${number % accounts}`;
  return {
    kind: 'sign-in.succeeded' as const,
    actor: { kind: 'account' as const, id, name: `somebody.${number % accounts}@example.org` },
    clientId: `client-${number % clients}`,
    after: { amr: ['pwd', 'otp', 'mfa'], acr: 'urn:holdfast:acr:2' },
    address: `198.51.100.${randomBytes(1)[0]}`,
    browser: 'Firefox, Linux',
    via: 'sign-in' as const,
    requestId: requestId(number),
  };
}

async function info(section: string, field: string): Promise<number> {
  const text = await fixture.store.handle.client.info(section);
  return Number(new RegExp(`${field}:([\\d.]+)`).exec(text)?.[1] ?? 0);
}

function usedBytes(): Promise<number> {
  return info('memory', 'used_memory');
}

/** In microseconds. */
async function redisCpu(): Promise<number> {
  return ((await info('cpu', 'used_cpu_sys')) + (await info('cpu', 'used_cpu_user'))) * 1e6;
}

async function bytesOf(key: string): Promise<number> {
  return Number(await fixture.store.handle.client.call('MEMORY', 'USAGE', key, 'SAMPLES', '0'));
}

async function bytesByUse(): Promise<Map<string, number>> {
  const { client } = fixture.store.handle;
  const uses = new Map<string, number>();
  let cursor = '0';
  do {
    const [next, keys] = (await client.call('SCAN', cursor, 'MATCH', '*{audit}*', 'COUNT', '1000')) as [
      string,
      string[],
    ];
    cursor = next;
    const types = await Promise.all(keys.map((key) => client.type(key)));
    const sizes = await Promise.all(keys.map(bytesOf));
    for (const [i, key] of keys.entries()) {
      const isIndex = key.includes(':by:');
      const use = isIndex ? `indexes kept as ${types[i]}` : key;
      uses.set(use, (uses.get(use) ?? 0) + (sizes[i] ?? 0));
    }
  } while (cursor !== '0');
  return uses;
}

function print(what: string, value: number): void {
  process.stdout.write(`${what.padEnd(48)}${value.toFixed(value < 10 ? 3 : 1).padStart(14)}\n`);
}
