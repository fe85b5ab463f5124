import type { Command } from 'commander';
import { findAccount } from './find-account.ts';
import { wholeNumber } from './option-values.ts';
import { CommandFailed, orFail, print, withAdmin } from './run.ts';

export function addSessionCommands(program: Command): void {
  const session = program.command('session').description('where people are signed in');

  session
    .command('list')
    .description('list sessions, the latest first')
    .option('--account <email or id>')
    .option('--client <client_id>')
    .option('--count <n>', 'how many, up to 200', '50')
    .option('--cursor <cursor>', 'where an earlier list ended')
    .action(
      async (
        options: { account?: string; client?: string; count: string; cursor?: string },
        command: Command,
      ) => {
        const count = wholeNumber(options.count, '--count', 200);
        await withAdmin(async (admin, _actor, parts) => {
          const accountId = options.account && (await findAccount(parts, options.account)).id;
          const page = await admin.sessions.list({
            count,
            ...(accountId && { accountId }),
            ...(options.client && { clientId: options.client }),
            ...(options.cursor && { cursor: options.cursor }),
          });
          print(command, { sessions: page.items, cursor: page.cursor }, [
            ...page.items.map(
              ({ uid, accountId: id, lastUsedAt, browser, address }) =>
                `${uid}  ${id}  ${new Date(lastUsedAt).toISOString()}  ${browser || 'unknown browser'}  ${address}`,
            ),
            ...(page.items.length === 0 ? ['No sessions.'] : []),
            ...(page.cursor ? [`More: --cursor ${page.cursor}`] : []),
          ]);
        });
      },
    );

  session
    .command('end')
    .description('end sessions: by their ids, or those of a client')
    .argument('[uid...]')
    .option('--client <client_id>', 'all that were used to sign in to it')
    .action(async (uids: string[], options: { client?: string }, command: Command) => {
      if (uids.length > 0 === (options.client !== undefined)) {
        throw new CommandFailed('Name sessions, or a client with --client.');
      }
      await withAdmin(async (admin, actor) => {
        if (options.client !== undefined) {
          const { ended } = orFail(await admin.sessions.endOfClient(actor, options.client));
          print(command, { ended }, [`Ended ${ended} ${ended === 1 ? 'session' : 'sessions'}.`]);
          return;
        }
        const results = await admin.sessions.endMany(actor, uids);
        const lines = results.map((result, i) => `${uids[i]}  ${result.ok ? 'ended' : result.message}`);
        print(command, { results }, lines);
        if (results.some((result) => !result.ok)) process.exitCode = 1;
      });
    });

  session
    .command('end-all')
    .description('sign everybody out, everywhere')
    .requiredOption('--yes', 'really')
    .action(async (_options: unknown, command: Command) => {
      await withAdmin(async (admin, actor) => {
        const ended = orFail(await admin.sessions.endAll(actor));
        print(command, ended, [
          `Everything that was signed in before ${new Date(ended.before).toISOString()} has ended.`,
        ]);
      });
    });

  program
    .command('grant')
    .description('what applications may do for people')
    .command('revoke')
    .description('take one grant back, with all its tokens; see: account grants')
    .argument('<id>')
    .action(async (id: string, _options: unknown, command: Command) => {
      await withAdmin(async (admin, actor) => {
        const grant = orFail(await admin.sessions.revokeGrant(actor, id));
        print(command, grant, [`${grant.client.clientId} may not act for ${grant.accountId} any more.`]);
      });
    });
}
