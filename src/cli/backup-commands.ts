import type { Command } from 'commander';
import { origin } from '../admin/acts.ts';
import { type Restored, restoreBackup } from '../app-restore.ts';
import {
  BackupFault,
  leftOut,
  type VerifiedBackup,
  verifyBackup,
  type Written,
  writeBackup,
} from '../backup/backup.ts';
import { backupKeys } from './backup-key.ts';
import { operator } from './operator.ts';
import { createProgress } from './progress.ts';
import { CommandFailed, print, withParts, withRedis } from './run.ts';
import { readLine } from './secret-input.ts';

type Options = { to?: string; from?: string; keyFile?: string; resume: boolean; replace: boolean };

const keyFileOption = [
  '--key-file <path>',
  'a file with 32 random bytes in base64, in place of the first of HOLDFAST_KEYS',
] as const;

export function addBackupCommands(program: Command): void {
  const backup = program
    .command('backup')
    .description('write all data to a sealed file, while pods run')
    .option('--to <file>', 'which must not be there yet')
    .option(...keyFileOption)
    .option('--resume', 'go on with one that was interrupted', false)
    .action(write);

  backup
    .command('verify')
    .description('read a backup through: whether it is whole, and as it was written')
    .argument('<file>')
    .option(...keyFileOption)
    .action(async (file: string, _options: object, command: Command) => {
      const { keyFile } = command.optsWithGlobals<Options>();
      const found = await withRedis(({ config }) =>
        orExplain(verifyBackup(file, backupKeys(config, keyFile))),
      );
      print(command, wireOf(found), [`${file} is whole.`, ...linesOf(found)]);
    });

  program
    .command('restore')
    .description('put a backup into an empty Redis, while no pod runs; everybody signs in again afterwards')
    .requiredOption('--from <file>')
    .option(...keyFileOption)
    .option('--resume', 'go on with one that was interrupted', false)
    .option('--replace', 'first take away all that is there; asks for the issuer to be typed', false)
    .action(restore);
}

async function write(options: Options, command: Command): Promise<void> {
  const { to: path, keyFile, resume } = options;
  if (path === undefined) throw new CommandFailed('Name the file: holdfast backup --to <file>');
  const written = await withParts(async ({ store, config, directory, events }) => {
    const [key] = backupKeys(config, keyFile);
    const accounts = Math.max(await directory.count(), 1);
    const progress = createProgress('keys, about', accounts * 2);
    let told = 0;
    const work = async () => {
      const result = await writeBackup({
        store,
        prefix: config.redis.prefix,
        issuer: config.issuer,
        key,
        path,
        resumes: resume,
        onProgress(keys) {
          progress.add(keys - told);
          told = keys;
        },
      });
      return { ok: true as const, result };
    };
    const event = {
      kind: 'backup.written' as const,
      target: { kind: 'backup' as const, id: path },
      ...origin(operator()),
    };
    return orExplain(
      events.act(event, work, ({ result }) => ({ after: { ...result.counts, bytes: result.bytes } })),
    );
  });
  print(command, written.result, linesOfWritten(written.result));
}

function linesOfWritten({ path, counts, bytes, seconds }: Written): string[] {
  const rate = (bytes / 1e6 / Math.max(seconds, 0.001)).toFixed(1);
  return [
    `Wrote ${path}: ${counts.accounts} accounts, ${counts.clients} clients, ${counts.events} events, ${counts.keys} keys in all; ${(bytes / 1e6).toFixed(1)} MB in ${seconds.toFixed(1)} s (${rate} MB/s).`,
    'Left out, on purpose:',
    ...leftOut.map(({ what, why }) => `  - ${what}: ${why}`),
    'Whoever has the file and its key has everything. Keep them apart, and HOLDFAST_KEYS as well: without it the file is of no use.',
  ];
}

async function restore({ from, keyFile, resume, replace }: Options, command: Command): Promise<void> {
  const restored = await withRedis(async (opened) => {
    const keys = backupKeys(opened.config, keyFile);
    if (replace) {
      const { issuer } = opened.config;
      const typed = await readLine(`All data in this Redis will be gone. Type ${issuer} to go on: `);
      if (typed !== issuer) throw new CommandFailed('That was not it. Nothing was changed.');
    }
    let progress = createProgress('parts', 1);
    let told = 0;
    return orExplain(
      restoreBackup(opened, {
        path: from ?? '',
        keys,
        resumes: resume,
        replaces: replace,
        origin: origin(operator()),
        onStep(step) {
          process.stderr.write(`${step} …\n`);
          told = 0;
        },
        onProgress(chunk, chunks) {
          if (told === 0) progress = createProgress('parts', chunks);
          progress.add(chunk - told);
          told = chunk;
        },
      }),
    );
  });
  print(command, wireOfRestored(restored), linesOfRestored(restored));
}

function linesOfRestored(restored: Restored): string[] {
  const { backup, accounts, clients, keys, compared, withoutAddress, audit, seconds } = restored;
  const made = new Date(backup.head.begunAt).toISOString();
  return [
    `Restored the backup of ${made}: ${accounts} accounts, ${clients} clients, ${keys} keys, of which each was looked for and ${compared} were compared; ${seconds.toFixed(1)} s. Pods may start.`,
    ...audit.map(
      ({ trail, isIntact, fault }) =>
        `Audit trail ${trail}: ${isIntact ? 'intact' : `NOT INTACT: ${fault?.message}`}.`,
    ),
    ...(withoutAddress.length > 0
      ? [
          `The address of ${withoutAddress.length} accounts was given to another while the backup was written. They need another one: ${withoutAddress.join(', ')}.`,
        ]
      : []),
    'What to know:',
    '  - Everybody signs in again: no session, grant, code, token, mailed link or trusted browser from before is good. Access tokens that APIs check by themselves run out by themselves.',
    `  - What happened after ${made} is not there: a password changed since is the old one, an account deleted since is back, a key revoked since is good again. Repeat what must hold.`,
    '  - A recovery code that was used after the backup can be used once more, and so can a code of an authenticator app within its half minute. Ask who fears that to make new recovery codes.',
    '  - A head of the audit trail that was kept after the backup is not found any more: keep new ones.',
  ];
}

function linesOf({ head, end, bytes }: VerifiedBackup): string[] {
  const { counts, issuer, version } = end;
  return [
    `  of ${issuer}, from ${new Date(head.begunAt).toISOString()} to ${new Date(end.endedAt).toISOString()}, by Holdfast ${version}`,
    `  ${counts.accounts} accounts, ${counts.clients} clients, ${counts.events} events, ${counts.keys} keys; ${(bytes / 1e6).toFixed(1)} MB`,
    `  sealed with the key "${head.keyId}"`,
  ];
}

function wireOf({ head, end, bytes }: VerifiedBackup): Record<string, unknown> {
  return {
    id: head.id,
    key: head.keyId,
    begun_at: head.begunAt,
    ended_at: end.endedAt,
    bytes,
    ...end.counts,
  };
}

function wireOfRestored({ backup, withoutAddress, ...rest }: Restored): Record<string, unknown> {
  return { id: backup.head.id, ...rest, without_address: withoutAddress };
}

async function orExplain<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof BackupFault) throw new CommandFailed(error.message);
    const { code, path } = error as NodeJS.ErrnoException;
    if (path !== undefined && code !== undefined) throw new CommandFailed(`${path}: ${code}`);
    throw error;
  }
}
