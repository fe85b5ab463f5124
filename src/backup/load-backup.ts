import { setTimeout as pause } from 'node:timers/promises';
import { Unavailable } from '../errors.ts';
import type { Store } from '../redis/redis.ts';
import type { BackupKey } from './backup-file.ts';
import { noteStep } from './claim.ts';
import { eachRecord } from './each-record.ts';
import type { KeyRecord } from './record.ts';

/**
 * Puts the records of a backup into Redis, in the order in which they were written. Each chunk may be put in again, as
 * by one who goes on after a kill: what begins a key takes away what there is of it, and the rest adds nothing twice.
 */
const patienceMs = 120_000;
/** A place to go on from is kept after so many. */
const chunksAtOnce = 16;

/**
 * @param from the chunk to begin with
 * @throws Unavailable when Redis was away for too long; BackupFault
 */
export async function loadBackup(parts: {
  store: Store;
  prefix: string;
  path: string;
  keys: BackupKey[];
  from: number;
  onProgress?(chunk: number): void;
}): Promise<void> {
  const { store, prefix, path, keys, from, onProgress = () => {} } = parts;
  await noteStep(store, 'loading', from);
  for await (const { chunk, records } of eachRecord(path, keys, from)) {
    const giveUpAt = performance.now() + patienceMs;
    for (;;) {
      try {
        await putIn(store, prefix, records);
        if (chunk % chunksAtOnce === 0) await noteStep(store, 'loading', chunk);
        break;
      } catch (error) {
        if (!(error instanceof Unavailable) || performance.now() > giveUpAt) throw error;
        await pause(500);
      }
    }
    onProgress(chunk);
  }
}

async function putIn(store: Store, prefix: string, records: KeyRecord[]): Promise<void> {
  const now = await store.nowMs();
  const living = records.filter(({ expiresAt }) => expiresAt === 0 || expiresAt > now);
  await settleAll(
    living.map(({ name, type, offset, expiresAt, items }) =>
      store.run('restore-put', [`${prefix}${name}`], [type, offset, expiresAt, ...items]),
    ),
  );
}

/** Waits for all, so that none goes on behind the back of a second try. */
async function settleAll(working: Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(working)).find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}
