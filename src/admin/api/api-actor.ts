import type { Actor } from '../../access/actor.ts';
import type { Sender } from './bearer.ts';

/** The sender of a request, as the flows know them. */
export function actorOf(sender: Sender, from: Pick<Actor, 'via' | 'requestId' | 'address'>): Actor {
  const { kind, id, name, permissions, clientId, sessionUid, lookAgain } = sender;
  return {
    ...{ kind, id, name, permissions, clientId, ...from },
    ...(sessionUid === undefined ? {} : { sessionUid }),
    async lookAgain() {
      const now = await lookAgain();
      return now && actorOf(now, from);
    },
  };
}
