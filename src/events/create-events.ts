import type { Log } from '../log.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { createActs } from './acts.ts';
import { createChainer } from './chainer.ts';
import { createCounts } from './counts.ts';
import { createEventStore, type KeepDays, type Room, usualRoom } from './event-store.ts';
import type { Events } from './events.ts';
import { createSearch } from './search.ts';
import { createVerifier } from './verify.ts';

/**
 * @param parts.pod the name of this pod, in each event
 * @param parts.keepDays how long events are kept, as it is now
 * @param parts.room how many events of people, and refusals of either trail, Redis has room for
 */
export function createEvents(parts: {
  store: Store;
  ring: KeyRing;
  log: Log;
  pod: string;
  keepDays: KeepDays;
  room?: Room;
}): Events {
  const events = createEventStore({ room: usualRoom, ...parts });
  const shared = { ...parts, events };
  const acts = createActs(shared);
  const chainer = createChainer(shared);
  return {
    async record(event) {
      await events.append(event, event.outcome);
      await events.settle();
    },
    note: acts.note,
    act: acts.act,
    ...createSearch(shared),
    ...createCounts(shared),
    ...createVerifier(shared),
    chainLagMs: chainer.lagMs,
    sweep: () => chainer.sweep(acts.endAbandoned),
  };
}
