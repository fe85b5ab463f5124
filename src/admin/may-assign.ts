import type { Actor } from '../access/actor.ts';
import type { Hierarchy, Holder } from './hierarchy.ts';
import { type Refused, refused } from './outcome.ts';

/** Whether the actor may give an account these roles and groups. @param had those that it has now */
export async function mayAssign(
  actor: Actor,
  hierarchy: Hierarchy,
  wanted: Holder,
  had: Holder = {},
): Promise<Refused | undefined> {
  if (isSameSet(wanted.roles, had.roles) && isSameSet(wanted.groups, had.groups)) return undefined;
  if (!actor.permissions.has('accounts:assign-roles')) {
    return refused(
      'outranked',
      'You may not change the roles and groups of an account: that needs the permission accounts:assign-roles.',
    );
  }
  return hierarchy.giving(actor, wanted, had);
}

function isSameSet(one: readonly string[] = [], other: readonly string[] = []): boolean {
  const [a, b] = [new Set(one), new Set(other)];
  return a.size === b.size && [...a].every((id) => b.has(id));
}
