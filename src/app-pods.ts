import type { Config } from './config.ts';
import { Unavailable } from './errors.ts';
import type { Log } from './log.ts';
import type { KeyLifecycle } from './oidc/oidc.ts';
import { createPods, type Pods } from './redis/pods.ts';
import type { Store } from './redis/redis.ts';
import { version } from './version.ts';

const sweepEveryMs = 1000;

/** The part of app.ts by which pods know of each other, and move keys on together. */
export type PodLife = Pods & {
  /** Begins to move keys on. */
  sweepKeys(keys: Pick<KeyLifecycle, 'sweep'>): void;
};

/** @throws Unavailable */
export async function beginPodLife(
  parts: { config: Config; store: Store; log: Log } & Pick<Parameters<typeof createPods>[0], 'describe'>,
): Promise<PodLife> {
  const { config, store, log, describe } = parts;
  const pods = await createPods({
    store,
    name: config.pod,
    version,
    keyIds: config.vaultKeys.map(({ id }) => id),
    describe,
    log,
  });
  let sweeping: NodeJS.Timeout | undefined;
  let isClosed = false;

  return {
    ...pods,
    sweepKeys(keys) {
      async function sweep(): Promise<void> {
        try {
          await keys.sweep();
        } catch (error) {
          if (!(error instanceof Unavailable)) log.error({ err: error }, 'keys were not moved on');
        }
        if (!isClosed) sweeping = setTimeout(sweep, sweepEveryMs).unref();
      }
      void sweep();
    },
    async close() {
      isClosed = true;
      clearTimeout(sweeping);
      await pods.close();
    },
  };
}
