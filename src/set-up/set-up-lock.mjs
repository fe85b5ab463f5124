import { linkSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { say } from './run.mjs';

/** The owner touches its lock this often, so that one whose owner was killed is told from one at work. */
const beatMs = 1000;
const abandonedMs = 15_000;
const lookMs = 200;

/**
 * Does the work while no other process does work under the same lock (a start and a test, say, would install
 * over each other). Waits for as long as the other one lives.
 */
export async function underLock(file, work) {
  await take(file);
  const heart = setInterval(() => utimesSync(file, new Date(), new Date()), beatMs);
  const release = () => rmSync(file, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    clearInterval(heart);
    process.off('exit', release);
    release();
  }
}

async function take(file) {
  let hasTold = false;
  while (!isTaken(file)) {
    if (isAbandoned(file)) {
      discard(file);
      continue;
    }
    if (!hasTold) say(`Waiting for another set-up that is at work${ownerOf(file)}…`);
    hasTold = true;
    await pause(lookMs);
  }
}

function isTaken(file) {
  try {
    writeFileSync(file, `${process.pid}\n`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function isAbandoned(file) {
  const found = statSync(file, { throwIfNoEntry: false });
  return found !== undefined && Date.now() - found.mtimeMs > abandonedMs;
}

/** By moving it away, which only one of several can do. */
function discard(file) {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
    // Somebody faster may have discarded it, and this is already the lock of the next owner.
    if (!isAbandoned(aside)) linkSync(aside, file);
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function ownerOf(file) {
  try {
    return ` (process ${readFileSync(file, 'utf8').trim()})`;
  } catch {
    return '';
  }
}
