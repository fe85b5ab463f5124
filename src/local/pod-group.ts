/**
 * Provider pods as processes of this machine, kept running as a cluster keeps its pods: one that ends is started
 * again. Owns the processes and the killing; does not know what sends them requests.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Target } from './round-robin-proxy.ts';

export type PodState = 'up' | 'down' | 'starting';
export type Kill = { at: string; pod: string; how: 'SIGKILL' | 'SIGTERM' };

export type PodGroup = {
  /** Resolves when every pod is ready. @throws Error when one ends or takes too long instead */
  start(): Promise<void>;
  running(): Target[];
  states(): { name: string; port: number; state: PodState }[];
  /** The last fifty, oldest first. */
  kills(): Kill[];
  /** From now on: ends one pod after another, mostly by SIGKILL, but never while another one is away. */
  killNowAndThen(everyMs: number): void;
  close(): Promise<void>;
};

type Pod = {
  name: string;
  port: number;
  state: PodState;
  child: ChildProcess | undefined;
  /** It was told to end. Until it does, it is sent requests all the same: a real balancer notices no sooner. */
  isEnding: boolean;
};

const main = fileURLToPath(new URL('../main.ts', import.meta.url));
const mostKills = 50;
const restartPauseMs = 1000;
const longestStartMs = 30_000;
const longestDrainMs = 10_000;

export function createPodGroup(options: {
  names: string[];
  /** Of each pod, besides its name and port. */
  environment: Record<string, string>;
  /** What the pods print. */
  logFile: string;
  /** Takes a line for people whenever a pod goes or comes. */
  say(line: string): void;
}): PodGroup {
  const pods = options.names.map(
    (name): Pod => ({ name, port: 0, state: 'down', child: undefined, isEnding: false }),
  );
  const kills: Kill[] = [];
  let isClosing = false;
  let timer: NodeJS.Timeout | undefined;
  const up = () => pods.filter(({ state }) => state === 'up');

  function launch(pod: Pod): ChildProcess {
    const output = openSync(options.logFile, 'a', 0o600);
    const [command = process.execPath, ...args] = [
      ...endsWithParent(),
      process.execPath,
      '--disable-proto=delete',
      main,
    ];
    const child = spawn(command, args, {
      env: { ...options.environment, HOLDFAST_POD: pod.name, HOLDFAST_PORT: String(pod.port) },
      // A session of its own: Ctrl-C reaches the demo alone, which then stops the pods in order.
      detached: true,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    pod.child = child;
    pod.state = 'starting';
    pod.isEnding = false;
    child.once('exit', () => {
      pod.child = undefined;
      pod.state = 'down';
    });
    return child;
  }

  /** @throws Error when the pod does not get ready */
  async function startPod(pod: Pod): Promise<void> {
    const child = launch(pod);
    const tooLate = AbortSignal.timeout(longestStartMs);
    while (!(await isReady(pod.port))) {
      if (isClosing) return;
      if (pod.child !== child) throw new Error(`${pod.name} did not start; see ${options.logFile}`);
      if (tooLate.aborted) {
        child.kill('SIGKILL');
        throw new Error(`${pod.name} was not ready in time; see ${options.logFile}`);
      }
      await pause(50);
    }
    if (pod.child !== child) return;
    pod.state = 'up';
    child.once('exit', () => void bringBack(pod));
  }

  async function bringBack(pod: Pod): Promise<void> {
    while (!isClosing) {
      await pause(restartPauseMs);
      if (isClosing) return;
      try {
        await startPod(pod);
        if (!isClosing) options.say(`${pod.name} is back, ${up().length} of ${pods.length} are up`);
        return;
      } catch (error) {
        options.say(error instanceof Error ? error.message : String(error));
        // Somebody may have taken its port meanwhile.
        pod.port = await freePort();
      }
    }
  }

  function killOne(): void {
    const well = pods.filter(({ state, isEnding }) => state === 'up' && !isEnding);
    const pod = well[randomInt(Math.max(well.length, 1))];
    if (isClosing || well.length < pods.length || !pod?.child) return;
    const how = randomInt(4) === 0 ? 'SIGTERM' : 'SIGKILL';
    kills.push({ at: new Date().toISOString(), pod: pod.name, how });
    if (kills.length > mostKills) kills.shift();
    pod.isEnding = true;
    pod.child.kill(how);
    options.say(`ended ${pod.name} (${how}), ${well.length - 1} of ${pods.length} are up`);
  }

  return {
    async start() {
      for (const pod of pods) pod.port = await freePort();
      await Promise.all(pods.map(startPod));
    },
    running: up,
    states: () =>
      pods.map(({ name, port, state, isEnding }) => ({ name, port, state: isEnding ? 'down' : state })),
    kills: () => [...kills],
    killNowAndThen(everyMs) {
      timer = setInterval(killOne, everyMs);
    },
    async close() {
      isClosing = true;
      clearInterval(timer);
      await Promise.all(pods.flatMap(({ child }) => (child ? [end(child)] : [])));
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), longestDrainMs);
  await ended;
  clearTimeout(killer);
}

/** A command before the pod's own that has Linux end it when this process dies without closing the group. */
function endsWithParent(): string[] {
  const setpriv = '/usr/bin/setpriv';
  // BusyBox has a setpriv too, without this option.
  if (process.platform !== 'linux' || !existsSync(setpriv) || realpathSync(setpriv) !== setpriv) return [];
  return [setpriv, '--pdeathsig', 'TERM', '--'];
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200;
  } catch {
    return false;
  }
}

/** A loopback port that nobody listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}
