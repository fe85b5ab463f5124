import type { Command } from 'commander';
import { type ClaimValues, isPermission, type Permission, permissions } from '../access/access.ts';
import type { Admin } from '../admin/admin.ts';
import { many } from './option-values.ts';
import { CommandFailed, orFail, print, withAdmin } from './run.ts';

type Options = {
  name?: string;
  description?: string;
  permission?: string[];
  role?: string[];
  claim: string[];
};

export function addAccessCommands(program: Command): void {
  const role = program.command('role').description('what people may do, and claims that say so');
  addCommon(role, 'role');
  withText(role.command('create').description('create a role').argument('<id>'))
    .option('--permission <permission>', `may be repeated: ${permissions.join(', ')}`, many, [])
    .action(async (id: string, options: Options, command: Command) => {
      const draft = { ...textOf(options), permissions: permissionsOf(options), claims: claimsOf(options) };
      const made = await withAdmin(async (admin, actor) =>
        orFail(await admin.roles.create(actor, id, draft)),
      );
      print(command, made, [`Created the role ${id}.`]);
    });
  withText(role.command('update').description('change a role; what is not named stays').argument('<id>'))
    .option('--permission <permission>', 'in place of those that it has; may be repeated', many, [])
    .action(async (id: string, options: Options, command: Command) => {
      const given = permissionsOf(options);
      const draft = {
        ...textOf(options),
        ...(given.length > 0 && { permissions: given }),
        ...(options.claim.length > 0 && { claims: claimsOf(options) }),
      };
      const made = await withAdmin(async (admin, actor) =>
        orFail(await admin.roles.update(actor, id, draft)),
      );
      print(command, made, [`Changed the role ${id}.`]);
    });

  const group = program.command('group').description('people with the same roles and claims');
  addCommon(group, 'group');
  withText(group.command('create').description('create a group').argument('<id>'))
    .option('--role <id>', 'that its members have; may be repeated', many, [])
    .action(async (id: string, options: Options, command: Command) => {
      const draft = { ...textOf(options), roles: options.role ?? [], claims: claimsOf(options) };
      const made = await withAdmin(async (admin, actor) =>
        orFail(await admin.groups.create(actor, id, draft)),
      );
      print(command, made, [`Created the group ${id}.`]);
    });
  withText(group.command('update').description('change a group; what is not named stays').argument('<id>'))
    .option('--role <id>', 'in place of those that it has; may be repeated', many, [])
    .action(async (id: string, options: Options, command: Command) => {
      const draft = {
        ...textOf(options),
        ...(options.role?.length && { roles: options.role }),
        ...(options.claim.length > 0 && { claims: claimsOf(options) }),
      };
      const made = await withAdmin(async (admin, actor) =>
        orFail(await admin.groups.update(actor, id, draft)),
      );
      print(command, made, [`Changed the group ${id}.`]);
    });
}

function withText(command: Command): Command {
  return command
    .option('--name <name>', 'what people see; the id when left out')
    .option('--description <text>')
    .option('--claim <name=value>', 'in tokens of those who have it; may be repeated', many, []);
}

function addCommon(group: Command, word: 'role' | 'group'): void {
  const flows = (admin: Admin) => (word === 'role' ? admin.roles : admin.groups);
  group
    .command('list')
    .description(`list ${word}s`)
    .action(async (_options: unknown, command: Command) => {
      const things = await withAdmin(async (admin) => flows(admin).list());
      print(command, { [`${word}s`]: things }, [
        ...things.map(({ id, name }) => `${id.padEnd(20)}  ${name}`),
        ...(things.length === 0 ? [`No ${word}s.`] : []),
      ]);
    });
  group
    .command('show')
    .description(`everything about one ${word}`)
    .argument('<id>')
    .action(async (id: string, _options: unknown, command: Command) => {
      const thing = await withAdmin(async (admin) => orFail<object>(await flows(admin).find(id)));
      print(
        command,
        thing,
        Object.entries(thing).map(
          ([field, value]) =>
            `${field.padEnd(12)}  ${Array.isArray(value) ? value.join(', ') : JSON.stringify(value)}`,
        ),
      );
    });
  group
    .command('delete')
    .description(`remove a ${word}; its id is not used again`)
    .argument('<id>')
    .action(async (id: string, _options: unknown, command: Command) => {
      await withAdmin(async (admin, actor) => orFail<object>(await flows(admin).remove(actor, id)));
      print(command, { id }, [`Removed the ${word} ${id}.`]);
    });
}

function textOf({ name, description }: Options): { name?: string; description?: string } {
  return { ...(name !== undefined && { name }), ...(description !== undefined && { description }) };
}

function permissionsOf({ permission = [] }: Options): Permission[] {
  const unknown = permission.filter((one) => !isPermission(one));
  if (unknown.length > 0) throw new CommandFailed(`There is no permission ${unknown.join(', ')}.`);
  return permission.filter(isPermission);
}

/** `level=3` is a number, `admin=true` true, anything else a text. */
function claimsOf({ claim }: Options): ClaimValues {
  return Object.fromEntries(
    claim.map((pair) => {
      const [name = '', ...rest] = pair.split('=');
      const text = rest.join('=');
      if (text === 'true' || text === 'false') return [name, text === 'true'];
      return [name, /^-?\d{1,15}$/.test(text) ? Number(text) : text];
    }),
  );
}
