import { readFileSync } from 'node:fs';
import type { BackupKey } from '../backup/backup.ts';
import type { Config } from '../config.ts';
import { CommandFailed } from './run.ts';

const form = 'openssl rand -base64 32';

/**
 * What a backup is sealed with: a key file that was named, or else HOLDFAST_KEYS.
 * @returns the one that seals first
 * @throws CommandFailed
 */
export function backupKeys(config: Config, keyFile: string | undefined): [BackupKey, ...BackupKey[]] {
  const [first, ...others] = config.vaultKeys;
  if (!first) throw new CommandFailed('HOLDFAST_KEYS is empty.');
  return keyFile === undefined ? [first, ...others] : [readKeyFile(keyFile), first, ...others];
}

function readKeyFile(path: string): BackupKey {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new CommandFailed(`The key file cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
  const secret = /^[\w+/-]{43}=?$/.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0);
  if (secret.length !== 32) {
    throw new CommandFailed(`The key file must hold 32 random bytes in base64; make one with: ${form} > key`);
  }
  return { id: 'file', secret };
}
