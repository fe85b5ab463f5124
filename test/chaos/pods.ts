import { setTimeout as pause } from 'node:timers/promises';
import { type Pod, startPod } from '../support/pods.ts';
import type { Record } from './record.ts';

/** Where a pod may kill itself; see `preloadFor`. */
export type KillPoint = 'before-commit' | 'after-commit' | 'before-answer';

/** Pods that are started again whenever they end. */
export type Pods = {
  ports(): number[];
  /** Sends a signal to one of them. Two always stay. */
  end(index: number, signal: NodeJS.Signals): Promise<void>;
  count: number;
  allUp(): Promise<void>;
  close(): Promise<void>;
};

export async function startPods(options: {
  count: number;
  issuer: string;
  redisUrl: string;
  record: Record;
  environment: { [name: string]: string };
  /** What is loaded before a pod's own code. */
  preload(index: number): string | undefined;
  /** Where the version lies that a pod runs; undefined for this one. */
  directory(index: number): string | undefined;
}): Promise<Pods> {
  const { record } = options;
  let isClosing = false;

  async function start(index: number, port?: number): Promise<Pod> {
    const preload = options.preload(index);
    const directory = options.directory(index);
    const pod = await startPod({
      name: `pod-${index}`,
      issuer: options.issuer,
      redisUrl: options.redisUrl,
      ...(port === undefined ? {} : { port }),
      ...(directory === undefined ? {} : { directory }),
      environment: {
        ...options.environment,
        ...(preload ? { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(preload)}` } : {}),
      },
    });
    pod.process.once('exit', () => void startAgain(index, pod));
    return pod;
  }

  async function startAgain(index: number, pod: Pod): Promise<void> {
    if (isClosing) return;
    if (pod.process.signalCode === 'SIGKILL') record.kills += 1;
    else if (pod.process.exitCode !== 0) {
      record.violate('wrong', `a pod ended by itself (${pod.process.exitCode}): ${pod.log().slice(-300)}`);
    }
    while (!isClosing) {
      try {
        pods[index] = await start(index, pod.port);
        return;
      } catch {
        // With Redis away, or a kill point at its start: again.
        await pause(200);
      }
    }
  }

  const pods = await Promise.all(Array.from({ length: options.count }, (_, index) => start(index)));
  const isUp = ({ process: { exitCode, signalCode } }: Pod) => exitCode === null && signalCode === null;
  return {
    count: options.count,
    ports: () => pods.map(({ port }) => port),
    async end(index, signal) {
      const pod = pods[index];
      if (!pod || pods.filter(isUp).length <= 2) return;
      await pod.kill(signal);
    },
    async allUp() {
      while (!pods.every(isUp)) await pause(50);
    },
    async close() {
      isClosing = true;
      await Promise.all(pods.map((pod) => pod.kill('SIGKILL')));
    },
  };
}

/**
 * Code for a pod that kills itself at a point in some requests: before a commit is sent to Redis; right after it
 * was sent, which on a Cluster is between two aggregates as well; or when the answer is about to leave.
 */
export function preloadFor(point: KillPoint, probability: number): string {
  const die = `if (Math.random() < ${probability}) process.kill(process.pid, 'SIGKILL');`;
  if (point === 'before-answer') {
    return [
      "const { ServerResponse } = await import('node:http');",
      'const { end } = ServerResponse.prototype;',
      'ServerResponse.prototype.end = function (...given) {',
      `  if (/^\\/(token|auth|interaction|session)/.test(this.req.url)) { ${die} }`,
      '  return end.apply(this, given);',
      '};',
    ].join('\n');
  }
  return [
    "const { Socket } = await import('node:net');",
    'const { write } = Socket.prototype;',
    'Socket.prototype.write = function (chunk, ...rest) {',
    '  const isCommit = /evalsha|eval/.test(String(chunk)) && /unspent|not-dead|alive|absent/.test(String(chunk));',
    ...(point === 'before-commit' ? [`  if (isCommit) { ${die} }`] : []),
    '  const done = write.call(this, chunk, ...rest);',
    ...(point === 'after-commit' ? [`  if (isCommit) { ${die} }`] : []),
    '  return done;',
    '};',
  ].join('\n');
}

/** Code for a pod whose clock is off. */
export function clockOff(ms: number): string {
  return [
    'const now = Date.now;',
    `Date.now = () => now() + ${ms};`,
    'globalThis.Date = class extends Date {',
    '  constructor(...given) { given.length === 0 ? super(Date.now()) : super(...given); }',
    '};',
  ].join('\n');
}
