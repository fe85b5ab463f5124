import type { Actor } from '../access/actor.ts';
import type { EventKind, Events, EventTarget, NewEvent } from '../events/events.ts';
import type { Outcome } from './outcome.ts';

/** What an act has found out about itself, for the audit. */
export type Noted = Partial<Pick<NewEvent, 'before' | 'after' | 'target'>>;

/**
 * Does something as an actor, with its intention, outcome and change in the audit. What is refused is there too, with
 * the problem as its reason. A dry run is no act: only that it was refused for rank is noted.
 * @param what.isDryRun then `work` changes nothing
 * @param work may call `note` as often as it learns something; later fields replace earlier ones
 */
export type Act = <T>(
  actor: Actor,
  what: { kind: EventKind; target: EventTarget; clientId?: string; isDryRun?: boolean | undefined },
  work: (note: (noted: Noted) => void) => Promise<Outcome<T>>,
) => Promise<Outcome<T>>;

export function createAct(events: Pick<Events, 'act' | 'note'>): Act {
  return async (actor, { kind, target, clientId, isDryRun = false }, work) => {
    let noted: Noted = {};
    const note = (more: Noted) => {
      noted = { ...noted, ...more };
    };
    const event = { kind, target, ...(clientId !== undefined && { clientId }), ...origin(actor) };
    if (!isDryRun) {
      return events.act(
        event,
        () => work(note),
        (result) => ({ ...noted, ...(!result.ok && { reason: result.problem }) }),
      );
    }
    const result = await work(note);
    if (!result.ok && result.problem === 'outranked') {
      await events.note({ ...event, kind: 'access.refused', outcome: 'failure', reason: result.problem });
    }
    return result;
  };
}

/** Who acted, and from where, as an event has it. */
export function origin(actor: Actor): Pick<NewEvent, 'actor' | 'address' | 'via' | 'requestId'> {
  const { kind, id, name, address, via, requestId } = actor;
  return {
    actor: { kind, id, name },
    via,
    requestId,
    ...(address !== '' && { address }),
  };
}
