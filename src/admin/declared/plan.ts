import { isSame } from '../difference.ts';
import { type Refused, refused } from '../outcome.ts';
import { type Declaration, type DeclaredKind, declaredKinds } from './declaration.ts';
import type { PlanOptions, RefusedChange } from './declared.ts';
import type { DeclaredMarks, Mark, MarkedThing } from './declared-marks-store.ts';
import { type Fields, type Found, type Kind, type Kinds, kindsOf, type ThingsOf } from './kinds.ts';

export type PlannedChange = {
  action: 'create' | 'update' | 'remove';
  kind: DeclaredKind;
  id: string;
  /** undefined: the field is not there. */
  fields: { name: string; from: unknown; to: unknown }[];
  /** What else changes, in words. */
  besides?: string;
};

export type DeclaredParts = { admin: ThingsOf; marks: DeclaredMarks };

/** A change with what it was planned on. */
export type Step = { change: PlannedChange; kind: Kind; found: Found | undefined };

export async function makePlan(parts: DeclaredParts, declaration: Declaration, options: PlanOptions) {
  const { steps, refusals } = await planSteps(parts, declaration, options);
  if (refusals.length > 0) return { ok: false, refusals } as const;
  return { ok: true, changes: steps.map(({ change }) => change) } as const;
}

/** So often a plan is made anew when others change the same things while it is made. */
const mostPlans = 10;

/** All changes in their order; each was tried without changing anything, where that can be. */
export async function planSteps(...of: Parameters<typeof planOnce>): ReturnType<typeof planOnce> {
  for (let left = mostPlans; ; left--) {
    const planned = await planOnce(...of);
    const isOvertaken = planned.refusals.some(({ refusal }) => mayBeOvertaken(refusal));
    if (!isOvertaken || left === 1) return planned;
  }
}

/** Whether it may be another apply, with the same in mind, that stands in the way: then looking again helps. */
export function mayBeOvertaken({ problem }: Refused): boolean {
  return ['changed', 'conflict', 'not-found'].includes(problem);
}

async function planOnce(
  { admin, marks }: DeclaredParts,
  declaration: Declaration,
  { actor, prunes }: PlanOptions,
): Promise<{ steps: Step[]; refusals: RefusedChange[] }> {
  const marked = await marks.list();
  const gone = prunes ? marked.filter((one) => isGone(one, declaration)) : [];
  const droppedSettings = gone.filter(({ kind }) => kind === 'setting').map(({ id }) => id);
  const kinds = kindsOf(admin, declaration, droppedSettings);
  const markOf = new Map(marked.map(({ kind, id, mark }) => [`${kind} ${id}`, mark]));
  const steps: Step[] = [];
  const refusals: RefusedChange[] = [];

  for (const name of declaredKinds) {
    for (const id of kinds[name].ids) {
      const step = await stepFor(kinds, name, id);
      // Of the settings each has a mark of its own.
      const marksOfIt = (name === 'setting' ? (step?.change.fields ?? []).map((field) => field.name) : [id])
        .map((one) => markOf.get(`${name} ${one}`))
        .filter((mark) => mark !== undefined);
      const other = marksOfIt.find((mark) => isForeign(mark, step?.found, declaration.managedBy));
      const refusal = step && other && madeByAnother(other);
      if (refusal) refusals.push({ change: step.change, refusal });
      else if (step && hasChange(step)) steps.push(step);
    }
  }
  for (const kind of declaredKinds.toReversed()) {
    if (kind === 'setting') continue;
    for (const { id, mark } of gone.filter((one) => one.kind === kind)) {
      const found = await kinds[kind].find(id);
      if (found && found.createdAt === mark.createdAt) steps.push(removal(kinds[kind], kind, id, found));
    }
  }

  const fresh = new Set(
    steps.filter(({ change }) => change.action === 'create').map(({ change }) => change.id),
  );
  for (const step of steps) {
    const refusal = await tryOut(step, actor, fresh);
    if (refusal) refusals.push({ change: step.change, refusal });
  }
  return { steps, refusals };
}

async function stepFor(kinds: Kinds, name: DeclaredKind, id: string): Promise<Step | undefined> {
  const kind = kinds[name];
  const wanted = kind.wanted(id);
  if (!wanted) return undefined;
  const found = await kind.find(id);
  const besides = found && (await kind.besides(id));
  const change: PlannedChange = {
    action: found ? 'update' : 'create',
    kind: name,
    id,
    fields: differences(found?.fields ?? {}, wanted),
    ...(besides !== undefined && { besides }),
  };
  return { change, kind, found };
}

const hasChange = ({ change }: Step) =>
  change.action !== 'update' || change.fields.length > 0 || change.besides !== undefined;

function removal(kind: Kind, name: DeclaredKind, id: string, found: Found): Step {
  const change = { action: 'remove', kind: name, id, fields: differences(found.fields, {}) } as const;
  return { change, kind, found };
}

function differences(from: Fields, to: Fields): PlannedChange['fields'] {
  return [...new Set([...Object.keys(from), ...Object.keys(to)])]
    .filter((name) => !isSame(from[name], to[name]))
    .map((name) => ({ name, from: from[name], to: to[name] }));
}

function isGone({ kind, id, mark }: MarkedThing, declaration: Declaration): boolean {
  const declared: Record<DeclaredKind, ReadonlyMap<string, unknown>> = {
    resource: declaration.resources,
    role: declaration.roles,
    group: declaration.groups,
    setting: declaration.settings,
    client: declaration.clients,
  };
  return mark.managedBy === declaration.managedBy && !declared[kind].has(id);
}

/** A thing that another file has made is that file's. */
function isForeign(mark: Mark, found: Found | undefined, managedBy: string): boolean {
  return mark.managedBy !== managedBy && found?.createdAt === mark.createdAt;
}

function madeByAnother({ managedBy }: Mark): Refused {
  return refused(
    'conflict',
    `Another file has made this: the one with managed_by "${managedBy}". Take it out of one of the two.`,
  );
}

/**
 * @param fresh ids of what does not exist yet: what refers to one of them cannot be tried before it does. Whatever is
 *   wrong with it is found when it is made.
 */
async function tryOut(
  { change, kind, found }: Step,
  actor: PlanOptions['actor'],
  fresh: ReadonlySet<string>,
): Promise<Refused | undefined> {
  const { action, id } = change;
  const refersToFresh = change.fields.some(
    ({ name, to }) =>
      ['roles', 'resources'].includes(name) && Array.isArray(to) && to.some((one) => fresh.has(String(one))),
  );
  if (action !== 'remove' && refersToFresh) return undefined;
  const options = { isDryRun: true, ...(found && { version: found.version }) };
  const outcome = !found
    ? await kind.make(actor, id, options)
    : action === 'remove'
      ? await kind.remove(actor, id, options)
      : await kind.change(actor, id, found, options);
  return outcome.ok || outcome.problem === 'changed' ? undefined : outcome;
}
