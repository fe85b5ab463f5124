/**
 * The door to declarations: clients, APIs, roles, groups and settings as a file has them, compared with what there
 * is, and brought about.
 *
 * It owns the plan, its order, and which things such a file has made (so that they, and no others, can be taken away
 * when they are no longer in it). It does not own the format of the file (cli/), nor the changes themselves: each is
 * one act of the flows, with all that they check and record.
 */
import type { Actor } from '../../access/actor.ts';
import type { Admin } from '../admin.ts';
import type { Refused } from '../outcome.ts';
import { type Applied, applyPlan } from './apply.ts';
import type { Declaration } from './declaration.ts';
import type { DeclaredMarks } from './declared-marks-store.ts';
import { makePlan, type PlannedChange } from './plan.ts';

export type { Applied } from './apply.ts';
export type { Declaration, DeclaredKind } from './declaration.ts';
export type { PlannedChange } from './plan.ts';

export type PlanOptions = {
  actor: Actor /** Takes away what this name has made before and does not declare. */;
  prunes: boolean;
};

export type Declarations = {
  /** What would change, each change checked as far as it can be before it is made. */
  plan(
    declaration: Declaration,
    options: PlanOptions,
  ): Promise<{ ok: true; changes: PlannedChange[] } | { ok: false; refusals: RefusedChange[] }>;
  /**
   * Makes the changes; nothing when one of them is refused beforehand. May run twice at once: whoever is overtaken
   * looks again, and ends at the same state.
   */
  apply(
    declaration: Declaration,
    options: PlanOptions & { onProgress?: (change: PlannedChange) => void },
  ): Promise<Applied>;
};

export type RefusedChange = { change: PlannedChange; refusal: Refused };

export function createDeclarations(admin: Omit<Admin, 'declarations'>, marks: DeclaredMarks): Declarations {
  return {
    plan: (declaration, options) => makePlan({ admin, marks }, declaration, options),
    apply: (declaration, options) => applyPlan({ admin, marks }, declaration, options),
  };
}
