import { monitorEventLoopDelay } from 'node:perf_hooks';

/**
 * How late the event loop is. One long task makes a moment late, and is no reason to send requests elsewhere; a pod
 * that is late for seconds answers nobody in time.
 */
export type EventLoopWatch = {
  /** The longest delay in the last window that is over. */
  lagMs(): number;
  /** Whether it has been late for so long, and not been in time again for as long. */
  isLagging(): boolean;
  close(): void;
};

export type LagLimits = {
  /** A window in which the loop was once this late counts as late. */
  limitMs: number;
  /** For how long each window must be late until the pod lags, and in time until it does no more. */
  forMs: number;
  windowMs: number;
};

const usual: LagLimits = { limitMs: 500, forMs: 3000, windowMs: 1000 };
const resolutionMs = 20;

export function watchEventLoop(limits: LagLimits = usual): EventLoopWatch {
  const { limitMs, forMs, windowMs } = limits;
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  let lag = 0;
  let isLagging = false;
  let windowBegan = performance.now();
  /** Since when all windows were late, or all in time: the opposite of what it is taken for. */
  let otherwiseSince: number | undefined;

  const timer = setInterval(() => {
    const now = performance.now();
    // It measures from one tick to the next, of which the first is the resolution.
    lag = Math.max(0, delay.max / 1e6 - resolutionMs);
    delay.reset();
    if (lag > limitMs === isLagging) otherwiseSince = undefined;
    else otherwiseSince ??= windowBegan;
    // A window that was held up itself is as long as that took.
    windowBegan = now;
    if (otherwiseSince !== undefined && now - otherwiseSince >= forMs) {
      isLagging = !isLagging;
      otherwiseSince = undefined;
    }
  }, windowMs);
  timer.unref();

  return {
    lagMs: () => lag,
    isLagging: () => isLagging,
    close() {
      clearInterval(timer);
      delay.disable();
    },
  };
}
