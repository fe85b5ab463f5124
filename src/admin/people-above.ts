import { type Access, outranks } from '../access/access.ts';
import type { Actor } from '../access/actor.ts';
import type { Directory } from '../accounts/directory.ts';

/**
 * Who may do something that the actor may not, as it is now: ids of accounts. They are few where the actor may do
 * much; for an owner there is nobody.
 */
export type PeopleAbove = (actor: Actor) => Promise<string[]>;

export function createPeopleAbove(parts: {
  access: Pick<Access, 'roles' | 'groups'>;
  directory: Pick<Directory, 'search'>;
}): PeopleAbove {
  const { access, directory } = parts;

  async function having(of: { role: string } | { group: string }): Promise<string[]> {
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await directory.search({ ...of, count: 200, ...(cursor !== undefined && { cursor }) });
      ids.push(...page.accounts.map(({ id }) => id));
      cursor = page.cursor;
    } while (cursor !== undefined);
    return ids;
  }

  return async (actor) => {
    const [roles, groups] = await Promise.all([access.roles.list(), access.groups.list()]);
    const above = new Set(
      roles.flatMap(({ id, permissions }) => (outranks(actor.permissions, permissions) ? [] : [id])),
    );
    const found: string[] = [];
    for (const role of above) found.push(...(await having({ role })));
    for (const { id, roles: given } of groups) {
      if (given.some((role) => above.has(role))) found.push(...(await having({ group: id })));
    }
    return [...new Set(found)];
  };
}
