import { type Access, outranks, type Permission } from '../access/access.ts';
import type { Actor } from '../access/actor.ts';
import { type Refused, refused, unfit } from './outcome.ts';

/**
 * Nobody acts on somebody, or something, that may do more than they may, and nobody hands out more than they have.
 * Each function gives a refusal, or undefined when the act may go on. All of it as it is in Redis at the moment.
 */
export type Hierarchy = {
  /** Over what has these roles and groups. @param thing as in "this account" */
  over(actor: Actor, holder: Holder, thing: string): Promise<Refused | undefined>;
  /**
   * Those that the actor wants something to have.
   * @param had what it has already: roles that are gone may stay
   */
  giving(actor: Actor, wanted: Holder, had?: Holder): Promise<Refused | undefined>;
  /** @param thing as in "this role" */
  overPermissions(actor: Actor, held: Iterable<Permission>, thing: string): Refused | undefined;
};

export type Holder = { roles?: readonly string[] | undefined; groups?: readonly string[] | undefined };

export function createHierarchy(access: Access): Hierarchy {
  const permissionsOf = async ({ roles = [], groups = [] }: Holder) =>
    (await access.effectiveNow({ roles, groups })).permissions;

  async function missing(kind: 'roles' | 'groups', wanted: readonly string[], had: readonly string[]) {
    const fresh = wanted.filter((id) => !had.includes(id));
    const found = await Promise.all(fresh.map((id) => access[kind].find(id)));
    return fresh.filter((_, i) => found[i] === undefined);
  }

  function overPermissions(actor: Actor, held: Iterable<Permission>, thing: string) {
    const permissions = [...held];
    if (outranks(actor.permissions, permissions)) return undefined;
    const above = permissions.filter((one) => !actor.permissions.has(one));
    return refused(
      'outranked',
      `This ${thing} may do more than you: ${listed(above)}. Ask somebody who may do that, such as an owner, to make this change.`,
    );
  }

  return {
    overPermissions,

    over: async (actor, holder, thing) => overPermissions(actor, await permissionsOf(holder), thing),

    async giving(actor, wanted, had = {}) {
      const [roles, groups] = await Promise.all([
        missing('roles', wanted.roles ?? [], had.roles ?? []),
        missing('groups', wanted.groups ?? [], had.groups ?? []),
      ]);
      const faults = [
        ...roles.map((id) => ({ path: 'roles', message: `There is no role "${id}". Make it first.` })),
        ...groups.map((id) => ({ path: 'groups', message: `There is no group "${id}". Make it first.` })),
      ];
      if (faults.length > 0) return unfit(faults);
      const permissions = [...(await permissionsOf(wanted))];
      if (outranks(actor.permissions, permissions)) return undefined;
      const above = permissions.filter((one) => !actor.permissions.has(one));
      return refused(
        'outranked',
        `You cannot give more than you may yourself: ${listed(above)}. Ask somebody who may do that, such as an owner.`,
      );
    },
  };
}

function listed(permissions: Permission[]): string {
  const shown = permissions.slice(0, 3).join(', ');
  const rest = permissions.length - 3;
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}
