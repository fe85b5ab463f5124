import type { Permission } from './permissions.ts';

/** Who does something to what is administered, and from where. */
export type Actor = {
  /** operator: whoever runs the command line, and so has the keys and the Redis. */
  kind: 'account' | 'client' | 'operator';
  /** Account id, client_id, or the name of the operator's system user. */
  id: string;
  /** As people know them: an e-mail address, a client's name. */
  name: string;
  permissions: ReadonlySet<Permission>;
  via: 'console' | 'api' | 'cli';
  requestId: string;
  /** IP address; empty for the command line. */
  address: string;
  /** The session of the console that the act came from, or that its token ends with. */
  sessionUid?: string;
  /** The client that its token was given to. */
  clientId?: string;
  /**
   * Who they are now, with what they may do now; undefined when what they are signed in by has ended. Left out where
   * that cannot end: on the command line.
   * @throws Unavailable
   */
  lookAgain?(): Promise<Actor | undefined>;
};

/**
 * For an act that takes its time, before each part of it: an actor who was signed out, disabled or lost the permission
 * meanwhile does no more.
 * @returns the actor as they are now; undefined when they may not go on
 */
export async function stillMay(actor: Actor, permission: Permission): Promise<Actor | undefined> {
  const now = actor.lookAgain ? await actor.lookAgain() : actor;
  return now?.permissions.has(permission) ? now : undefined;
}
