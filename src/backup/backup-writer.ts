import { type FileHandle, open } from 'node:fs/promises';
import { nowMs } from '../clock.ts';
import {
  BackupFault,
  type BackupKey,
  createDigest,
  newHead,
  readChunks,
  readHead,
  sealChunk,
} from './backup-file.ts';
import { type Counts, count, decodeRecords, encodeRecord, type KeyRecord, noCounts } from './record.ts';
import type { End } from './verify-backup.ts';

/**
 * Gathers records into chunks. Each chunk says up to which place all was written, so that one who was killed goes on
 * from there; what was begun after that place is written again.
 */
export type BackupWriter<P> = {
  /** Where to go on; undefined at the beginning. */
  readonly place: P | undefined;
  readonly counts: Counts;
  add(record: KeyRecord): Promise<void>;
  /** All up to this place was added. */
  reach(place: P): Promise<void>;
  end(end: Omit<End, 'counts' | 'digest'>): Promise<{ counts: Counts; bytes: number }>;
  close(): Promise<void>;
};

const chunkBytes = 1 << 20;

/** @throws BackupFault */
export async function openWriter<P>(
  path: string,
  key: BackupKey,
  resumes: boolean,
): Promise<BackupWriter<P>> {
  // For its owner alone.
  const file = await open(path, resumes ? 'r+' : 'wx', 0o600);
  const counts = { ...noCounts };
  const digest = createDigest();
  let place: P | undefined;
  let number = 0;
  let at = 0;
  let gathered: Buffer[] = [];
  let gatheredBytes = 0;

  const sealing = resumes ? await readHead(file, [key]) : newHead(key, nowMs());
  if (resumes) {
    at = sealing.bytes.length;
    const onPlain = (plain: Buffer, kind: string) => {
      if (kind === 'data') digest.add(plain);
    };
    for await (const chunk of readChunks(file, sealing, onPlain)) {
      // Killed when all was done but the name: the end is written again.
      if (chunk.kind === 'end') break;
      for (const record of decodeRecords(chunk.records)) count(counts, record);
      ({ place } = chunk.state as { place?: P });
      number = chunk.number + 1;
      at = chunk.endsAt;
    }
    // What a killed process was in the middle of.
    await file.truncate(at);
  } else {
    await write(sealing.bytes);
  }

  async function write(bytes: Buffer): Promise<void> {
    await writeAll(file, bytes, at);
    at += bytes.length;
  }

  async function flush(): Promise<void> {
    const chunk = sealChunk(sealing, 'data', number, { place }, gathered);
    digest.add(chunk.plain);
    await write(chunk.bytes);
    number += 1;
    gathered = [];
    gatheredBytes = 0;
  }

  return {
    get place() {
      return place;
    },
    counts,
    async add(record) {
      count(counts, record);
      const bytes = encodeRecord(record);
      gathered.push(bytes);
      gatheredBytes += bytes.length;
      // In the middle of something: that is read again by who goes on from here.
      if (gatheredBytes >= chunkBytes) await flush();
    },
    async reach(next) {
      place = next;
      if (gatheredBytes >= chunkBytes / 2) await flush();
    },
    async end(end) {
      if (gathered.length > 0) await flush();
      const all: End = { ...end, counts, digest: digest.value() };
      await write(sealChunk(sealing, 'end', number, all, []).bytes);
      await file.sync();
      return { counts, bytes: at };
    },
    close: () => file.close(),
  };
}

async function writeAll(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    if (bytesWritten === 0) throw new BackupFault('The disk took nothing more.');
    done += bytesWritten;
  }
}
