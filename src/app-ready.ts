import type { EventLoopWatch } from './metrics/event-loop.ts';
import type { ClockWatch } from './redis/clock-watch.ts';
import type { Heard } from './redis/pods.ts';

/** Why a pod should get no requests. */
export type Unready = 'starting' | 'closing' | 'clock' | 'event-loop' | 'keys';

export const unreadyReasons: readonly Unready[] = ['starting', 'closing', 'clock', 'event-loop', 'keys'];

/** Another pod may serve a set for this long before this one has to serve it as well. */
const mayBeBehindMs = 5000;

/**
 * The part of app.ts that decides whether requests may be sent to this pod. Redis being away is no reason against it:
 * then every pod would leave at once. Nor is a key set that nobody can open. What counts is that this pod is worse
 * than others: its keys are older than those of a pod that is alive, its clock is wrong, or it is too slow.
 */
export function createReadiness(parts: {
  isStarted(): boolean;
  isClosing(): boolean;
  clock(): Pick<ClockWatch, 'fits'> | undefined;
  eventLoop: Pick<EventLoopWatch, 'isLagging'>;
  /** The version of the key set that this pod serves. */
  keySetVersion(): number;
  /** Whether it can open the keys that sign now; false only where another pod can. */
  canSign(): boolean;
  heard(): Heard | undefined;
}): () => Unready | undefined {
  let behindSince: number | undefined;

  function isBehind(): boolean {
    const newest = parts.heard()?.newestKeySet ?? 0;
    if (newest <= parts.keySetVersion()) behindSince = undefined;
    else behindSince ??= performance.now();
    return behindSince !== undefined && performance.now() - behindSince >= mayBeBehindMs;
  }

  return () => {
    if (parts.isClosing()) return 'closing';
    if (!parts.isStarted()) return 'starting';
    if (parts.clock()?.fits() === false) return 'clock';
    if (parts.eventLoop.isLagging()) return 'event-loop';
    return isBehind() || !parts.canSign() ? 'keys' : undefined;
  };
}
