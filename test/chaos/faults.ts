import { everywhere, type Fault, rest, untilOver } from './fault.ts';
import type { KillPoint } from './pod-plan.ts';
import { redisFaults } from './redis-faults.ts';

const killProbability = 0.03;
/** Passed by far fewer requests than the others. */
const killProbabilityBetween = 0.2;

const dieAt = (...points: KillPoint[]) => ({
  points,
  probability: points.includes('between-aggregates') ? killProbabilityBetween : killProbability,
  clockMs: 0,
});
const clock = (ms: number) => ({ points: [], probability: 0, clockMs: ms });

const killPoint = (point: KillPoint, topologies = everywhere): Fault => ({
  sparesRedis: true,
  topologies,
  // One pod is left alone, so that there is always one that answers.
  plan: (index) => (index === 0 ? undefined : dieAt(point)),
  run: untilOver,
});

/** By name, in the order in which they are run. */
export const faults: { [name: string]: Fault } = {
  kill: {
    sparesRedis: true,
    topologies: everywhere,
    async run({ pods, random, until }) {
      while (!until.aborted) {
        await rest(until, 200 + random.below(800));
        await pods.end(random.below(pods.count), 'SIGKILL');
      }
    },
  },
  'kill-before-commit': killPoint('before-commit'),
  'kill-in-commit': killPoint('in-commit'),
  'kill-between-aggregates': killPoint('between-aggregates', ['cluster']),
  'kill-after-commit': killPoint('after-commit'),
  'kill-before-answer': killPoint('before-answer'),
  /** All of them at once, each pod at points of its own. */
  'kill-points': {
    sparesRedis: true,
    topologies: everywhere,
    plan(index) {
      const each = [
        dieAt('between-aggregates'),
        dieAt('in-commit', 'after-commit'),
        dieAt('before-commit', 'before-answer'),
      ];
      return index === 0 ? undefined : each[index % each.length];
    },
    run: untilOver,
  },
  rolling: {
    sparesRedis: true,
    topologies: everywhere,
    losesNothing: true,
    async run({ pods, until }) {
      for (let index = 0; !until.aborted; index = (index + 1) % pods.count) {
        await pods.end(index, 'SIGTERM');
        await pods.allUp();
        await rest(until, 300);
      }
    },
  },
  ...redisFaults,
  'two-versions': {
    sparesRedis: true,
    topologies: everywhere,
    mixesVersions: true,
    async run({ pods, random, until }) {
      while (!until.aborted) {
        await rest(until, 1500 + random.below(1500));
        await pods.end(random.below(pods.count), 'SIGTERM');
      }
    },
  },
  'clock-off': {
    sparesRedis: true,
    topologies: everywhere,
    plan: (index) => [undefined, clock(5000), clock(-5000)][index % 3],
    run: untilOver,
  },
  /**
   * Farther than any code lives: such a pod would refuse what is still good. It notices, is unready, and answers
   * nothing; the balancer here goes on sending it connections all the same.
   */
  'clock-far': {
    sparesRedis: true,
    topologies: everywhere,
    plan: (index) => (index === 1 ? { ...clock(10 * 60_000), clockOnSignal: true } : undefined),
    async run(scene) {
      await rest(scene.until, 2000);
      scene.pods.tell(1, 'SIGUSR2');
      await untilOver(scene);
    },
  },
};
