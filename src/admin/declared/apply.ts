import type { Outcome, Refused } from '../outcome.ts';
import type { Declaration } from './declaration.ts';
import type { PlanOptions, RefusedChange } from './declared.ts';
import type { DeclaredMarks } from './declared-marks-store.ts';
import { type DeclaredParts, mayBeOvertaken, type PlannedChange, planSteps, type Step } from './plan.ts';

export type Applied = {
  /** False when something was refused: before anything was made, or, after `changes` were made, on the way. */
  ok: boolean;
  /** That were made, in this order. */
  changes: PlannedChange[];
  refusals: RefusedChange[];
  /** Made up for clients that are new; shown once. */
  secrets: { clientId: string; secret: string }[];
};

/** So often the plan is made anew when others change the same things. */
const mostPlans = 10;

export async function applyPlan(
  parts: DeclaredParts,
  declaration: Declaration,
  options: PlanOptions & { onProgress?: (change: PlannedChange) => void },
): Promise<Applied> {
  const applied: Applied = { ok: true, changes: [], refusals: [], secrets: [] };
  for (let left = mostPlans; ; left--) {
    const { steps, refusals } = await planSteps(parts, declaration, options);
    if (refusals.length > 0) return { ...applied, ok: false, refusals };
    const halt = await carryOut(parts, declaration, options, steps, applied);
    if (!halt) return applied;
    // Another apply may be under way: what it has made is found when the plan is made anew.
    if (!mayBeOvertaken(halt.refusal) || left === 1) return { ...applied, ok: false, refusals: [halt] };
  }
}

/** @returns the change that was refused, after which nothing more was done */
async function carryOut(
  { marks }: DeclaredParts,
  { managedBy }: Declaration,
  { actor, onProgress }: PlanOptions & { onProgress?: (change: PlannedChange) => void },
  steps: Step[],
  applied: Applied,
): Promise<RefusedChange | undefined> {
  for (const { change, kind, found } of steps) {
    const { action, id } = change;
    const options = found ? { version: found.version } : {};
    let refusal: Refused | undefined;
    if (!found) {
      const made = await kind.make(actor, id, options);
      if (made.ok) {
        await marks.set(change.kind, id, { managedBy, createdAt: made.value.createdAt });
        if (made.value.secret !== undefined) {
          applied.secrets.push({ clientId: id, secret: made.value.secret });
        }
      } else refusal = made;
    } else if (action === 'remove') {
      refusal = refusalOf(await kind.remove(actor, id, options));
      if (!refusal || refusal.problem === 'not-found') await marks.remove(change.kind, id);
    } else {
      refusal = refusalOf(await kind.change(actor, id, found, options));
      if (!refusal && change.kind === 'setting') await markSettings(marks, change, managedBy);
    }
    if (refusal) return { change, refusal };
    applied.changes.push(change);
    onProgress?.(change);
  }
  return undefined;
}

function refusalOf(outcome: Outcome<unknown>): Refused | undefined {
  return outcome.ok ? undefined : outcome;
}

/** One that somebody had set already is not ours to give back. */
async function markSettings(
  marks: DeclaredMarks,
  { fields }: PlannedChange,
  managedBy: string,
): Promise<void> {
  for (const { name, from, to } of fields) {
    if (to === undefined) await marks.remove('setting', name);
    else if (from === undefined) await marks.set('setting', name, { managedBy, createdAt: 0 });
  }
}
