/**
 * The command line of Holdfast: `npm run holdfast -- <command>`. Works on the Redis that REDIS_URL names, or on
 * the local one. Secrets come from a prompt or standard input, never from the command line, where the list of
 * processes and the shell's history would keep them.
 */
import { Command } from 'commander';
import { ConfigFaults } from '../config.ts';
import { Unavailable } from '../errors.ts';
import { addAccountCommands } from './account-commands.ts';
import { addClientCommands } from './client-commands.ts';
import { CommandFailed } from './run.ts';

const program = new Command('holdfast')
  .description('Manage the accounts and clients of a Holdfast provider.')
  .option('--json', 'print JSON, for scripts', false)
  .showHelpAfterError()
  .configureHelp({ showGlobalOptions: true });

addAccountCommands(program);
addClientCommands(program);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = 1;
  if (error instanceof CommandFailed) {
    process.stderr.write(`${error.message}\n`);
  } else if (error instanceof ConfigFaults) {
    process.stderr.write(`${error.message}:\n${error.faults.map((fault) => `  - ${fault}`).join('\n')}\n`);
  } else if (error instanceof Unavailable) {
    process.stderr.write(`Redis cannot be reached (${error.message}). Is it running?\n`);
  } else {
    throw error;
  }
}
