import { open } from 'node:fs/promises';
import {
  BackupFault,
  type BackupKey,
  type Chunk,
  createDigest,
  type Head,
  readChunks,
  readHead,
} from './backup-file.ts';
import { type Counts, count, decodeRecords, type KeyRecord, noCounts } from './record.ts';

/** What the last chunk says of the whole. */
export type End = {
  counts: Counts;
  /** Of all that was sealed before it. */
  digest: string;
  issuer: string;
  /** Of the data; see redis/schema.ts. */
  form: number;
  reader: number;
  /** Of Holdfast. */
  version: string;
  /** ms since the epoch. */
  endedAt: number;
};

export type VerifiedBackup = { head: Head; end: End; chunks: number; bytes: number };

/**
 * Reads all of a backup, and says whether it is whole and as it was written.
 * @param onRecord is given each record on the way
 * @throws BackupFault with what is wrong
 */
export async function verifyBackup(
  path: string,
  keys: BackupKey[],
  onRecord: (record: KeyRecord) => void = () => {},
): Promise<VerifiedBackup> {
  const file = await open(path, 'r');
  try {
    const sealing = await readHead(file, keys);
    const digest = createDigest();
    const counts = { ...noCounts };
    let last: Chunk | undefined;
    let digestBefore = '';
    const onPlain = (plain: Buffer, kind: string) => {
      if (kind === 'end') digestBefore = digest.value();
      else digest.add(plain);
    };
    for await (const chunk of readChunks(file, sealing, onPlain)) {
      if (last?.kind === 'end') throw new BackupFault('Something was put behind the end of the backup.');
      last = chunk;
      for (const record of decodeRecords(chunk.records)) {
        count(counts, record);
        onRecord(record);
      }
    }
    const { size } = await file.stat();
    if (last?.kind !== 'end') {
      throw new BackupFault(
        'The backup has no end: it was cut off, or is not finished. "holdfast backup --resume" finishes one that was interrupted.',
      );
    }
    if (last.endsAt !== size) throw new BackupFault('Something was put behind the end of the backup.');
    const end = last.state as End;
    if (end.digest !== digestBefore || JSON.stringify(end.counts) !== JSON.stringify(counts)) {
      throw new BackupFault('The backup does not have what it says at its end.');
    }
    return { head: sealing.head, end, chunks: last.number, bytes: size };
  } finally {
    await file.close();
  }
}
