import { LRUCache } from 'lru-cache';
import { ApiProblem } from './problem.ts';

const mostFailures = 60;
const windowMs = 60_000;

/**
 * Counts requests without a good token, by address, on this pod alone: that keeps the log readable, and opens nothing.
 * Who has a good token is served whatever others at the address do.
 * @returns counts one more; it throws ApiProblem 429 where there were too many within a minute
 */
export function limitFailures(): (address: string) => void {
  const failures = new LRUCache<string, { count: number }>({ max: 10_000, ttl: windowMs });
  return (address) => {
    const counter = failures.get(address) ?? { count: 0 };
    counter.count += 1;
    if (counter.count === 1) failures.set(address, counter);
    if (counter.count <= mostFailures) return;
    const seconds = Math.max(1, Math.ceil(failures.getRemainingTTL(address) / 1000));
    throw new ApiProblem('too-many-requests', 'Too many requests from this address had no valid token.', {
      headers: { 'retry-after': String(seconds) },
    });
  };
}
