import { open } from 'node:fs/promises';
import { type BackupKey, readChunks, readHead } from './backup-file.ts';
import { decodeRecords, type KeyRecord } from './record.ts';

/**
 * The records of a backup, chunk by chunk.
 * @param from the number of the first chunk that is wanted
 * @throws BackupFault
 */
export async function* eachRecord(
  path: string,
  keys: BackupKey[],
  from = 0,
): AsyncGenerator<{ chunk: number; records: KeyRecord[] }> {
  const file = await open(path, 'r');
  try {
    for await (const { kind, number, records } of readChunks(file, await readHead(file, keys))) {
      if (kind === 'data' && number >= from) yield { chunk: number, records: [...decodeRecords(records)] };
    }
  } finally {
    await file.close();
  }
}
