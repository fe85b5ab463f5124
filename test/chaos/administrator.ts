import { setTimeout as pause } from 'node:timers/promises';
import { mintAccountId } from '../../src/accounts/accounts.ts';
import { openParts, type Parts } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { Unavailable } from '../../src/errors.ts';
import { createLog } from '../../src/log.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { testKeys } from '../support/pods.ts';
import type { Account } from './browsing.ts';

/** Does what the command line does, beside the pods, and tries until it is acknowledged. */
export type Administrator = {
  createAccount(name: string): Promise<Account>;
  setPassword(account: Account, password: string): Promise<void>;
  putClient(name: string): Promise<void>;
  close(): Promise<void>;
};

export async function startAdministrator(
  redisUrl: string,
  issuer: string,
  environment: { [name: string]: string },
): Promise<Administrator> {
  const config = readConfig({
    ...environment,
    HOLDFAST_ISSUER: issuer,
    HOLDFAST_KEYS: testKeys,
    REDIS_URL: redisUrl,
    HOLDFAST_UNSAFE_ALLOW_HTTP: 'true',
  });
  const parts: Parts = await openParts(config, parseRedisUrl(redisUrl), createLog('silent', 'chaos'));
  return {
    async createAccount(name) {
      const person = { email: `${name}@example.com`, password: `a long passphrase of ${name}` };
      // The same id each time: a second try completes a first whose outcome is not known.
      const id = mintAccountId();
      const made = await persist(() => parts.accounts.create({ ...person, id, emailVerified: true }));
      if (!made.ok) throw new Error(`the account of ${name}: ${made.problem}`);
      return { ...person, id };
    },
    async setPassword({ id }, password) {
      const outcome = await persist(() => parts.accounts.setPassword(id, password));
      if (!outcome.ok) throw new Error(`a new password: ${outcome.problem}`);
    },
    async putClient(name) {
      const metadata = {
        client_id: name,
        redirect_uris: [`http://${name}.example/cb`],
        grant_types: ['authorization_code', 'refresh_token'],
        first_party: true,
      };
      await persist(() => parts.clients.put(metadata, `${name}-secret`));
    },
    close: () => parts.close(),
  };
}

async function persist<T>(work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Unavailable) || performance.now() > deadline) throw error;
      await pause(300);
    }
  }
}
