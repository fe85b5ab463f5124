import type { Permission } from '../../access/access.ts';
import type { Reply } from '../../http/route.ts';
import type { Outcome } from '../outcome.ts';
import { type ConsoleRoute, consoleRoute, idField, textField } from './console-route.ts';
import type { Crumb, Says } from './console-views.ts';
import type { Question, Visit, Visits } from './console-visit.ts';
import type { SectionId } from './sections.ts';

type Parts<P extends string> = Record<P, string>;

/** An act on a thing that is asked for first: GET asks, POST does it. */
export type AskedAct<P extends string, T, V> = {
  /** With `:name` for each of `parts`. */
  path: string;
  parts: readonly P[];
  permission: Permission;
  /** See console-route.ts. */
  isSensitive?: boolean | undefined;
  section: SectionId;
  /** undefined when there is no such thing. */
  find(visit: Visit, parts: Parts<P>): Promise<T | undefined>;
  /** Where the others of its kind are. */
  list(visit: Visit): Crumb;
  ask(visit: Visit, thing: T, parts: Parts<P>): Promise<Omit<Question, 'action' | 'typed'>>;
  /** What the person types, to show that it is meant. */
  typed?(visit: Visit, thing: T): { label: string; expected: string };
  act(visit: Visit, thing: T, parts: Parts<P>): Promise<Outcome<V>>;
  /** Mostly leads to a page that says what was done; shows one itself where the act ends the session of the actor. */
  after(thing: T, value: V, parts: Parts<P>, visit: Visit): Reply;
};

export function askedAct<P extends string, T, V>(
  visits: Visits,
  one: AskedAct<P, T, V>,
): [ConsoleRoute, ConsoleRoute] {
  const { path, permission, isSensitive, section } = one;
  const params = Object.fromEntries(one.parts.map((name) => [name, idField]));

  function pathOf(parts: Parts<P>): string {
    return path.replace(/:(\w+)/g, (_whole, name: P) => encodeURIComponent(parts[name]));
  }

  async function show(
    visit: Visit,
    thing: T,
    parts: Parts<P>,
    entered: string,
    says?: Says & { status?: number },
  ): Promise<Reply> {
    const question = await one.ask(visit, thing, parts);
    const typed = one.typed?.(visit, thing);
    return visits.confirm(
      visit,
      section,
      {
        ...question,
        action: pathOf(parts),
        ...(typed ? { typed: { label: typed.label, value: entered } } : {}),
      },
      says,
    );
  }

  const lacking = (visit: Visit) => visits.notFound(visit, section, one.list(visit));

  return [
    consoleRoute({
      method: 'GET',
      path,
      permission,
      isSensitive,
      params,
      async handle({ visit, params }) {
        const parts = params as Parts<P>;
        const thing = await one.find(visit, parts);
        return thing === undefined ? lacking(visit) : show(visit, thing, parts, '');
      },
    }),
    consoleRoute({
      method: 'POST',
      path,
      permission,
      isSensitive,
      params,
      body: one.typed ? { typed: textField(400) } : {},
      back: (params) => pathOf(params as Parts<P>),
      async handle({ visit, params, body }) {
        const parts = params as Parts<P>;
        const thing = await one.find(visit, parts);
        if (thing === undefined) return lacking(visit);
        const { typed: entered = '' } = body as { typed?: string };
        const expected = one.typed?.(visit, thing).expected;
        if (expected !== undefined && fold(entered) !== fold(expected)) {
          const problem = visit.t('admin.typed.differs');
          return show(visit, thing, parts, entered, { problem, status: 422 });
        }
        const outcome = await one.act(visit, thing, parts);
        if (!outcome.ok) return show(visit, thing, parts, entered, visits.refusal(outcome));
        return one.after(thing, outcome.value, parts, visit);
      },
    }),
  ];
}

/** It is to show that the act is meant; capital letters do not matter. */
function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase().trim();
}
