import type { EventActor, EventQuery, NewEvent, RecordedEvent } from './events.ts';

/**
 * Under which names an event is found, beside its time. One with few events each is short, and costs little more than
 * its own key; a long one grows with the trail, and is written in blocks.
 */
export type EventIndex = { name: string; isShort: boolean };

/** With more of them, the trail itself is as quick. */
const mostKinds = 8;

const short = (name: string): EventIndex => ({ name, isShort: true });
const long = (name: string): EventIndex => ({ name, isShort: false });

/** Those that have an id. */
const actorKinds = ['account', 'client', 'operator'] as const satisfies EventActor['kind'][];

/** An account is not what else has its id. */
const who = (kind: EventActor['kind'], id: string) => `who:${kind}:${id}`;

export function indexesOf(event: Omit<NewEvent, 'outcome'>): EventIndex[] {
  const { actor, target, clientId, requestId } = event;
  const accountId = target?.kind === 'account' ? target.id : undefined;
  const found = [long(`kind:${event.kind}`)];
  const people = [actor.id && who(actor.kind, actor.id), accountId && who('account', accountId)];
  for (const name of new Set(people)) if (name) found.push(short(name));
  const typed = typedEmail(event);
  if (typed) found.push(short(`email:${typed}`));
  // As much work as for a sign-in to an account that there is.
  if (typed && !accountId) found.push(long('who:nobody'));
  const client = clientId ?? (target?.kind === 'client' ? target.id : undefined);
  if (client) found.push(long(`client:${client}`));
  if (requestId) found.push(short(`request:${requestId}`));
  return found;
}

/** Those that hold everything that fits a query: the shortest; undefined when only the trail itself does. */
export function indexesFor(query: Omit<EventQuery, 'count' | 'cursor'>): EventIndex[] | undefined {
  const { requestId, email, actorId, accountId, clientId, kinds } = query;
  if (requestId) return [short(`request:${requestId}`)];
  if (email) return [short(`email:${spell(email)}`)];
  if (accountId) return [short(who('account', accountId))];
  if (actorId) return actorKinds.map((kind) => short(who(kind, actorId)));
  if (clientId) return [long(`client:${clientId}`)];
  if (kinds && kinds.length <= mostKinds) return kinds.map((kind) => long(`kind:${kind}`));
  return undefined;
}

/** Whether an event is what a query asks for, but for its time. */
export function fits(event: RecordedEvent, query: Omit<EventQuery, 'count' | 'cursor' | 'from' | 'to'>) {
  const { actor, target } = event;
  const client = event.clientId ?? (target?.kind === 'client' ? target.id : undefined);
  const isAbout = (id: string) =>
    (actor.kind === 'account' && actor.id === id) || (target?.kind === 'account' && target.id === id);
  return (
    (!query.trail || event.trail === query.trail) &&
    (!query.kinds || query.kinds.includes(event.kind)) &&
    (!query.accountId || isAbout(query.accountId)) &&
    (!query.actorId || actor.id === query.actorId) &&
    (!query.clientId || client === query.clientId) &&
    (!query.requestId || event.requestId === query.requestId) &&
    (!query.email || typedEmail(event) === spell(query.email)) &&
    (!query.outcome || event.outcome === query.outcome)
  );
}

/** What somebody typed who has not signed in; it is kept as their name. */
function typedEmail({ actor }: Pick<NewEvent, 'actor'>): string | undefined {
  return actor.kind === 'anonymous' && actor.name ? spell(actor.name) : undefined;
}

function spell(email: string): string {
  return email.trim().toLowerCase();
}
