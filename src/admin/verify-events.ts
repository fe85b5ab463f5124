import type { Events, Verification } from '../events/events.ts';

/** A proof reads the whole trail, so a pod makes one at a time for administrators; busy: there is one now. */
export type VerifyEvents = (heads?: string[]) => Promise<Verification[] | 'busy'>;

/** When to ask again, in seconds. */
export const verifyAgainSeconds = 10;

export function createVerifyEvents({ verify }: Pick<Events, 'verify'>): VerifyEvents {
  let isRunning = false;
  return async (heads) => {
    if (isRunning) return 'busy';
    isRunning = true;
    try {
      return await verify(heads);
    } finally {
      isRunning = false;
    }
  };
}
