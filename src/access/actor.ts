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
  /** The session of the console that the act came from. */
  sessionUid?: string;
};
