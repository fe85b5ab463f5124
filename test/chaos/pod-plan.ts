import { fileURLToPath } from 'node:url';

/**
 * Where a pod may kill itself: before anything of a commit is sent to Redis; right after a script was sent, its
 * reply not read; between two scripts of one commit, on a Cluster; when the commit is done; when the answer is
 * about to leave.
 */
export type KillPoint =
  | 'before-commit'
  | 'in-commit'
  | 'between-aggregates'
  | 'after-commit'
  | 'before-answer';

export type PodPlan = {
  points: KillPoint[];
  /** Of dying, each time that a point is passed. */
  probability: number;
  seed: number;
  /** How far the pod's clock is ahead. */
  clockMs: number;
  /** Whether the clock is set so by SIGUSR2; from the first moment when left out. */
  clockOnSignal?: boolean;
};

/** What makes a pod carry the plan out, whatever version it runs. */
export function planEnvironment(plan: PodPlan): { [name: string]: string } {
  const preload = fileURLToPath(new URL('./pod-preload.ts', import.meta.url));
  return { NODE_OPTIONS: `--import=${preload}`, CHAOS_PLAN: JSON.stringify(plan) };
}
