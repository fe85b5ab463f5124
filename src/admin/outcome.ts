import type { Fault } from '../access/access.ts';

/**
 * What became of an act of an administrator. A refusal has a text for people that says what is wrong and how to mend
 * it; page and API show the same.
 */
export type Refused = {
  ok: false;
  problem:
    | 'not-found'
    /** Somebody else has changed it since it was read. */
    | 'changed'
    /** Such a name, id or address is taken, or the state of the thing does not allow it. */
    | 'conflict'
    | 'invalid'
    /** The permission is there, but what is acted on may do more than the actor. */
    | 'outranked'
    /** The actor was signed out, or lost the permission, before the act had come to its end. */
    | 'ended';
  message: string;
  /** Which fields do not fit, by their names on the wire. */
  faults?: Fault[];
};

/** @property warning what was not done beside it, for people, with how to make up for it */
export type Outcome<T> = { ok: true; value: T; warning?: string } | Refused;

/** @property cursor for the page after this one; undefined at the end */
export type Page<T> = { items: T[]; cursor: string | undefined };

/**
 * A page of a list that is all there.
 * @param all in the order of their keys
 * @param cursor the key of the last one of the page before; one that is gone meanwhile does as well
 */
export function pageFrom<T>(
  all: T[],
  keyOf: (one: T) => string,
  { cursor = '', count }: { cursor?: string | undefined; count: number },
): Page<T> {
  const left = cursor === '' ? all : all.filter((one) => keyOf(one) > cursor);
  const items = left.slice(0, count);
  const last = items.at(-1);
  return { items, cursor: last !== undefined && left.length > count ? keyOf(last) : undefined };
}

/** @property version that was seen; undefined acts on whichever there is */
export type WriteOptions = { version?: number | undefined; isDryRun?: boolean };

export function done<T>(value: T): { ok: true; value: T } {
  return { ok: true, value };
}

export function refused(problem: Refused['problem'], message: string, faults: Fault[] = []): Refused {
  return { ok: false, problem, message, ...(faults.length > 0 && { faults }) };
}

/** @param faults at least one */
export function unfit(faults: Fault[]): Refused {
  return refused('invalid', faults.map(({ path, message }) => `${path}: ${message}`).join(' '), faults);
}

/** @param thing such as "account" */
export function notFound(thing: string): Refused {
  return refused('not-found', `There is no such ${thing}. It may have been removed meanwhile.`);
}

/** @param done what was done before, as a sentence */
export function endedMeanwhile(done = 'Nothing was done here.'): Refused {
  return refused(
    'ended',
    `You are not signed in any more, or have lost the permission for this, since you began. ${done}`,
  );
}

/** @param thing such as "account" */
export function changed(thing: string): Refused {
  return refused(
    'changed',
    `Somebody else has changed this ${thing} since you opened it. Load it again, look at what is new, and repeat your change.`,
  );
}
