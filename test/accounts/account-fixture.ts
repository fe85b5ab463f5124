import { randomBytes } from 'node:crypto';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAccounts } from '../../src/accounts/accounts.ts';
import { normaliseEmail } from '../../src/accounts/email.ts';
import { createPasswordHasher, type PasswordHasher } from '../../src/accounts/password.ts';
import { readConfig } from '../../src/config.ts';
import { createLog, flushLog } from '../../src/log.ts';
import { type KeyRing, openKeyRing } from '../../src/redis/key-ring.ts';
import { openStore, type Store } from '../../src/redis/redis.ts';
import { createVault } from '../../src/redis/vault.ts';

/** Accounts as a pod has them, on a real Redis, under a prefix that no other fixture uses. */
export type AccountFixture = Awaited<ReturnType<typeof openAccounts>>;

/**
 * @param prefix that of another fixture, to be a second pod on the same data
 * @param environment further settings
 */
export async function openAccounts(
  url: string,
  prefix = `${randomBytes(6).toString('hex')}:`,
  environment: Record<string, string> = {},
) {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-accounts-'));
  const logFile = join(directory, 'log');
  const descriptor = openSync(logFile, 'w');
  const log = createLog('info', 'test', descriptor);
  const config = readConfig({
    HOLDFAST_ISSUER: 'https://id.example.com',
    HOLDFAST_KEYS: `test:${Buffer.alloc(32, 7).toString('base64url')}`,
    HOLDFAST_REDIS_PREFIX: prefix,
    HOLDFAST_POD: 'test',
    REDIS_URL: url,
    ...environment,
  });
  if (!config.redis.target) throw new Error('no REDIS_URL');
  const store = openStore(config, config.redis.target, log);
  await store.handle.whenReady(5000);
  const ring = await openKeyRing(store, createVault(config.vaultKeys), {});
  const hasher = createPasswordHasher({ concurrency: 2, queue: 100 });
  const accounts = createAccounts({ store, ring, hasher, log });

  return {
    prefix,
    store,
    ring,
    hasher,
    log,
    accounts,
    async readLog() {
      await flushLog(log);
      return readFileSync(logFile, 'utf8');
    },
    /** The key that holds an address. */
    emailKey: (email: string) => emailKey(store, ring, email),
    async close() {
      await hasher.close();
      await store.close();
      // The descriptor stays open: what is still logged goes nowhere, and fails nothing.
      rmSync(directory, { recursive: true });
    },
  };
}

function emailKey(store: Store, ring: KeyRing, email: string): string {
  const normalised = normaliseEmail(email);
  if (!normalised.ok) throw new Error(`not an e-mail address: ${email}`);
  return store.keys.email(ring.hash('email', normalised.lookup));
}

/** As if its time had passed: everything of these keys that has a lifetime is gone. */
export async function letExpire(store: Store, keys: string[]): Promise<void> {
  for (const key of keys) {
    if (Number(await store.call('PTTL', key)) < 0) continue;
    await store.call('PEXPIRE', key, 1);
    while ((await store.call('EXISTS', key)) === 1) await new Promise((again) => setImmediate(again));
  }
}

/**
 * A pod that something happens to: the same store, but before its command number `at` (from 0), `event`
 * happens first. When that throws, the command is never sent, nor any after it.
 */
export function interrupted(store: Store, at: number, event: () => Promise<void>) {
  const sent: { command: string; key: string }[] = [];
  let count = 0;
  let failure: unknown;
  async function next(command: string, key = ''): Promise<void> {
    if (failure !== undefined) throw failure;
    sent.push({ command, key });
    if (count++ !== at) return;
    try {
      await event();
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  const affected: Store = {
    ...store,
    read: (key) => next('read', key).then(() => store.read(key)),
    readText: (key) => next('readText', key).then(() => store.readText(key)),
    run: (script, keys, args) => next(script, keys[0]).then(() => store.run(script, keys, args)),
    commit: (change) => next('commit', change.keys[0]).then(() => store.commit(change)),
    settle: (key) => next('settle', key).then(() => store.settle(key)),
    call: (command, ...args) => next(command, String(args[0])).then(() => store.call(command, ...args)),
  };
  return { store: affected, count: () => count, sent };
}

/**
 * A pod that does `event` before its first command of this name, and with `isKilled` goes no further than the
 * command after it.
 */
export function before(store: Store, command: string, event: () => Promise<void>, isKilled = false): Store {
  let isDone = false;
  return {
    ...store,
    async run(script, keys, args) {
      if (isDone && isKilled) throw new Killed();
      if (script !== command || isDone) return store.run(script, keys, args);
      await event();
      isDone = true;
      return store.run(script, keys, args);
    },
  };
}

/** Something that is waited for, and happens. */
export function moment(): { happened: Promise<void>; happen: () => void } {
  let happen = () => {};
  const happened = new Promise<void>((resolve) => {
    happen = resolve;
  });
  return { happened, happen };
}

export class Killed extends Error {}

export function accountsOn(
  store: Store,
  fixture: { ring: KeyRing; hasher: PasswordHasher; log: AccountFixture['log'] },
) {
  return createAccounts({ store, ring: fixture.ring, hasher: fixture.hasher, log: fixture.log });
}
