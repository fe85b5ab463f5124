import type { Command } from 'commander';
import type { Outcome } from '../admin/outcome.ts';
import { isSettingName, type SettingName, type SettingsRecord, settingNames } from '../settings/settings.ts';
import { CommandFailed, print, withAdmin } from './run.ts';

type Options = { dryRun: boolean };
type Changes = { [N in SettingName]?: never };

export function addSettingsCommands(program: Command): void {
  const settings = program
    .command('settings')
    .description('what can be changed while pods run; it holds on every pod within a second');

  settings
    .command('list')
    .description('list settings, with where each comes from')
    .action(async (_options: unknown, command: Command) => {
      show(command, await withAdmin((admin) => admin.settings.read()));
    });

  settings
    .command('set')
    .description('set one or several')
    .argument('<name=value...>', 'such as registration=open')
    .option('--dry-run', 'only say what would be', false)
    .action(async (pairs: string[], options: Options, command: Command) => {
      const changes = Object.fromEntries(pairs.map(readPair));
      show(command, await change(changes, options), Object.keys(changes));
    });

  settings
    .command('unset')
    .description('give settings back to the environment')
    .argument('<name...>')
    .option('--dry-run', 'only say what would be', false)
    .action(async (names: string[], options: Options, command: Command) => {
      const changes = Object.fromEntries(names.map((name) => [nameOf(name), null]));
      show(command, await change(changes, options), names);
    });
}

function change(changes: Record<string, unknown>, { dryRun }: Options): Promise<SettingsRecord> {
  return withAdmin(async (admin, actor) => {
    const options = dryRun ? { isDryRun: true } : {};
    return settingsOf(await admin.settings.change(actor, changes as Changes, options));
  });
}

/** @throws CommandFailed that says of each setting what is wrong */
function settingsOf(outcome: Outcome<SettingsRecord>): SettingsRecord {
  if (outcome.ok) return outcome.value;
  const faults = outcome.faults ?? [];
  throw new CommandFailed(
    faults.length === 0
      ? outcome.message
      : faults.map(({ path, message }) => `${path} ${message}`).join('\n'),
  );
}

function readPair(pair: string): [SettingName, unknown] {
  const at = pair.indexOf('=');
  if (at === -1) throw new CommandFailed(`"${pair}" must be <name>=<value>, such as registration=open.`);
  const value = pair.slice(at + 1);
  return [nameOf(pair.slice(0, at)), /^-?\d+(\.\d+)?$/.test(value) && isNumber(pair) ? Number(value) : value];
}

/** By the name: a version of the terms is text, also when it is made of digits. */
function isNumber(pair: string): boolean {
  return /^\w+_(seconds|days)=/.test(pair);
}

function nameOf(name: string): SettingName {
  if (isSettingName(name)) return name;
  throw new CommandFailed(`${name} is not a setting. There are: ${settingNames.join(', ')}.`);
}

function show(command: Command, { version, values, sources }: SettingsRecord, only?: string[]): void {
  const names = settingNames.filter((name) => only === undefined || only.includes(name));
  print(
    command,
    {
      version,
      settings: Object.fromEntries(names.map((n) => [n, { value: values[n], source: sources[n] }])),
    },
    names.map((name) => `${name.padEnd(24)}  ${String(values[name] ?? '-').padEnd(16)}  ${sources[name]}`),
  );
}
