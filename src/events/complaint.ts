import { nowMs } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Trail } from './catalogue.ts';

const everyMs = 10 * 60_000;

/** Says that a chain is damaged: every second would drown the log. */
export function createComplaint(log: Log): (trail: Trail) => void {
  const saidAt = new Map<Trail, number>();
  return (trail) => {
    if ((saidAt.get(trail) ?? 0) > nowMs() - everyMs) return;
    saidAt.set(trail, nowMs());
    log.error({ trail }, 'the chain of the audit trail is damaged: run `holdfast audit verify`');
  };
}
