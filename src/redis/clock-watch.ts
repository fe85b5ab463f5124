import { nowMs } from '../clock.ts';
import { Unavailable } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Store } from './redis.ts';

/**
 * How far the clock of this pod is from that of Redis, which all pods share.
 *
 * The engine judges the lifetimes of codes, tokens and sessions by the pod's own clock. A pod that is minutes
 * ahead would refuse what is still good, and one that is behind would sign what nobody accepts yet: it must not
 * answer at all. Between two looks at Redis the monotonic clock goes on, so a clock that is set while the
 * pod runs shows with the next request.
 */
export type ClockWatch = {
  /** Positive when this pod is ahead. */
  skewMs(): number;
  /** Whether the skew is one that this pod may serve with. */
  fits(): boolean;
  /** @throws Unavailable when it does not fit */
  demand(): void;
  close(): void;
};

const lookEveryMs = 10_000;

/**
 * @param toleranceMs 0 puts up with any skew
 * @throws Unavailable when Redis cannot be asked
 */
export async function watchClock(store: Store, toleranceMs: number, log: Log): Promise<ClockWatch> {
  /** Redis time less the monotonic time of this process. */
  let offsetMs = await measure(store);
  let hasComplained = false;

  const skewMs = () => nowMs() - (performance.now() + offsetMs);
  const fits = () => toleranceMs === 0 || Math.abs(skewMs()) <= toleranceMs;

  function tell(): void {
    if (fits() === !hasComplained) return;
    hasComplained = !fits();
    const skewSeconds = Math.round(skewMs() / 1000);
    if (hasComplained) {
      log.error(
        { skewSeconds },
        'the clock of this pod is too far from that of Redis; it answers nothing until it is set right',
      );
    } else {
      log.info({ skewSeconds }, 'the clock of this pod is right again');
    }
  }

  tell();
  const timer = setInterval(async () => {
    try {
      offsetMs = await measure(store);
    } catch {
      // Redis is away; until it is back the last look counts.
    }
    tell();
  }, lookEveryMs);
  timer.unref();

  return {
    skewMs,
    fits,
    demand() {
      if (fits()) return;
      throw new Unavailable('the clock of this pod is too far from that of Redis', { retryAfterSeconds: 1 });
    },
    close: () => clearInterval(timer),
  };
}

async function measure(store: Store): Promise<number> {
  const asked = performance.now();
  const redisMs = await store.nowMs();
  return redisMs - (asked + performance.now()) / 2;
}
