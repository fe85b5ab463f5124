import type { Outcome } from './outcome.ts';

const mostTries = 5;

/**
 * Something is read, judged, and changed if it is still as it was read. When it was changed by another meanwhile, and
 * the actor had no version in mind, all of it is done again.
 * @param version that the actor saw
 */
export async function whileChanging<T>(
  version: number | undefined,
  attempt: () => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  for (let left = mostTries; ; left--) {
    const outcome = await attempt();
    const isOvertaken = !outcome.ok && outcome.problem === 'changed';
    if (!isOvertaken || version !== undefined || left === 1) return outcome;
  }
}
