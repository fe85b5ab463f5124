import { constants, existsSync } from 'node:fs';
import { access, link, open, readFile, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import type { RowOutcome } from '../accounts/import.ts';
import { type ImportFormat, importFormats, readImportFile } from '../accounts/import-file.ts';
import { parseFirebaseHashParameters } from '../accounts/import-firebase.ts';
import { origin } from '../admin/acts.ts';
import type { Events } from '../events/events.ts';
import { operator } from './operator.ts';
import { createCounter } from './progress.ts';
import { CommandFailed, print, withParts } from './run.ts';

/** What is wrong with a row, for people. */
const reasons: Record<string, string> = {
  unreadable: 'cannot be read: not in this format, or cut off',
  'email-missing': 'no e-mail address',
  'email-invalid': 'not an e-mail address',
  'email-taken': 'another account has this e-mail address',
  'email-twice': 'a row before has this e-mail address',
  'id-invalid': 'an id that Holdfast did not make',
  deleted: 'this account was deleted here',
  'hash-unknown': 'a password hash of a kind that is not known',
  'hash-too-costly': 'a password hash that would take too much time or memory to check',
  'hash-refused': 'a password hash that is no protection (MD5-crypt, or a digest without salt)',
};
const mostShown = 20;

type ImportOptions = {
  file: string;
  format: ImportFormat;
  dryRun: boolean;
  report?: string;
  hashParameters?: string;
  dropUnfitHashes: boolean;
};

export function addAccountTransferCommands(account: Command): void {
  account
    .command('import')
    .description('bring in accounts that another system had, with their password hashes; may be run again')
    .requiredOption('--file <file>', 'what the other system exported')
    .addOption(new Option('--format <format>', 'of the file').choices(importFormats).makeOptionMandatory())
    .option('--dry-run', 'tell what would be, and change nothing', false)
    .option('--report <file>', 'write what became of each row, one JSON object a line')
    .option('--hash-parameters <file>', 'of a Firebase project, as its console shows them')
    .option(
      '--drop-unfit-hashes',
      'take accounts whose password hash cannot be taken, without a password',
      false,
    )
    .action(importAccounts);

  account
    .command('export')
    .description('write all accounts to a file that import reads, one JSON object a line')
    .requiredOption('--file <file>', 'must not be there yet')
    .option('--with-hashes', 'with the password hashes, bare; keep such a file as you keep passwords', false)
    .action(exportAccounts);
}

async function importAccounts(options: ImportOptions, command: Command): Promise<void> {
  await access(options.file, constants.R_OK).catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailed(`${options.file} cannot be read (${error.code}).`);
  });
  const firebase = await readHashParameters(options);
  const report = options.report === undefined ? undefined : await create(options.report);
  const counts = { created: 0, skipped: 0, refused: 0, withoutPassword: 0 };
  const refused: RowOutcome[] = [];
  try {
    await withParts(async ({ imports, events }) => {
      const rows = readImportFile(options.file, options.format, { firebase });
      const { dryRun: isDryRun, dropUnfitHashes: dropsUnfitHashes } = options;
      const progress = createCounter('rows');
      const run = async () => {
        for await (const row of imports.run(rows, { isDryRun, dropsUnfitHashes })) {
          counts[row.outcome] += 1;
          if (row.outcome === 'created' && !row.hasPassword) counts.withoutPassword += 1;
          if (row.outcome === 'refused' && refused.length < mostShown) refused.push(row);
          await report?.write(`${JSON.stringify(row)}\n`);
          progress.add();
        }
        progress.end();
      };
      if (isDryRun) await run();
      else await recorded(events, 'accounts.imported', options, counts, run);
    });
  } finally {
    await report?.close();
  }
  print(command, { dryRun: options.dryRun, ...counts }, summary(counts, refused, options.dryRun));
  if (counts.refused > 0) process.exitCode = 1;
}

/** Carries something out as one act in the audit, with how far it came also when it ends before its time. */
async function recorded(
  events: Events,
  kind: 'accounts.imported' | 'accounts.exported',
  options: { file: string; format?: ImportFormat },
  counts: Record<string, number | boolean>,
  run: () => Promise<void>,
): Promise<void> {
  const what = { file: basename(options.file), ...(options.format && { format: options.format }) };
  const ended = await events.act(
    { kind, ...origin(operator()), after: what },
    async (): Promise<{ ok: boolean; problem?: string; error?: unknown }> => {
      try {
        await run();
        return { ok: true };
      } catch (error) {
        return { ok: false, problem: 'stopped', error };
      }
    },
    () => ({ after: { ...what, ...counts } }),
  );
  if (!ended.ok) throw ended.error;
}

function summary(
  counts: { created: number; skipped: number; refused: number; withoutPassword: number },
  refused: RowOutcome[],
  isDryRun: boolean,
): string[] {
  const without = counts.withoutPassword > 0 ? ` (${counts.withoutPassword} without a password)` : '';
  const left = counts.refused - refused.length;
  return [
    ...refused.map((row) => {
      const reason = 'reason' in row ? (reasons[row.reason] ?? row.reason) : '';
      return `line ${row.line}${row.email ? `, ${row.email}` : ''}: ${reason}`;
    }),
    ...(left > 0 ? [`… and ${left} more; --report <file> has them all.`] : []),
    `${isDryRun ? 'Would create' : 'Created'} ${counts.created}${without}, skipped ${counts.skipped} that are there, refused ${counts.refused}.`,
    ...(isDryRun ? ['Nothing was changed.'] : []),
  ];
}

async function readHashParameters({ format, hashParameters }: ImportOptions) {
  if (hashParameters === undefined) return undefined;
  if (format !== 'firebase') throw new CommandFailed('--hash-parameters goes with --format firebase.');
  const text = await readFile(hashParameters, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailed(`${hashParameters} cannot be read (${error.code}).`);
  });
  const found = parseFirebaseHashParameters(text);
  if (found) return found;
  throw new CommandFailed(
    `${hashParameters} must have base64_signer_key, base64_salt_separator, rounds and mem_cost in it.`,
  );
}

async function exportAccounts(
  options: { file: string; withHashes: boolean },
  command: Command,
): Promise<void> {
  const { file: path } = options;
  const exists = new CommandFailed(`There is a file ${path} already.`);
  if (existsSync(path)) throw exists;
  // Whole or not there: somebody may read it as soon as it is.
  const part = `${path}.part`;
  const file = await create(part);
  const counts = { accounts: 0, hashesIncluded: options.withHashes };
  try {
    await withParts(async ({ exports, events }) => {
      await recorded(events, 'accounts.exported', options, counts, async () => {
        for await (const account of exports.run({ withHashes: options.withHashes })) {
          counts.accounts += 1;
          await file.write(`${JSON.stringify(account)}\n`);
        }
      });
    });
    await file.sync();
    await link(part, path).catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'EEXIST' ? exists : error;
    });
  } finally {
    await file.close();
    await rm(part, { force: true });
  }
  if (options.withHashes) {
    process.stderr.write(
      `${path} holds password hashes that anyone who has it can try passwords on. Delete it when it has been read.\n`,
    );
  }
  print(command, { accounts: counts.accounts, withHashes: options.withHashes }, [
    `Wrote ${counts.accounts} accounts to ${path}.`,
  ]);
}

/** For its owner alone: e-mail addresses, at the least, are in it. */
async function create(path: string) {
  try {
    const file = await open(path, 'w', 0o600);
    await file.chmod(0o600);
    return file;
  } catch (error) {
    throw new CommandFailed(`${path} cannot be written (${(error as NodeJS.ErrnoException).code}).`);
  }
}
