import { nowSeconds } from '../clock.ts';
import type { Change } from '../redis/change.ts';
import type { Store } from '../redis/redis.ts';
import type { Era } from './eras.ts';
import type { Fields, UnitOfWork } from './unit-of-work.ts';

/**
 * All sessions, and those of each client, by about when they end. A session is listed in the commit that makes it
 * or brings it a client (where Redis has one primary in the same script, on a Cluster before it), and moved on once
 * an hour while it is used. It leaves when it ends, as far as that goes: whoever meets one that is not there any more
 * passes over it.
 *
 * Each era (eras.ts) has lists of its own; those of the ones before expire.
 */
const hourMs = 3600_000;

export function createSessionIndex(store: Store, era: Era) {
  const { keys } = store;
  const hourOf = (seconds: number) => Math.floor((seconds * 1000) / hourMs);

  return {
    /**
     * @param fields of the session as they will be
     * @param is.before as they were
     * @param is.lifetimeMs until it ends if nobody uses it; is.leftMs until it ends in any case
     */
    list(
      unit: UnitOfWork,
      uid: string,
      fields: Fields,
      is: { isSignIn: boolean; before: Fields; lifetimeMs: number; leftMs: number },
    ): void {
      const isDue = is.isSignIn || hourOf(Number(is.before?.u ?? 0)) !== hourOf(nowSeconds());
      const clientIds = clientsOf(fields);
      const wanted = isDue ? clientIds : clientIds.filter((id) => is.before?.[`a:${id}`] === undefined);
      if (!isDue && wanted.length === 0) return;
      // It is used for an hour at the most before it is moved on.
      const listedForMs = Math.min(is.lifetimeMs + hourMs, is.leftMs);
      const number = Number(fields?.r ?? 0);
      const change = unit.change('account', 'the list of sessions');
      if (isDue) change.list(keys.sessionsOf(number), uid, listedForMs);
      for (const id of wanted) change.list(keys.sessionsOfClient(number, id), uid, listedForMs);
    },

    /**
     * Takes it off in the same script where that may be.
     * @returns what is to be done later where it may not
     */
    unlist(change: Change, uid: string, clientIds: string[]): (() => Promise<unknown>) | undefined {
      const number = era.current();
      const lists = [keys.sessionsOf(number), ...clientIds.map((id) => keys.sessionsOfClient(number, id))];
      if (!store.mayCrossSlots) return () => Promise.all(lists.map((list) => store.call('ZREM', list, uid)));
      for (const list of lists) change.unlist(list, [uid]);
      return undefined;
    },
  };
}

/** The clients that a session has been used for. */
export function clientsOf(fields: Fields): string[] {
  return Object.keys(fields ?? {}).flatMap((field) => (field.startsWith('a:') ? [field.slice(2)] : []));
}
