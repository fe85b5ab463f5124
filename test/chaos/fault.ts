import { setTimeout as pause } from 'node:timers/promises';
import type { Topology } from '../support/redis-topologies.ts';
import type { PodPlan } from './pod-plan.ts';
import type { Pods } from './pods.ts';
import type { Random } from './random.ts';
import type { Record } from './record.ts';

export type TopologyName = 'standalone' | 'sentinel' | 'cluster';
export const everywhere: TopologyName[] = ['standalone', 'sentinel', 'cluster'];

export type Scene = {
  redis: Topology;
  pods: Pods;
  random: Random;
  record: Record;
  until: AbortSignal;
  syncsEachWrite: boolean;
};

export type Fault = {
  /**
   * Whether nothing but pods suffers: then not even a half-done sign-in may be lost, and each request must have
   * its right answer in the end.
   */
  sparesRedis: boolean;
  topologies: TopologyName[];
  /** Whether no request may fail at all, not even once. */
  losesNothing?: boolean;
  /**
   * Where a promise would not hold by nature: a server that is killed and has no copy elsewhere loses what it had
   * not synced yet. There it runs with `appendfsync always`.
   */
  syncsEachWrite?: TopologyName[];
  plan?(index: number): Omit<PodPlan, 'seed'> | undefined;
  /** Every other pod runs the version before this one. */
  mixesVersions?: boolean;
  /** Goes on until `until`, and leaves everything but the pods' plans healed. */
  run(scene: Scene): Promise<void>;
};

export async function rest(until: AbortSignal, ms: number): Promise<void> {
  await pause(ms, undefined, { signal: until }).catch(() => {});
}

/** A fault that the pods bring about by their plans alone. */
export function untilOver({ until }: Scene): Promise<void> {
  return rest(until, 2_000_000_000);
}
