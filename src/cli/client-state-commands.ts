import type { Command } from 'commander';

import { lines, shown } from './client-lines.ts';
import { many, wholeNumber } from './option-values.ts';
import { CommandFailed, orFail, print, withAdmin } from './run.ts';

/** Looking at clients, and changing those that there are. */
export function addClientStateCommands(client: Command): void {
  client
    .command('list')
    .description('list clients, the latest first, or those that a text is the beginning of')
    .argument('[text]', 'the beginning of a name, of a word in it, or of a client_id')
    .option('--count <n>', 'how many', '50')
    .option('--cursor <cursor>', 'where an earlier list ended')
    .action(
      async (text: string | undefined, options: { count: string; cursor?: string }, command: Command) => {
        const count = wholeNumber(options.count, '--count');
        await withAdmin(async (admin) => {
          const page = await admin.clients.list({
            count,
            ...(text === undefined ? {} : { text }),
            ...(options.cursor === undefined ? {} : { cursor: options.cursor }),
          });
          const { cursor } = page;
          // Those of Holdfast itself are nobody's to manage.
          const clients = page.items.filter(({ isBuiltIn }) => !isBuiltIn);
          print(command, { clients: clients.map(shown), cursor }, [
            ...clients.map(
              ({ metadata, isEnabled }) =>
                `${metadata.client_id}  ${isEnabled ? '' : '(disabled) '}${metadata.client_name ?? ''}`,
            ),
            ...(clients.length === 0 ? ['No clients.'] : []),
            ...(cursor ? [`More: --cursor ${cursor}`] : []),
          ]);
        });
      },
    );

  client
    .command('show')
    .description('everything about a client but its secrets')
    .argument('<client_id>')
    .action(async (id: string, _options: unknown, command: Command) => {
      await withAdmin(async (admin) => {
        const found = orFail(await admin.clients.find(id));
        print(command, shown(found), lines(found));
      });
    });

  client
    .command('update')
    .description('change the metadata of a client')
    .argument('<client_id>')
    .requiredOption(
      '--set <field=value>',
      'value is JSON, or a text as it is; null takes the field away; may be repeated',
      many,
      [],
    )
    .action(async (id: string, options: { set: string[] }, command: Command) => {
      const fields = Object.fromEntries(options.set.map(fieldOf));
      await withAdmin(async (admin, actor) => {
        const updated = orFail(await admin.clients.update(actor, id, fields));
        print(command, shown(updated), [`Updated ${id}.`]);
      });
    });

  for (const [name, isEnabled, what] of [
    ['enable', true, 'let a disabled client work again'],
    ['disable', false, 'refuse a client, and all tokens that it has, until it is enabled again'],
  ] as const) {
    client
      .command(name)
      .description(what)
      .argument('<client_id>')
      .action(async (id: string, _options: unknown, command: Command) => {
        await withAdmin(async (admin, actor) => {
          const set = orFail(await admin.clients[name](actor, id));
          print(command, shown(set), [`${isEnabled ? 'Enabled' : 'Disabled'} ${id}.`]);
        });
      });
  }

  client
    .command('delete')
    .description('remove a client for good; its id is never used again, and its tokens are worth nothing')
    .argument('<client_id>')
    .requiredOption('--yes', 'it cannot be undone')
    .action(async (id: string, _options: unknown, command: Command) => {
      await withAdmin(async (admin, actor) => {
        orFail(await admin.clients.remove(actor, id));
        print(command, { client_id: id }, [`Deleted ${id}.`]);
      });
    });
}

function fieldOf(text: string): [string, unknown] {
  const at = text.indexOf('=');
  if (at < 1) throw new CommandFailed(`--set must be <field>=<value>, not ${text}.`);
  const value = text.slice(at + 1);
  try {
    return [text.slice(0, at), JSON.parse(value) as unknown];
  } catch {
    return [text.slice(0, at), value];
  }
}
