import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Target } from './round-robin-proxy.ts';

export type PodState = 'up' | 'down' | 'starting';
export type Kill = { at: string; pod: string; how: 'SIGKILL' | 'SIGTERM' };

/** Provider pods as processes of this machine. */
export type PodGroup = {
  running(): Target[];
  states(): { name: string; port: number; state: PodState }[];
  /** The last fifty, oldest first. */
  kills(): Kill[];
  /** From now on: ends one pod after another, mostly by SIGKILL, and starts it again. Two stay up. */
  killNowAndThen(everyMs: number): void;
  close(): Promise<void>;
};

type Pod = { name: string; port: number; state: PodState; child: ChildProcess | undefined };

const main = fileURLToPath(new URL('../main.ts', import.meta.url));
const mostKills = 50;
const longestStartMs = 20_000;

export async function startPodGroup(options: {
  names: string[];
  environment: Record<string, string>;
  /** What the pods print. */
  logFile: string;
  say(line: string): void;
}): Promise<PodGroup> {
  const pods: Pod[] = [];
  const kills: Kill[] = [];
  let isClosing = false;
  let timer: NodeJS.Timeout | undefined;

  for (const name of options.names) {
    pods.push({ name, port: await freePort(), state: 'down', child: undefined });
  }

  async function start(pod: Pod): Promise<void> {
    pod.state = 'starting';
    const output = openSync(options.logFile, 'a', 0o600);
    const child = spawn(process.execPath, [main], {
      env: {
        ...options.environment,
        HOLDFAST_POD: pod.name,
        HOLDFAST_PORT: String(pod.port),
      },
      // A session of its own: Ctrl-C reaches the demo alone, which then stops the pods in order.
      detached: true,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    pod.child = child;
    child.once('exit', () => {
      if (pod.child !== child) return;
      pod.state = 'down';
      pod.child = undefined;
    });
    const deadline = AbortSignal.timeout(longestStartMs);
    while (pod.child === child && !(await isReady(pod.port))) {
      if (deadline.aborted) throw new Error(`${pod.name} did not start; see ${options.logFile}`);
      await pause(50);
    }
    if (pod.child === child) pod.state = 'up';
  }

  async function endOne(): Promise<void> {
    const up = pods.filter(({ state }) => state === 'up');
    if (isClosing || up.length < pods.length) return;
    const pod = up[randomInt(up.length)];
    if (!pod?.child) return;
    const how = randomInt(4) === 0 ? 'SIGTERM' : 'SIGKILL';
    kills.push({ at: new Date().toISOString(), pod: pod.name, how });
    if (kills.length > mostKills) kills.shift();
    const ended = once(pod.child, 'exit');
    pod.child.kill(how);
    options.say(`ended ${pod.name} (${how}), ${up.length - 1} of ${pods.length} are up`);
    await ended;
    await pause(1000);
    if (isClosing) return;
    await start(pod);
    options.say(`${pod.name} is back`);
  }

  async function close(): Promise<void> {
    isClosing = true;
    clearInterval(timer);
    const ending = pods.flatMap(({ child }) => {
      if (!child) return [];
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      return ended;
    });
    await Promise.all(ending);
  }

  try {
    await Promise.all(pods.map(start));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    running: () => pods.filter(({ state }) => state === 'up'),
    states: () => pods.map(({ name, port, state }) => ({ name, port, state })),
    kills: () => [...kills],
    killNowAndThen(everyMs) {
      timer = setInterval(() => {
        endOne().catch((error: unknown) => options.say(`trouble: ${error}`));
      }, everyMs);
    },
    close,
  };
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}
