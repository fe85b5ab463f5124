import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from './config.ts';
import { createEvents, type Events, roomFor } from './events/events.ts';
import type { Log } from './log.ts';
import type { KeyRing } from './redis/key-ring.ts';
import type { Store } from './redis/redis.ts';
import type { LiveSettings } from './settings/settings.ts';

/** The part of app.ts that puts the audit trail together, and keeps it going while the pod lives. */
export function buildEvents(parts: {
  config: Config;
  store: Store;
  ring: KeyRing;
  settings: LiveSettings;
  log: Log;
}): Events {
  const { config, settings } = parts;
  return createEvents({
    ...parts,
    pod: config.pod,
    room: roomFor(config.auditEvents),
    keepDays: () => settings.auditDays(),
  });
}

const sweepEveryMs = 1000;

/** Chains what is new, and ends what killed pods left: on every pod, about every second. @returns stops it */
export function keepSweeping(events: Events, log: Log): () => void {
  const stopping = new AbortController();
  const { signal } = stopping;
  async function goOn(): Promise<void> {
    while (!signal.aborted) {
      await events.sweep().catch((error) => log.error({ err: error }, 'the audit trail was not swept'));
      // Not all pods at the same moment.
      const wait = sweepEveryMs * (0.75 + Math.random() / 2);
      await pause(wait, undefined, { signal, ref: false }).catch(() => {});
    }
  }
  void goOn();
  return () => stopping.abort();
}
