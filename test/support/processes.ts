import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

/** A command of the README as a process of its own, with what it prints. */
export type Started = {
  output(): string;
  /** Resolves when it has printed this. @throws with all it printed when it ends before */
  prints(text: string | RegExp): Promise<void>;
  /** @returns its exit code */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  ended: Promise<number | null>;
};

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) if (child.pid) process.kill(-child.pid, 'SIGKILL');
});

/** Leads a process group of its own, so that what npm starts is stopped with it. */
export function startProcess(
  command: string,
  args: string[],
  environment: Record<string, string> = {},
  input?: string,
): Started {
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
    detached: true,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  if (input !== undefined) child.stdin?.end(input);
  running.add(child);
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      printed += chunk;
    });
  }
  const ended = once(child, 'close').then(() => {
    running.delete(child);
    return child.exitCode;
  });
  return {
    output: () => printed,
    ended,
    async prints(text) {
      const has = () => (typeof text === 'string' ? printed.includes(text) : text.test(printed));
      while (!has()) {
        if (child.exitCode !== null || child.signalCode !== null) {
          throw new Error(`ended (${child.exitCode}) without printing ${text}:\n${printed}`);
        }
        await pause(25);
      }
    },
    async stop(signal = 'SIGINT') {
      if (child.exitCode === null && child.signalCode === null && child.pid) process.kill(-child.pid, signal);
      return ended;
    },
  };
}
