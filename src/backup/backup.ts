/**
 * The door to backups: all data of a provider in one sealed file, from any topology of Redis into any other, while pods
 * run. Owns the file, what is in it and how it comes back into an empty Redis. Does not own what follows from that:
 * the new era, lists and indexes, the record of it (app-restore.ts).
 */
export { BackupFault, type BackupKey } from './backup-file.ts';
export { missingOf } from './check-restored.ts';
export {
  claimRestore,
  finishRestore,
  noteStep,
  type Restoring,
  restoringNow,
  unclaimRestore,
} from './claim.ts';
export { clearPrefix, countKeys } from './clear-prefix.ts';
export { eachRecord } from './each-record.ts';
export { loadBackup } from './load-backup.ts';
export type { Counts, KeyRecord } from './record.ts';
export { type End, type VerifiedBackup, verifyBackup } from './verify-backup.ts';
export { leftOut } from './what-is-kept.ts';
export { type Written, writeBackup } from './write-backup.ts';
