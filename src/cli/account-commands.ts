import type { Command } from 'commander';
import { profileFields } from '../accounts/profile.ts';
import { addAccountCredentialCommands } from './account-credential-commands.ts';
import { addAccountTransferCommands } from './account-import-command.ts';
import { addAccountIndexCommand } from './account-index-command.ts';
import { findAccount } from './find-account.ts';
import { many, wholeNumber } from './option-values.ts';
import { orFail, print, withAdmin } from './run.ts';
import { readSecret } from './secret-input.ts';

type CreateOptions = {
  name?: string;
  givenName?: string;
  familyName?: string;
  emailVerified: boolean;
  role: string[];
  group: string[];
  invite: boolean;
  mustChange: boolean;
};

type UpdateOptions = {
  email?: string;
  emailVerified?: boolean;
  set: string[];
  addRole: string[];
  removeRole: string[];
  addGroup: string[];
  removeGroup: string[];
};

export function addAccountCommands(program: Command): void {
  const account = program.command('account').description('people who sign in');

  account
    .command('create')
    .description('create an account; the password is asked for, or read from standard input')
    .argument('<email>')
    .option('--name <name>', 'full name')
    .option('--given-name <name>')
    .option('--family-name <name>')
    .option('--email-verified', 'the address is known to be theirs', false)
    .option('--role <id>', 'a role; may be repeated', many, [])
    .option('--group <id>', 'a group; may be repeated', many, [])
    .option('--must-change', 'they choose another password at the first sign-in', false)
    .option('--invite', 'no password is asked for: they are mailed a link to choose one', false)
    .action(async (email: string, options: CreateOptions, command: Command) => {
      const password = options.invite ? undefined : await readSecret(`Password for ${email}`);
      await withAdmin(async (admin, actor) => {
        const made = await admin.accounts.create(
          actor,
          {
            email,
            emailVerified: options.emailVerified,
            roles: options.role,
            groups: options.group,
            mustChangePassword: options.mustChange,
            ...(password !== undefined && { password }),
            ...given('name', options.name),
            ...given('given_name', options.givenName),
            ...given('family_name', options.familyName),
          },
          { sendsInvitation: options.invite },
        );
        const created = orFail(made);
        const warning = made.ok ? made.warning : undefined;
        print(command, { id: created.id, email: created.email, ...(warning && { warning }) }, [
          `Created ${created.email} (${created.id}).`,
          ...(options.invite
            ? [warning ?? `A link to choose a password is on its way to ${created.email}.`]
            : []),
        ]);
      });
    });

  account
    .command('show')
    .description('everything about one account')
    .argument('<email or id>')
    .action(async (who: string, _options: unknown, command: Command) => {
      await withAdmin(async (admin, actor, parts) => {
        const { id } = await findAccount(parts, who);
        const {
          account: shown,
          effective,
          factors,
          sessions,
          grants,
          upstreams,
        } = orFail(await admin.accounts.overview(actor, id));
        const { permissions } = effective;
        print(
          command,
          { account: shown, permissions: [...permissions], factors, sessions, grants, upstreams },
          [
            ...Object.entries(shown).map(
              ([field, value]) => `${field.padEnd(20)}  ${plainValue(field, value)}`,
            ),
            `${'factors'.padEnd(20)}  ${factors.map(({ kind, name }) => `${kind} "${name}"`).join(', ') || 'none'}`,
            `${'sessions'.padEnd(20)}  ${sessions.length}`,
            `${'applications'.padEnd(20)}  ${grants.map(({ client }) => client.clientId).join(', ') || 'none'}`,
          ],
        );
      });
    });

  for (const [name, about] of [
    ['list', 'list accounts, the latest first'],
    ['search', 'find accounts by the beginning of an address, of a name or of a word in it, or by id'],
  ] as const) {
    const command = account.command(name).description(about);
    if (name === 'search') command.argument('<text>');
    else command.argument('[text]');
    command
      .option('--status <status>', 'active or disabled')
      .option('--role <id>')
      .option('--group <id>')
      .option('--count <n>', 'how many, up to 200', '50')
      .option('--cursor <cursor>', 'where an earlier list ended')
      .action(search);
  }

  account
    .command('update')
    .description('change an account; what is not named stays')
    .argument('<email or id>')
    .option('--email <email>', 'another address, at once and without a mail to confirm it')
    .option('--email-verified', 'the address is known to be theirs')
    .option('--no-email-verified', 'it is not')
    .option(
      '--set <field=value>',
      `${profileFields.join(', ')}; empty to take it away; may be repeated`,
      many,
      [],
    )
    .option('--add-role <id>', 'may be repeated', many, [])
    .option('--remove-role <id>', 'may be repeated', many, [])
    .option('--add-group <id>', 'may be repeated', many, [])
    .option('--remove-group <id>', 'may be repeated', many, [])
    .action(update);

  for (const [name, about] of [
    ['disable', 'keep somebody out, and end everything that they are signed in to'],
    ['enable', 'let somebody in again'],
  ] as const) {
    account
      .command(name)
      .description(about)
      .argument('<email or id>')
      .action(async (who: string, _options: unknown, command: Command) => {
        await withAdmin(async (admin, actor, parts) => {
          const { id } = await findAccount(parts, who);
          const changed = orFail(await admin.accounts[name](actor, id));
          print(command, { id, status: changed.status }, [`${changed.email} is ${changed.status}.`]);
        });
      });
  }

  account
    .command('delete')
    .description('delete an account and all that is known of its person; cannot be undone')
    .argument('<email or id>')
    .requiredOption('--yes', 'really')
    .action(async (who: string, _options: unknown, command: Command) => {
      await withAdmin(async (admin, actor, parts) => {
        const found = await findAccount(parts, who);
        orFail(await admin.accounts.remove(actor, found.id, { version: found.version }));
        print(command, { id: found.id }, [`${found.email} is deleted.`]);
      });
    });

  addAccountCredentialCommands(account);
  addAccountTransferCommands(account);
  addAccountIndexCommand(account);
}

type SearchOptions = { status?: string; role?: string; group?: string; count: string; cursor?: string };

async function search(text: string | undefined, options: SearchOptions, command: Command): Promise<void> {
  const { status, count: typed, ...rest } = options;
  const count = wholeNumber(typed, '--count', 200);
  await withAdmin(async (admin) => {
    const { items, cursor } = await admin.accounts.search({
      ...rest,
      count,
      ...(text !== undefined && { text }),
      ...(status === 'active' || status === 'disabled' ? { status } : {}),
    });
    const shown = items.map(({ id, email, status: its }) => ({ id, email, status: its }));
    print(command, { accounts: shown, cursor }, [
      ...shown.map(({ id, email, status: its }) => `${id}  ${its.padEnd(8)}  ${email}`),
      ...(shown.length === 0 ? ['No accounts.'] : []),
      ...(cursor ? [`More: --cursor ${cursor}`] : []),
    ]);
  });
}

async function update(who: string, options: UpdateOptions, command: Command): Promise<void> {
  const profile = Object.fromEntries(
    options.set.map((pair) => {
      const [field = '', ...value] = pair.split('=');
      return [field, value.join('=')];
    }),
  );
  await withAdmin(async (admin, actor, parts) => {
    const found = await findAccount(parts, who);
    const { addRole, removeRole, addGroup, removeGroup, email, emailVerified } = options;
    const changed = await admin.accounts.update(
      actor,
      found.id,
      {
        ...(email !== undefined && { email }),
        ...(emailVerified !== undefined && { emailVerified }),
        ...(options.set.length > 0 && { profile }),
        ...(addRole.length + removeRole.length > 0 && { roles: joined(found.roles, addRole, removeRole) }),
        ...(addGroup.length + removeGroup.length > 0 && {
          groups: joined(found.groups, addGroup, removeGroup),
        }),
      },
      { version: found.version },
    );
    const account = orFail(changed);
    print(command, account, [`${account.email} is changed.`]);
  });
}

function joined(has: string[] = [], add: string[], remove: string[]): string[] {
  return [...new Set([...has, ...add])].filter((id) => !remove.includes(id));
}

function plainValue(field: string, value: unknown): string {
  if (field.endsWith('At')) return new Date(Number(value)).toISOString();
  return Array.isArray(value)
    ? value.join(', ')
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value);
}

function given(field: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [field]: value };
}
