/** What a run has seen. The five must be 0. */
export type Five = {
  signedOut: number;
  lost: number;
  double: number;
  revived: number;
  wrong: number;
};

export type Record = {
  five: Five;
  flows: number;
  requests: number;
  /** The client saw an error after sending again. */
  failed: number;
  resent: number;
  /** Pods and Redis processes that were killed, stopped or frozen. */
  kills: number;
  /** ms of each request that was answered while the load ran. */
  times: number[];
  /** The longest time without any success while the load ran, ms. */
  longestGapMs: number;
  /** What was acknowledged and read back at the end. */
  readBack: number;
  /** What went wrong, in words. */
  violations: string[];
  /** What the pods logged as errors, for whoever looks into a violation. */
  podErrors: string[];
  violate(kind: keyof Five, what: string): void;
  succeeded(ms: number): void;
  loadStarts(): void;
  loadEnds(): void;
};

const mostWords = 20;

export function createRecord(): Record {
  let lastSuccess: number | undefined;
  function noteGap(): void {
    if (lastSuccess === undefined) return;
    const now = performance.now();
    record.longestGapMs = Math.max(record.longestGapMs, Math.round(now - lastSuccess));
    lastSuccess = now;
  }
  const record: Record = {
    five: { signedOut: 0, lost: 0, double: 0, revived: 0, wrong: 0 },
    flows: 0,
    requests: 0,
    failed: 0,
    resent: 0,
    kills: 0,
    times: [],
    longestGapMs: 0,
    readBack: 0,
    violations: [],
    podErrors: [],
    violate(kind, what) {
      record.five[kind] += 1;
      if (record.violations.length < mostWords) record.violations.push(`${kind}: ${what}`);
    },
    succeeded(ms) {
      if (lastSuccess === undefined) return;
      noteGap();
      record.times.push(ms);
    },
    loadStarts() {
      lastSuccess = performance.now();
    },
    loadEnds() {
      noteGap();
      lastSuccess = undefined;
    },
  };
  return record;
}

export function isClean({ five }: Record): boolean {
  return Object.values(five).every((count) => count === 0);
}

export function percentile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
