import { setTimeout as pause } from 'node:timers/promises';
import { type AdoptAccounts, createAdoptAccounts } from './accounts/adopt.ts';
import { openParts, type Parts } from './app-parts.ts';
import {
  BackupFault,
  type BackupKey,
  claimRestore,
  clearPrefix,
  countKeys,
  eachRecord,
  finishRestore,
  type KeyRecord,
  loadBackup,
  missingOf,
  noteStep,
  restoringNow,
  unclaimRestore,
  type VerifiedBackup,
  verifyBackup,
} from './backup/backup.ts';
import type { Config } from './config.ts';
import { type NewEvent, trimTrails, type Verification } from './events/events.ts';
import type { Log } from './log.ts';
import { openSecret } from './redis/key-ring.ts';
import { listPods } from './redis/pods.ts';
import { openStore } from './redis/redis.ts';
import type { RedisTarget } from './redis/redis-url.ts';
import { faultOf } from './redis/schema.ts';
import { checkRedis } from './redis/start-up-check.ts';
import { createVault } from './redis/vault.ts';

/**
 * The part of app.ts that brings a backup back:
 *
 *   verify   the whole file, before anything is written
 *   claim    the mark in the schema that keeps pods from starting, until all below is done
 *   load     the keys as they were
 *   settle   what a backup leaves out or has from different moments: lists, indexes, addresses; every key is looked for
 *   era      the next one begins: whatever was signed in before is worth nothing
 *   audit    has a record of it, and is proven anew
 *
 * Each step may be done again, so that one who was killed goes on with `resumes`.
 */
export type RestoreOptions = {
  path: string;
  keys: BackupKey[];
  resumes: boolean;
  /** Takes away what is there; asked for, and confirmed. */
  replaces: boolean;
  /** Of the event. */
  origin: Pick<NewEvent, 'actor' | 'address' | 'via' | 'requestId'>;
  onStep?(step: string): void;
  onProgress?(chunk: number, chunks: number): void;
};

export type Restored = {
  backup: VerifiedBackup;
  accounts: number;
  clients: number;
  keys: number;
  compared: number;
  /** Ids of accounts whose address belongs to another one. */
  withoutAddress: string[];
  audit: Verification[];
  seconds: number;
};

/** How often a pod says that it is alive, and some more. */
const podsSpeakMs = 1500;
const mostSuspects = 1000;

/** @throws BackupFault with what is in the way; Unavailable, after which `resumes` goes on */
export async function restoreBackup(
  { config, target, log }: { config: Config; target: RedisTarget; log: Log },
  options: RestoreOptions,
): Promise<Restored> {
  const { path, keys, resumes, replaces, onStep = () => {}, onProgress = () => {} } = options;
  const begun = performance.now();
  onStep('Reading the backup through');
  const backup = await verifyAll(config, path, keys);
  const { id } = backup.head;
  const { prefix } = config.redis;
  const store = openStore(config, target, log);
  try {
    await store.whenReady(5000);
    const checked = await checkRedis(
      store.handle.client,
      { eviction: config.redis.allowEviction, noAppendOnly: config.redis.allowNoAppendOnly },
      config.durability,
    );
    if (!checked.ok) throw new BackupFault(`This Redis is no place for it:\n${checked.faults.join('\n')}`);
    await claim();
    let now = await restoringNow(store);
    if (now?.step === 'clearing') {
      onStep('Taking away what is there');
      await clearPrefix(store, prefix);
      now = { id, step: 'loading', chunk: 0 };
    }
    if (now?.step === 'loading') {
      onStep('Putting it in');
      const onChunk = (chunk: number) => onProgress(chunk + 1, backup.chunks);
      await loadBackup({ store, prefix, path, keys, from: now.chunk, onProgress: onChunk });
      await noteStep(store, 'settling');
    }
    onStep('Making lists and indexes, and comparing');
    const settled = await settleAll();
    return { backup, ...settled, seconds: (performance.now() - begun) / 1000 };
  } finally {
    await store.close();
  }

  async function claim(): Promise<void> {
    const before = await restoringNow(store);
    if (before && !resumes && !replaces) {
      throw new BackupFault(
        'A restore was begun here and not finished. Go on with --resume and the same file, or begin anew with --replace.',
      );
    }
    if (!before && resumes) throw new BackupFault('No restore was begun here: there is nothing to resume.');
    if (before && resumes && before.id !== id)
      throw new BackupFault('The restore that was begun here is of another file.');
    if (resumes) return demandNoPods();
    const claimed = await claimRestore(store, id, replaces);
    if (claimed === 'taken') throw new BackupFault(notEmpty);
    if (claimed === 'other') throw new BackupFault('Another restore has just begun here.');
    try {
      await demandNoPods();
      if (!replaces && (await countKeys(store, prefix, 1)) > 0) throw new BackupFault(notEmpty);
    } catch (error) {
      // What an earlier restore has left half done stays out of reach of pods.
      if (!before) await unclaimRestore(store);
      throw error;
    }
  }

  /** Pods that run already do not look for the mark, and would write in between. */
  async function demandNoPods(): Promise<void> {
    const asked = await store.nowMs();
    await pause(podsSpeakMs);
    const alive = (await listPods(store)).filter(({ seenAt }) => seenAt > asked);
    if (alive.length > 0) {
      const names = alive.map(({ name }) => name).join(', ');
      throw new BackupFault(`Pods are running: ${names}. Stop all of them first, and start them afterwards.`);
    }
  }

  async function settleAll() {
    await trimTrails(store);
    const parts = await openParts(config, target, log, { mayBeRestoring: true });
    try {
      const adoption = createAdoptAccounts(parts);
      const looked = await look(parts, adoption);
      await adoption.finish();
      // Whatever was signed in before: sessions, grants, codes and tokens, also where the file had some of them.
      await parts.oidc.allSessions.endAll();
      await record(parts);
      await parts.events.sweep();
      const audit = await parts.events.verify();
      await finishRestore(store, backup.end);
      return { ...looked, accounts: await parts.directory.count(), audit };
    } finally {
      await parts.close();
    }
  }

  /** Goes through the backup once more: looks for each key, and makes what belongs to accounts and clients. */
  async function look(parts: Parts, adoption: AdoptAccounts) {
    const suspects = new Set<string>();
    const withoutAddress: string[] = [];
    const clients = new Set<string>();
    let [found, compared] = [0, 0];
    for await (const { chunk, records } of eachRecord(path, keys)) {
      const checked = await missingOf(store, prefix, records, found);
      for (const name of checked.compared) suspects.delete(name);
      for (const name of [...checked.missing, ...checked.differing]) {
        if (suspects.size < mostSuspects) suspects.add(name);
      }
      found += records.length;
      compared += checked.compared.length;
      const adopted = await adoption.adopt(await accountsAmong(records));
      withoutAddress.push(...adopted.withoutAddress);
      for (const clientId of records.flatMap(({ name }) => /^\{c:(.+)\}$/.exec(name)?.[1] ?? [])) {
        await parts.clients.adopt(clientId);
        clients.add(clientId);
      }
      onProgress(chunk + 1, backup.chunks);
    }
    if (suspects.size > 0) {
      const some = [...suspects].slice(0, 5).join(', ');
      throw new BackupFault(
        `What is in Redis is not what is in the backup: ${suspects.size} keys, such as ${some}. Has something else written there? Begin anew with --replace.`,
      );
    }
    return { keys: found, compared, withoutAddress, clients: clients.size };
  }

  /** As they are in Redis: of what the backup has twice, the later one counts. */
  async function accountsAmong(records: KeyRecord[]) {
    const ids = records.flatMap(({ name }) => /^\{a:([^}]+)\}$/.exec(name)?.[1] ?? []);
    const all = await Promise.all(ids.map((one) => store.read(store.keys.account(one))));
    return ids.flatMap((one, i) => {
      const fields = all[i];
      return fields ? [{ id: one, fields }] : [];
    });
  }

  async function record({ events }: Parts): Promise<void> {
    const { head, end } = backup;
    await events.record({
      kind: 'backup.restored',
      outcome: 'success',
      ...options.origin,
      target: { kind: 'backup', id: head.id },
      after: {
        begunAt: new Date(head.begunAt).toISOString(),
        endedAt: new Date(end.endedAt).toISOString(),
        ...end.counts,
      },
    });
  }
}

const notEmpty =
  'There is data in this Redis already, and a backup is put into an empty one. To take away all that is there, ask for --replace.';

/** Whether it is whole, fits this code, and can be opened with HOLDFAST_KEYS; before anything is written. */
async function verifyAll(config: Config, path: string, keys: BackupKey[]): Promise<VerifiedBackup> {
  const ring = new Map<string, string>();
  const backup = await verifyBackup(path, keys, ({ name, items }) => {
    if (name !== '{k}') return;
    for (let at = 0; at + 1 < items.length; at += 2) ring.set(String(items[at]), String(items[at + 1]));
  });
  const fault = faultOf(backup.end);
  if (fault) throw new BackupFault(`Of this backup, ${fault}.`);
  if (backup.end.issuer !== config.issuer) {
    throw new BackupFault(
      `This is a backup of ${backup.end.issuer}, and HOLDFAST_ISSUER is ${config.issuer}. Passkeys and tokens belong to the one issuer: set HOLDFAST_ISSUER to it.`,
    );
  }
  try {
    openSecret(createVault(config.vaultKeys), 'root', ring.get('root') ?? '');
  } catch {
    throw new BackupFault(
      'HOLDFAST_KEYS does not open the secrets in this backup: add the key that was in use when it was made.',
    );
  }
  return backup;
}
