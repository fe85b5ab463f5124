import { setTimeout as pause } from 'node:timers/promises';
import { type Pod, startPod } from '../support/pods.ts';
import { findPorts } from '../support/redis-process.ts';
import { type PodPlan, planEnvironment } from './pod-plan.ts';
import { seedOf } from './random.ts';
import type { Record } from './record.ts';

/** Pods that are started again whenever they end. */
export type Pods = {
  ports(): number[];
  /** Sends a signal to one of them. One always stays. */
  end(index: number, signal: NodeJS.Signals): Promise<void>;
  /** Sends a signal that ends none. */
  tell(index: number, signal: NodeJS.Signals): void;
  count: number;
  allUp(): Promise<void>;
  /** Starts those anew that had a plan to fail by, without it. */
  heal(): Promise<void>;
  close(): Promise<void>;
};

export type PodsOptions = {
  count: number;
  issuer: string;
  redisUrl: string;
  record: Record;
  seed: number;
  environment: { [name: string]: string };
  plan(index: number): Omit<PodPlan, 'seed'> | undefined;
  /** Where the version lies that a pod runs; undefined for this one. */
  directory(index: number): string | undefined;
};

export async function startPods(options: PodsOptions): Promise<Pods> {
  const { record } = options;
  let isClosing = false;
  let isHealed = false;
  let starts = 0;
  const planned = new WeakSet<Pod>();

  async function start(index: number, port: number): Promise<Pod> {
    const plan = isHealed ? undefined : options.plan(index);
    const directory = options.directory(index);
    const seed = seedOf(options.seed, 'pod', index, starts++);
    const pod = await startPod({
      name: `pod-${index}`,
      issuer: options.issuer,
      redisUrl: options.redisUrl,
      port,
      ...(directory === undefined ? {} : { directory }),
      environment: { ...options.environment, ...(plan ? planEnvironment({ ...plan, seed }) : {}) },
    });
    if (plan) planned.add(pod);
    pod.process.once('exit', () => void startAgain(index, pod));
    return pod;
  }

  async function startAgain(index: number, pod: Pod): Promise<void> {
    if (isClosing) return;
    noteErrors(pod);
    if (pod.process.signalCode === 'SIGKILL') record.kills += 1;
    else if (pod.process.exitCode !== 0) {
      record.violate('wrong', `a pod ended by itself (${pod.process.exitCode}): ${pod.log().slice(-300)}`);
    }
    for (let { port } = pod; !isClosing; port = await freePort()) {
      try {
        pods[index] = await start(index, port);
        return;
      } catch {
        // Redis is away, or the port is taken: again, at another one.
        await pause(200);
      }
    }
  }

  function noteErrors(pod: Pod): void {
    for (const line of pod.log().split('\n')) {
      if (/"level":(50|60|"error"|"fatal")/.test(line) && record.podErrors.length < 20) {
        record.podErrors.push(line.slice(0, 1500));
      }
    }
  }

  const pods = await Promise.all(
    Array.from({ length: options.count }, async (_, index) => start(index, await freePort())),
  );
  const isUp = ({ process: { exitCode, signalCode } }: Pod) => exitCode === null && signalCode === null;
  async function allUp(): Promise<void> {
    while (!pods.every(isUp)) await pause(50);
  }
  return {
    count: options.count,
    ports: () => pods.map(({ port }) => port),
    async end(index, signal) {
      const pod = pods[index];
      if (!pod || !isUp(pod) || pods.filter(isUp).length <= 1) return;
      if (signal !== 'SIGKILL') record.kills += 1;
      await pod.kill(signal);
    },
    tell: (index, signal) => {
      pods[index]?.process.kill(signal);
    },
    allUp,
    async heal() {
      isHealed = true;
      // One that is on its way up may still have got a plan.
      do {
        await allUp();
        for (const pod of pods) if (planned.has(pod)) await pod.kill('SIGTERM');
      } while (pods.some((pod) => planned.has(pod)));
    },
    async close() {
      isClosing = true;
      for (const pod of pods) noteErrors(pod);
      await Promise.all(pods.map((pod) => pod.kill('SIGKILL')));
    },
  };
}

/** Below the ports of outgoing connections: those to a dead pod must not be given its own port. */
async function freePort(): Promise<number> {
  const [port = 0] = await findPorts(1);
  return port;
}
