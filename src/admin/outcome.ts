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
    | 'outranked';
  message: string;
  /** Which fields do not fit, by their names on the wire. */
  faults?: Fault[];
};

export type Outcome<T> = { ok: true; value: T } | Refused;

/** @property cursor for the page after this one; undefined at the end */
export type Page<T> = { items: T[]; cursor: string | undefined };

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

/** @param thing such as "account" */
export function changed(thing: string): Refused {
  return refused(
    'changed',
    `Somebody else has changed this ${thing} since you opened it. Load it again, look at what is new, and repeat your change.`,
  );
}
