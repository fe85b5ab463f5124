import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** Provider pods as separate processes, as in production, on one Redis. */
export type Pod = {
  name: string;
  port: number;
  url: string;
  process: ChildProcess;
  /** What the pod logged so far, one JSON object a line. */
  log(): string;
  kill(signal: NodeJS.Signals): Promise<void>;
};

export const testKeys = `test:${Buffer.alloc(32, 7).toString('base64url')}`;

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** @returns a pod that answers /readyz with 200 */
export async function startPod(options: {
  name: string;
  issuer: string;
  redisUrl: string;
  port?: number;
  environment?: Record<string, string>;
  /** Of the version that runs; this one when left out. */
  directory?: string;
}): Promise<Pod> {
  const port = options.port ?? (await freePort());
  const child = spawn(process.execPath, ['--disable-proto=delete', 'src/main.ts'], {
    env: {
      PATH: process.env.PATH,
      HOLDFAST_ISSUER: options.issuer,
      HOLDFAST_PORT: String(port),
      HOLDFAST_POD: options.name,
      HOLDFAST_KEYS: testKeys,
      HOLDFAST_UNSAFE_ALLOW_HTTP: 'true',
      HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: 'true',
      HOLDFAST_UNSAFE_ALLOW_PRIVATE_ADDRESSES: 'true',
      REDIS_URL: options.redisUrl,
      ...options.environment,
    },
    cwd: options.directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  }
  const pod: Pod = {
    name: options.name,
    port,
    url: `http://127.0.0.1:${port}`,
    process: child,
    log: () => output,
    async kill(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(signal);
      await once(child, 'exit');
    },
  };
  await untilReady(pod);
  return pod;
}

async function untilReady(pod: Pod): Promise<void> {
  const deadline = AbortSignal.timeout(50_000);
  while (!deadline.aborted) {
    if (pod.process.exitCode !== null) throw new Error(`pod ${pod.name} ended:\n${pod.log()}`);
    const ready = await fetch(`${pod.url}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    );
    if (ready) return;
    await pause(25);
  }
  throw new Error(`pod ${pod.name} was not ready in time:\n${pod.log()}`);
}
