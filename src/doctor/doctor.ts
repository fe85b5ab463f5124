/**
 * The door to the doctor: looks at a whole installation, and says of each thing whether it is right, what that means
 * and what to do. Owns the checks, and one question that it asks a pod through the public address. Changes nothing.
 */
import type { Config } from '../config.ts';
import { Unavailable } from '../errors.ts';
import { openKeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { createVault } from '../redis/vault.ts';
import { checkAccess } from './check-access.ts';
import { checkClock } from './check-clock.ts';
import { checkConfig } from './check-config.ts';
import { checkAudit, checkSchema } from './check-data.ts';
import { checkKeys } from './check-keys.ts';
import { checkMail } from './check-mail.ts';
import { checkPods } from './check-pods.ts';
import { checkIssuer, checkProxy } from './check-public.ts';
import { checkCluster, checkPrimaries } from './check-redis.ts';
import { about, type Finding } from './finding.ts';

export { configFaults } from './check-config.ts';
export type { Finding } from './finding.ts';
export { doctorRoute } from './through-proxy.ts';

/** In the order in which one thing rests on another. Never throws for what it looks at. */
export async function* examine(config: Config, store: Store): AsyncGenerator<Finding> {
  yield* checkConfig(config);
  try {
    await store.whenReady(5000);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    yield about('Redis').fault(
      `it does not answer (${error.message}): pods answer 503`,
      'does it run, is REDIS_URL right, do user, password and certificates fit, and does the network let it through?',
    );
    yield await checkMail(config);
    return;
  }
  yield* await tried('Redis', () => checkPrimaries(config, store));
  yield* await tried('Redis: Cluster', () => checkCluster(store));
  yield* await tried('Redis: what this user needs', () => checkAccess(store));
  yield* await tried('Clock', async () => [await checkClock(config, store)]);
  yield* await tried('Data: form', async () => [await checkSchema(config, store)]);
  yield* await tried('Audit', () => checkAudit(store));
  let keys = { kids: [] as string[], canOpen: false };
  yield* await tried('Keys', async () => {
    const found = await checkKeys(config, store);
    keys = found;
    return found.findings;
  });
  yield* await tried('Pods', () => checkPods(store));
  const seenFromOutside = await tried('Public address', () => checkIssuer(config, keys.kids));
  yield* seenFromOutside;
  const isServed = seenFromOutside[0]?.state === 'ok';
  if (keys.canOpen && isServed) {
    yield* await tried('Proxy', async () => {
      const ring = await openKeyRing(store, createVault(config.vaultKeys), {});
      return checkProxy(config, store, ring);
    });
  }
  yield await checkMail(config);
}

async function tried(check: string, look: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof Unavailable) {
      return [about(check).fault(`Redis went away meanwhile (${error.message})`, 'run this again')];
    }
    const message = error instanceof Error ? error.message.slice(0, 200) : 'unknown';
    return [about(check).fault(`it could not be looked at: ${message}`, 'see the lines above')];
  }
}
