import type { Access, Permission } from '../access/access.ts';
import type { Actor } from '../access/actor.ts';
import type { Account } from '../accounts/accounts.ts';

/** Where a request came from. */
export type Origin = Pick<Actor, 'requestId' | 'address'>;

/**
 * Who acts. Permissions are those of the moment, straight from Redis: a role that was taken away a moment ago counts
 * for nothing. Each function throws `Unavailable` when Redis cannot answer.
 */
export type ActorOf = {
  /** A person in the console, by their sign-in session. */
  person(account: Account, from: Origin & { sessionUid: string }): Promise<Actor>;
  /**
   * A person through an application that has a token of theirs: what they, the application and the token may all do.
   * @param clientRoles those of the application's metadata
   * @param scope of the token, by words
   */
  personByToken(
    account: Account,
    token: { clientRoles: readonly string[]; scope: readonly string[] },
    from: Origin,
  ): Promise<Actor>;
  /** An application for itself (client credentials). */
  client(
    client: { id: string; name: string; roles: readonly string[] },
    scope: readonly string[],
    from: Origin,
  ): Promise<Actor>;
};

export function createActorOf(access: Pick<Access, 'effectiveNow'>): ActorOf {
  const ofAccount = async ({ roles = [], groups = [] }: Account) =>
    (await access.effectiveNow({ roles, groups })).permissions;
  const ofRoles = async (roles: readonly string[]) =>
    (await access.effectiveNow({ roles, groups: [] })).permissions;

  return {
    async person(account, from) {
      const { id, email: name } = account;
      return { kind: 'account', id, name, permissions: await ofAccount(account), via: 'console', ...from };
    },

    async personByToken(account, { clientRoles, scope }, from) {
      const [own, clients] = await Promise.all([ofAccount(account), ofRoles(clientRoles)]);
      const permissions = limited(own, scope, clients);
      return { kind: 'account', id: account.id, name: account.email, permissions, via: 'api', ...from };
    },

    async client({ id, name, roles }, scope, from) {
      const permissions = limited(await ofRoles(roles), scope);
      return { kind: 'client', id, name, permissions, via: 'api', ...from };
    },
  };
}

function limited(
  permissions: ReadonlySet<Permission>,
  scope: readonly string[],
  most: ReadonlySet<Permission> = permissions,
): ReadonlySet<Permission> {
  const asked = new Set<string>(scope);
  return new Set([...permissions].filter((one) => asked.has(one) && most.has(one)));
}
