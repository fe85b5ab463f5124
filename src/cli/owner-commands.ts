import type { Command } from 'commander';
import { findAccount } from './find-account.ts';
import { CommandFailed, orFail, print, withAdmin } from './run.ts';
import { readSecret } from './secret-input.ts';

const owner = 'owner';
const invitationSeconds = 3600;

export function addOwnerCommands(program: Command): void {
  const group = program.command('owner').description('who may administer everything');

  group
    .command('create')
    .description('make somebody an owner; who has no account yet gets one, whose password is asked for')
    .argument('<email>')
    .option('--name <name>', 'full name, for a new account')
    .action(async (email: string, options: { name?: string }, command: Command) => {
      const isThere = await withAdmin(async (_admin, _actor, { accounts }) =>
        Boolean(await accounts.findByEmail(email)),
      );
      const password = isThere ? undefined : await readSecret(`Password for ${email}`);
      const { account, wasMade } = await withAdmin(async (admin, actor, { accounts }) => {
        const found = await accounts.findByEmail(email);
        if (found) {
          const roles = [...new Set([...(found.roles ?? []), owner])];
          const updated = await admin.accounts.update(actor, found.id, { roles }, { version: found.version });
          return { account: orFail(updated), wasMade: false };
        }
        if (password === undefined) throw new CommandFailed('The account went away meanwhile. Try again.');
        const draft = { email, emailVerified: true, password, roles: [owner], ...options };
        return { account: orFail(await admin.accounts.create(actor, draft)), wasMade: true };
      });
      print(command, { id: account.id, email: account.email, created: wasMade }, [
        `${account.email} is an owner${wasMade ? ', with a new account' : ''} (${account.id}).`,
        'The console asks for a second factor at the first sign-in.',
      ]);
    });

  group
    .command('invite')
    .description(
      'print a link by which whoever signs in with it first becomes an owner; works once, for an hour',
    )
    .action(async (_options: unknown, command: Command) => {
      await withAdmin(async (admin, actor, { config }) => {
        const { token, expiresAt } = orFail(await admin.accounts.inviteOwner(actor, invitationSeconds));
        const link = `${config.issuer}/admin/owner?token=${token}`;
        print(command, { link, expires_at: new Date(expiresAt).toISOString() }, [
          link,
          'It works once, for an hour, and ends an earlier one. Whoever has it becomes an owner: pass it on as you would a password.',
        ]);
      });
    });

  group
    .command('list')
    .description('list owners')
    .action(async (_options: unknown, command: Command) => {
      await withAdmin(async (admin) => {
        const { items } = await admin.accounts.search({ role: owner, count: 200 });
        print(command, { accounts: items.map(({ id, email, status }) => ({ id, email, status })) }, [
          ...items.map(({ id, email, status }) => `${id}  ${status.padEnd(8)}  ${email}`),
          ...(items.length === 0 ? ['No owner yet: holdfast owner create <email>'] : []),
        ]);
      });
    });

  group
    .command('remove')
    .description('take the role from an owner; the last one keeps it')
    .argument('<email or id>')
    .action(async (who: string, _options: unknown, command: Command) => {
      await withAdmin(async (admin, actor, parts) => {
        const found = await findAccount(parts, who);
        const roles = (found.roles ?? []).filter((one) => one !== owner);
        const updated = orFail(
          await admin.accounts.update(actor, found.id, { roles }, { version: found.version }),
        );
        print(command, { id: updated.id }, [`${updated.email} is no owner any more.`]);
      });
    });
}
