import { type Access, type ClaimValues, outranks } from '../access/access.ts';
import type { Actor } from '../access/actor.ts';
import { isSame } from './difference.ts';
import { type Refused, refused } from './outcome.ts';

/**
 * An application tells by a claim what somebody may do there, whichever role or group it comes from. So what a role or
 * group that may do more than the actor says with a claim, the actor does not say by one of their own.
 * @param own the role or group that is changed
 * @param had its claims until now: those that stay as they are may stay
 */
export async function claimsAbove(
  access: Pick<Access, 'roles' | 'groups'>,
  actor: Actor,
  own: { kind: 'role' | 'group'; id: string },
  claims: ClaimValues,
  had: ClaimValues = {},
): Promise<Refused | undefined> {
  const fresh = Object.keys(claims).filter(
    (name) => !Object.hasOwn(had, name) || !isSame(claims[name], had[name]),
  );
  if (fresh.length === 0) return undefined;
  const [roles, groups] = await Promise.all([access.roles.list(), access.groups.list()]);
  const above = roles.filter((role) => !outranks(actor.permissions, role.permissions));
  const idsAbove = new Set(above.map(({ id }) => id));
  const definers = [
    ...above.map((role) => ({ ...role, kind: 'role' })),
    ...groups
      .filter((group) => group.roles.some((id) => idsAbove.has(id)))
      .map((group) => ({ ...group, kind: 'group' })),
  ].filter((one) => one.kind !== own.kind || one.id !== own.id);
  const faults = fresh.flatMap((name) => {
    const definer = definers.find((one) => Object.hasOwn(one.claims, name));
    if (!definer) return [];
    const message = `The ${definer.kind} “${definer.name}” has a claim of this name, and may do more than you.`;
    return [{ path: `claims.${name}`, message }];
  });
  if (faults.length === 0) return undefined;
  return refused(
    'outranked',
    `${faults.map(({ message }) => message).join(' ')} Choose another name, or ask an owner to do it.`,
    faults,
  );
}
