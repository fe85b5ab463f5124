/**
 * One real redis-server (or Sentinel) for a test: started on a loopback port in a directory of its own, and
 * gone with that directory however the test run ends. Knows nothing of topologies.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type RedisProcess = {
  name: string;
  /** As started; a failover changes what the process does, not this. */
  role: 'primary' | 'replica' | 'sentinel';
  /** Of the running process; another one after `start()`. */
  readonly pid: number;
  port: number;
  /** Resolves once a deadly signal has done its work; SIGSTOP and SIGCONT at once. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port with the same data. */
  start(): Promise<void>;
};

export type ProcessPlan = {
  name: string;
  role: RedisProcess['role'];
  port: number;
  /** What the process prints when it serves, and what else is waited for the first time. */
  readyLine: RegExp;
  firstReadyLine?: RegExp;
  args: string[];
};

const program = spawnSync('redis-server', ['--version']).error ? 'valkey-server' : 'redis-server';
const running = new Set<ChildProcess>();
const directories = new Set<string>();

/** Starts the planned process and waits until it serves. */
export async function startProcess(plan: ProcessPlan): Promise<RedisProcess> {
  let child = await launch(plan, plan.firstReadyLine ?? plan.readyLine);
  return {
    name: plan.name,
    role: plan.role,
    port: plan.port,
    get pid() {
      return child.pid ?? 0;
    },
    async kill(signal) {
      if (!running.has(child)) return;
      const ended = once(child, 'exit');
      child.kill(signal);
      if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await ended;
    },
    async start() {
      if (!running.has(child)) child = await launch(plan, plan.readyLine);
    },
  };
}

/** A fresh directory under the system's temporary one, removed by `removeDirectory` or when the run ends. */
export function makeDirectory(purpose: string): string {
  const directory = mkdtempSync(join(tmpdir(), `holdfast-${purpose}-`));
  directories.add(directory);
  return directory;
}

export function removeDirectory(directory: string): void {
  // A child of the server may still be writing its file.
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  directories.delete(directory);
}

/**
 * Free loopback ports below the range that the system hands to outgoing connections: a client that keeps
 * trying to reach a killed server must not be given that server's port as its own.
 */
export async function findPorts(count: number): Promise<number[]> {
  const held = [];
  while (held.length < count) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    const server = createServer();
    server.listen(port, '127.0.0.1');
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (free) held.push({ port, server });
  }
  await Promise.all(held.map(({ server }) => new Promise((closed) => server.close(closed))));
  return held.map(({ port }) => port);
}

function launch(plan: ProcessPlan, readyLine: RegExp): Promise<ChildProcess> {
  const child = spawn(program, plan.args, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  return new Promise((resolve, reject) => {
    let printed = '';
    const read = (chunk: Buffer) => {
      printed += chunk.toString();
      if (!readyLine.test(printed)) return;
      child.stdout?.off('data', read).resume();
      resolve(child);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      running.delete(child);
      reject(new Error(`${plan.name} ended (${code ?? signal}) before it served:\n${printed}`));
    });
  });
}

function cleanUp(): void {
  for (const child of running) child.kill('SIGKILL');
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
}

process.once('exit', cleanUp);
for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    cleanUp();
    process.kill(process.pid, signal);
  });
}
