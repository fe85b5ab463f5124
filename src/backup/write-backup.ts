import { open, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { nowMs } from '../clock.ts';
import { Unavailable } from '../errors.ts';
import { listPrimaries, type Primary } from '../redis/primaries.ts';
import type { Store } from '../redis/redis.ts';
import { readSchema } from '../redis/schema.ts';
import { version } from '../version.ts';
import { BackupFault, type BackupKey } from './backup-file.ts';
import { type BackupWriter, openWriter } from './backup-writer.ts';
import { readKey, readKeys } from './read-keys.ts';
import { readTrail } from './read-trail.ts';
import type { Counts } from './record.ts';
import type { End } from './verify-backup.ts';

/**
 * Writes a backup while pods run: the key ring, then all keys by SCAN, and at the end the audit, so that it has the
 * event of whatever else is there.
 *
 * A failover, or slots that move, may hide keys from a SCAN: then it begins again, and what is met twice counts as it
 * was met last. The file goes by another name until it is whole.
 */
export type Written = { path: string; counts: Counts; bytes: number; seconds: number; passes: number };

/** Where to go on. `shape` and `cursor` are good for the very processes that they came from. */
export type Place = { phase: Phase; shape: string; primary: number; cursor: string };
const phases = ['ring', 'keys', 'trails', 'audit'] as const;
type Phase = (typeof phases)[number];

const keysAtOnce = 500;
const mostPasses = 5;
/** For how long Redis may be away. */
const patienceMs = 120_000;

export async function writeBackup(parts: {
  store: Store;
  prefix: string;
  issuer: string;
  key: BackupKey;
  path: string;
  /** Goes on with one that was interrupted. */
  resumes: boolean;
  /** @param keys that were written so far */
  onProgress?(keys: number): void;
}): Promise<Written> {
  const { store, prefix, issuer, key, path, resumes, onProgress = () => {} } = parts;
  const begun = performance.now();
  if (await exists(path)) throw new BackupFault(`${path} is there already. Name another file.`);
  const unfinished = `${path}.unfinished`;
  if (!resumes && (await exists(unfinished))) {
    throw new BackupFault(
      `${unfinished} is there: a backup was interrupted. Go on with --resume, or delete that file.`,
    );
  }
  if (resumes && !(await exists(unfinished)))
    throw new BackupFault(`There is no ${unfinished} to go on with.`);

  const writer = await openWriter<Place>(unfinished, key, resumes);
  let passes = 0;
  try {
    const schema = (await patiently(() => readSchema(store))) ?? { form: 1, reader: 1, restore: undefined };
    if (schema.restore !== undefined) throw new BackupFault('A backup is being put into this Redis.');
    const from = writer.place?.phase ?? 'ring';
    for (const phase of phases.slice(phases.indexOf(from))) {
      if (phase === 'ring') await writeRing();
      else if (phase === 'trails') await writeTrails();
      else await scan(phase, phase === 'audit' ? `${prefix}{audit}*` : `${prefix}*`);
    }
    const end: Omit<End, 'counts' | 'digest'> = {
      issuer,
      form: schema.form,
      reader: schema.reader,
      version,
      endedAt: nowMs(),
    };
    const { counts, bytes } = await writer.end(end);
    await rename(unfinished, path);
    await syncDirectory(dirname(path));
    return { path, counts, bytes, seconds: (performance.now() - begun) / 1000, passes };
  } finally {
    await writer.close();
  }

  async function writeRing(): Promise<void> {
    await patiently(async () => {
      let isThere = false;
      for (const primary of (await listPrimaries(store)).primaries) {
        if (!(await isHeldBy(primary, store.keys.keyRing()))) continue;
        for await (const record of readKey(primary, prefix, '{k}')) {
          isThere = true;
          await writer.add(record);
        }
      }
      if (!isThere) throw new BackupFault('There is no provider in this Redis: nothing to back up.');
    });
    await reached({ phase: 'keys', shape: '', primary: 0, cursor: '0' });
  }

  async function writeTrails(): Promise<void> {
    await patiently(async () => {
      for (const trail of ['admin', 'people']) {
        await readTrail(store, prefix, trail, (record) => writer.add(record));
      }
    });
    await reached({ phase: 'audit', shape: '', primary: 0, cursor: '0' });
  }

  async function scan(phase: 'keys' | 'audit', pattern: string): Promise<void> {
    for (let pass = 1; pass <= mostPasses; pass += 1) {
      passes += 1;
      const { primaries, shape } = await patiently(() => listPrimaries(store));
      if (await scanAll(phase, pattern, primaries, shape)) {
        const following = phases[phases.indexOf(phase) + 1];
        if (following) await reached({ phase: following, shape: '', primary: 0, cursor: '0' });
        return;
      }
    }
    throw new BackupFault('Redis had one failover after another, or its slots kept moving. Try again later.');
  }

  /** @returns false when Redis is not as it was when this began */
  async function scanAll(
    phase: Phase,
    pattern: string,
    primaries: Primary[],
    shape: string,
  ): Promise<boolean> {
    const now = await patiently(() => store.nowMs());
    const start = writer.place?.shape === shape ? writer.place : { primary: 0, cursor: '0' };
    for (let index = start.primary; index < primaries.length; index += 1) {
      const primary = primaries[index] as Primary;
      let cursor = index === start.primary ? start.cursor : '0';
      do {
        try {
          cursor = await page(primary, pattern, cursor, now);
        } catch (error) {
          if (!(error instanceof Unavailable)) throw error;
          // Redis was away for a moment, or the primary is another one now.
          await pause(500);
          if ((await patiently(() => listPrimaries(store))).shape !== shape) return false;
          continue;
        }
        const isLast = cursor === '0';
        await reached({ phase, shape, primary: isLast ? index + 1 : index, cursor });
      } while (cursor !== '0');
    }
    return (await patiently(() => listPrimaries(store))).shape === shape;
  }

  async function page(primary: Primary, pattern: string, cursor: string, now: number): Promise<string> {
    const [next, keys] = (await primary.read('SCAN', cursor, 'MATCH', pattern, 'COUNT', keysAtOnce)) as [
      Buffer,
      Buffer[],
    ];
    const names = keys.map(String);
    for await (const record of readKeys(primary, prefix, names, now)) await writer.add(record);
    return next.toString();
  }

  async function reached(place: Place): Promise<void> {
    await writer.reach(place);
    onProgress(writer.counts.keys);
  }
}

export type { BackupWriter };

/** Tries again while Redis is away. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Unavailable) || performance.now() > giveUpAt) throw error;
      await pause(500);
    }
  }
}

/** On a Cluster a key is at one of the primaries, and the others say so. */
async function isHeldBy(primary: Primary, key: string): Promise<boolean> {
  try {
    return (await primary.read('EXISTS', key)) === 1;
  } catch (error) {
    if (error instanceof Error && /MOVED/.test(`${error.message} ${String(error.cause)}`)) return false;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  await directory.sync();
  await directory.close();
}
