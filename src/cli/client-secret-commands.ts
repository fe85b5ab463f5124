import type { Command } from 'commander';
import { shown } from './client-lines.ts';
import { CommandFailed, orFail, print, withAdmin } from './run.ts';

export function addClientSecretCommands(client: Command): void {
  const secret = client.command('secret').description('secrets of a client: two may work at a time');

  secret
    .command('add')
    .description('make a second secret, which is printed once; the first goes on to work')
    .argument('<client_id>')
    .option('--others-end-in <hours>', 'when the secret that there is ends by itself; never when left out')
    .action(async (id: string, options: { othersEndIn?: string }, command: Command) => {
      const hours = options.othersEndIn === undefined ? undefined : hoursOf(options.othersEndIn);
      await withAdmin(async (admin, actor) => {
        const added = await admin.clients.addSecret(
          actor,
          id,
          hours === undefined ? {} : { othersEndInSeconds: hours * 3600 },
        );
        const { secretId, secret: text } = orFail(added);
        print(command, { client_id: id, secret_id: secretId, client_secret: text }, [
          `secret_id      ${secretId}`,
          `client_secret  ${text}`,
          'The secret is not shown again. The other one works until it is removed or ends.',
        ]);
      });
    });

  secret
    .command('remove')
    .description('a secret stops working at once')
    .argument('<client_id>')
    .argument('<secret_id>', 'see client show')
    .action(async (id: string, secretId: string, _options: unknown, command: Command) => {
      await withAdmin(async (admin, actor) => {
        const client = orFail(await admin.clients.removeSecret(actor, id, secretId));
        print(command, shown(client), [`Removed secret ${secretId} of ${id}.`]);
      });
    });
}

function hoursOf(text: string): number {
  const hours = Number(text);
  if (Number.isFinite(hours) && hours >= 0 && hours <= 24 * 365) return hours;
  throw new CommandFailed(`--others-end-in must be a number of hours from 0 to 8760, not ${text}.`);
}
