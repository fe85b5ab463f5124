/**
 * Local mode: a real redis-server (or valkey-server) as a child of this process, reached over a socket that only
 * its user may open, with its data in one directory. Owns that child from start to end; connecting to it is
 * connect.ts's affair.
 *
 * The child leads a session of its own, so that Ctrl-C in a terminal reaches the provider alone, which drains
 * and then calls `close`. When the provider dies without that, Linux ends the child where `setpriv` is
 * installed; elsewhere it stays as an orphan until the next start, which shuts it down (its data is on disk)
 * and starts another.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../log.ts';
import { DirectoryInUse, findOwner, lockDirectory } from './directory-lock.ts';
import { describe, type RedisTarget } from './redis-url.ts';

export type LocalRedis = {
  target: RedisTarget;
  /** Ends the server once its data is on disk. */
  close(): Promise<void>;
};

const programs = ['redis-server', 'valkey-server'];

/** Systems allow 104 to 108 bytes for the path of a socket. */
const longestSocketPath = 100;
const longestShutdownMs = 10_000;

const installers: [path: string, command: string][] = [
  ['/usr/bin/apt-get', 'sudo apt-get install -y redis-server'],
  ['/usr/bin/dnf', 'sudo dnf install -y redis'],
  ['/sbin/apk', 'sudo apk add redis'],
  ['/opt/homebrew/bin/brew', 'brew install redis'],
  ['/usr/local/bin/brew', 'brew install redis'],
];

/**
 * @param options.directory holds the data, the log of the server and its socket; made when missing
 * @throws Error when no server is installed (saying which command installs it), when another provider runs on
 *   this directory, or when the server does not start (with the end of its log)
 */
export async function startLocalRedis(options: { directory: string; log: Log }): Promise<LocalRedis> {
  const directory = resolve(options.directory);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  const unlock = lock(directory);
  try {
    const path = socketPath(directory);
    await endOrphan(path, options.log);
    const logFile = join(directory, 'redis.log');
    const child = await launch(serverArgs(directory, path), logFile);
    await untilItServes(child, path, logFile);
    const target = toTarget(path);
    options.log.info({ redis: describe(target), pid: child.pid }, 'local Redis started');

    let isClosing = false;
    child.once('exit', (code, signal) => {
      if (!isClosing) options.log.error({ code, signal, logFile }, 'local Redis ended; start Holdfast again');
    });
    return {
      target,
      async close() {
        isClosing = true;
        await end(child);
        rmSync(path, { force: true });
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** The local Redis of a provider that runs on this directory; undefined when there is none. */
export async function findLocalRedis(directory: string): Promise<RedisTarget | undefined> {
  const home = resolve(directory);
  if (findOwner(lockFile(home)) === undefined) return undefined;
  const path = socketPath(home);
  return (await ask(path, 'PING')) === undefined ? undefined : toTarget(path);
}

function toTarget(path: string): RedisTarget {
  return { kind: 'standalone', address: { path }, db: 0 };
}

function lockFile(directory: string): string {
  return join(directory, 'redis.lock');
}

function lock(directory: string): () => void {
  try {
    return lockDirectory(lockFile(directory));
  } catch (error) {
    if (!(error instanceof DirectoryInUse)) throw error;
    throw new Error(
      `Holdfast already runs on ${directory} (process ${error.ownerPid}); stop it or use another directory`,
      { cause: error },
    );
  }
}

function socketPath(directory: string): string {
  const inside = join(directory, 'redis.sock');
  if (Buffer.byteLength(inside) <= longestSocketPath) return inside;
  const hash = createHash('sha256').update(directory).digest('hex').slice(0, 16);
  const short = join(tmpdir(), `holdfast-${hash}`);
  mkdirSync(short, { recursive: true, mode: 0o700 });
  // The temporary directory is everyone's: what stands there may have been put there by somebody else.
  const found = lstatSync(short);
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0) {
    throw new Error(`${short} must be a directory of this user with mode 0700, to hold the socket of Redis`);
  }
  return join(short, 'redis.sock');
}

function serverArgs(directory: string, path: string): string[] {
  return [
    ...['--port', '0', '--unixsocket', path, '--unixsocketperm', '600', '--daemonize', 'no'],
    ...['--dir', directory, '--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''],
    ...['--maxmemory-policy', 'noeviction'],
  ];
}

/** @returns the child once it runs; nothing is said yet about whether it serves */
async function launch(args: string[], logFile: string): Promise<ChildProcess> {
  const prefix = endsWithParent();
  const output = openSync(logFile, 'w', 0o600);
  try {
    for (const program of programs) {
      if (prefix.length > 0 && !(await isInstalled(program))) continue;
      const [command = program, ...commandArgs] = [...prefix, program, ...args];
      const child = spawn(command, commandArgs, { detached: true, stdio: ['ignore', output, output] });
      const started = await once(child, 'spawn').then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return false;
          throw error;
        },
      );
      if (!started) continue;
      child.on('error', () => {});
      child.unref();
      return child;
    }
  } finally {
    closeSync(output);
  }
  const [, command] = installers.find(([path]) => existsSync(path)) ?? [];
  const advice = command ?? installers.map(([, each]) => each).join(', or ');
  throw new Error(`neither ${programs.join(' nor ')} is installed; install it with: ${advice}`);
}

async function isInstalled(program: string): Promise<boolean> {
  const probe = spawn(program, ['--version'], { stdio: 'ignore' });
  return once(probe, 'exit').then(
    () => true,
    () => false,
  );
}

/** A command before the server's own that has Linux send it SIGTERM when this process dies. */
function endsWithParent(): string[] {
  const setpriv = '/usr/bin/setpriv';
  // BusyBox has a setpriv too, without this option.
  if (process.platform !== 'linux' || !existsSync(setpriv) || realpathSync(setpriv) !== setpriv) return [];
  return [setpriv, '--pdeathsig', 'TERM', '--'];
}

async function untilItServes(child: ChildProcess, path: string, logFile: string): Promise<void> {
  // Loading much data takes its time, so there is no limit while the server lives.
  while ((await ask(path, 'PING')) !== '+PONG') {
    if (child.exitCode !== null || child.signalCode !== null) {
      const printed = readFileSync(logFile, 'utf8').trim().split('\n').slice(-5).join('\n');
      throw new Error(`the local Redis did not start; the end of ${logFile}:\n${printed}`);
    }
    await pause(10);
  }
}

async function endOrphan(path: string, log: Log): Promise<void> {
  if ((await ask(path, 'PING')) === undefined) return;
  log.warn({ socket: path }, 'shutting down the local Redis that an earlier run left behind');
  await ask(path, 'SHUTDOWN');
  const tooLate = AbortSignal.timeout(longestShutdownMs);
  while ((await ask(path, 'PING')) !== undefined) {
    if (tooLate.aborted) throw new Error(`a Redis of an earlier run still answers at ${path}; end it first`);
    await pause(20);
  }
  // It removes its socket as the very last thing, and must not remove that of its successor.
  await pause(50);
}

/** One command without arguments. @returns the first line of the answer; undefined when nobody listens */
function ask(path: string, command: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(path, () => socket.write(`${command}\r\n`));
    socket.setTimeout(2000, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString();
      if (answer.includes('\r\n')) socket.destroy();
    });
    socket.on('error', () => resolve(undefined));
    socket.on('close', () => resolve(answer.split('\r\n', 1)[0]));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), longestShutdownMs);
  await exited;
  clearTimeout(killer);
}
