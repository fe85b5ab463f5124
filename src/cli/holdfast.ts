/**
 * The command line of Holdfast: `npm run holdfast -- <command>`. Works on the Redis that REDIS_URL names, or on
 * the local one. Secrets come from a prompt or standard input, never from the command line, where the list of
 * processes and the shell's history would keep them.
 */
import { Command } from 'commander';
import { CannotStart } from '../app.ts';
import { ConfigFaults } from '../config.ts';
import { Unavailable } from '../errors.ts';
import { addAccessCommands } from './access-commands.ts';
import { addAccountCommands } from './account-commands.ts';
import { addAuditCommands } from './audit-commands.ts';
import { addBackupCommands } from './backup-commands.ts';
import { addClientCommands } from './client-commands.ts';
import { addDeclaredCommands } from './declared-commands.ts';
import { addDoctorCommand } from './doctor-command.ts';
import { addKeyCommands } from './key-commands.ts';
import { addOwnerCommands } from './owner-commands.ts';
import { addResealCommand } from './reseal-command.ts';
import { addResourceCommands } from './resource-commands.ts';
import { CommandFailed } from './run.ts';
import { addSeedCommand } from './seed-command.ts';
import { addSessionCommands } from './session-commands.ts';
import { addSettingsCommands } from './settings-commands.ts';

const program = new Command('holdfast')
  .description('Administer a Holdfast provider.')
  .option('--json', 'print JSON, for scripts', false)
  .showHelpAfterError()
  .configureHelp({ showGlobalOptions: true });

addOwnerCommands(program);
addAccountCommands(program);
addClientCommands(program);
addResourceCommands(program);
addAccessCommands(program);
addSessionCommands(program);
addKeyCommands(program);
addSettingsCommands(program);
addAuditCommands(program);
addDeclaredCommands(program);
addDoctorCommand(program);
addBackupCommands(program);
addResealCommand(program);
addSeedCommand(program);

try {
  await program.parseAsync(idsAsOperands(process.argv));
} catch (error) {
  process.exitCode = 1;
  if (error instanceof CommandFailed) {
    process.stderr.write(`${error.message}\n`);
  } else if (error instanceof ConfigFaults) {
    process.stderr.write(`${error.message}:\n${error.faults.map((fault) => `  - ${fault}`).join('\n')}\n`);
  } else if (error instanceof CannotStart) {
    process.stderr.write(`This cannot be done:\n${error.faults.map((fault) => `  - ${fault}`).join('\n')}\n`);
  } else if (error instanceof Unavailable) {
    process.stderr.write(`Redis cannot be reached (${error.message}). Is it running?\n`);
  } else {
    throw error;
  }
}

/**
 * An id of ours (22 characters of base64url) may begin with a dash, and would be taken for options. From the first of
 * them on nothing is one, unless options follow, which are told from it by their two dashes.
 */
function idsAsOperands(given: string[]): string[] {
  const at = given.findIndex((word) => /^-\w[\w-]{20}$/.test(word));
  if (at === -1 || given.includes('--')) return given;
  const operands: string[] = [];
  const rest = given.slice(0, at);
  for (const word of given.slice(at)) {
    if (word.startsWith('--') || rest.at(-1)?.startsWith('--')) rest.push(word);
    else operands.push(word);
  }
  return [...rest, '--', ...operands];
}
