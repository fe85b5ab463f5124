/**
 * One process at a time may own a directory: a lock file that names its owner and counts only while that
 * process lives. Knows nothing of what the directory is for.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** Thrown when the owner lives. */
export class DirectoryInUse extends Error {
  readonly ownerPid: number;

  constructor(file: string, ownerPid: number) {
    super(`process ${ownerPid} holds ${file}`);
    this.name = 'DirectoryInUse';
    this.ownerPid = ownerPid;
  }
}

/**
 * Takes the lock, also from an owner that died.
 * @returns releases it
 * @throws DirectoryInUse
 */
export function lockDirectory(file: string): () => void {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, identify(process.pid) ?? '', { mode: 0o600 });
  try {
    while (!succeeds(() => linkSync(draft, file), 'EEXIST')) dropDeadOwner(file);
  } finally {
    rmSync(draft, { force: true });
  }
  return () => rmSync(file, { force: true });
}

/** The process that holds the lock; undefined when there is none or it died. */
export function findOwner(file: string): number | undefined {
  const owner = readOwner(file) ?? '';
  const pid = Number.parseInt(owner, 10);
  return pid > 0 && identify(pid) === owner ? pid : undefined;
}

function dropDeadOwner(file: string): void {
  const owner = readOwner(file);
  if (owner === undefined) return;
  refuseIfAlive(file);
  // Another starter may have done the same and taken the lock since: look at what was really moved away.
  const moved = `${file}.old.${process.pid}`;
  if (!succeeds(() => renameSync(file, moved), 'ENOENT')) return;
  try {
    const taken = readOwner(moved) ?? '';
    if (taken !== owner) {
      succeeds(() => linkSync(moved, file), 'EEXIST');
      refuseIfAlive(file);
    }
  } finally {
    rmSync(moved, { force: true });
  }
}

function refuseIfAlive(file: string): void {
  const pid = findOwner(file);
  if (pid !== undefined) throw new DirectoryInUse(file, pid);
}

function readOwner(file: string): string | undefined {
  let owner: string | undefined;
  succeeds(() => {
    owner = readFileSync(file, 'utf8');
  }, 'ENOENT');
  return owner;
}

/**
 * A process as "pid start-time", since pids are used again and are the same after each start of a container.
 * Where the system does not tell the start time, the pid alone; without such a process, nothing.
 */
function identify(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Any other code says that it lives but is not ours to signal.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
  }
  let stat = '';
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // A system without /proc.
  }
  // The name in parentheses may hold anything; the start time is the twentieth field after it.
  return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`;
}

/** Runs a file operation; false when it fails with the one expected code. */
function succeeds(operation: () => void, expectedFault: string): boolean {
  try {
    operation();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === expectedFault) return false;
    throw error;
  }
}
