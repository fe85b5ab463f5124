import { Unavailable } from '../errors.ts';
import type { Log } from '../log.ts';
import { randomText } from '../random.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { type Kept, keptOf } from './event-record.ts';
import type { Condition, EventStore } from './event-store.ts';
import type { Events, NewEvent, RecordedEvent } from './events.ts';

type Draft = Omit<NewEvent, 'outcome'>;

/** How often a pod says that an act is under way; one that is silent for a minute counts as killed (chainer.ts). */
const signOfLifeMs = 15_000;
/** When the outcome of an act could not be kept, it is tried again so long after. */
const againAfterMs = [500, 2000, 8000, 20_000];
const purpose = 'audit-act';

/** Acts of administrators: that one was begun is kept before it is carried out, how it ended after that. */
export function createActs(parts: {
  store: Store;
  ring: KeyRing;
  log: Log;
  pod: string;
  events: EventStore;
}) {
  const { store, ring, log, pod, events } = parts;
  const { keys } = store;
  const actKeys = [keys.auditActs(), keys.auditIntended()];

  async function intend(id: string, draft: Draft): Promise<void> {
    const sealed = ring.seal(purpose, id, JSON.stringify(keptOf(draft, 'unknown', pod)));
    try {
      await store.run('audit-intend', actKeys, [id, sealed]);
      await store.settle(keys.auditActs());
    } catch (error) {
      // It may have been kept all the same, and nothing will come of it.
      store.call('HDEL', keys.auditIntended(), id).catch(() => {});
      throw error;
    }
  }

  async function end(id: string, draft: Draft, outcome: RecordedEvent['outcome']): Promise<void> {
    const append = async (is: Condition['is'] & ('ends' | 'only-if-under-way')) => {
      await events.append(draft, outcome, { is, act: id });
      await events.settle();
    };
    try {
      await append('ends');
    } catch (error) {
      log.warn({ err: error, kind: draft.kind, outcome }, 'the outcome of an act could not be recorded yet');
      againLater(() => append('only-if-under-way'), [...againAfterMs]);
    }
  }

  function againLater(work: () => Promise<void>, waits: number[]): void {
    const wait = waits.shift();
    if (wait === undefined) return;
    setTimeout(() => {
      work().catch(() => againLater(work, waits));
    }, wait).unref();
  }

  function describe<T>(result: T, describing: ((result: T) => Partial<Draft>) | undefined): Partial<Draft> {
    const { problem } = result as { problem?: unknown };
    const reason = typeof problem === 'string' ? { reason: problem } : {};
    try {
      return { ...reason, ...describing?.(result) };
    } catch (error) {
      // The act was carried out; that it cannot be described must not look as if it was not.
      log.error({ err: error }, 'an act could not be described');
      return reason;
    }
  }

  const act: Events['act'] = async (draft, work, describing) => {
    const id = randomText(12);
    await intend(id, draft);
    const signs = setInterval(() => {
      store.run('audit-intend', actKeys, [id, '']).catch(() => {});
    }, signOfLifeMs).unref();
    try {
      const result = await work();
      await end(id, { ...draft, ...describe(result, describing) }, result.ok ? 'success' : 'failure');
      return result;
    } catch (error) {
      const isUnknown = error instanceof Unavailable;
      const reason = isUnknown ? 'unavailable' : `error: ${error instanceof Error ? error.name : 'unknown'}`;
      await end(id, { ...draft, reason }, isUnknown ? 'unknown' : 'failure');
      throw error;
    } finally {
      clearInterval(signs);
    }
  };

  return {
    act,

    note: (async (event) => {
      try {
        await events.append(event, event.outcome);
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        log.warn({ kind: event.kind, reason: error.message }, 'an event was not recorded');
      }
    }) satisfies Events['note'] as Events['note'],

    /** Turns what pods that were killed had begun into events, once each. */
    async endAbandoned(acts: [id: string, sealed: string][]): Promise<void> {
      for (const [id, sealed] of acts) {
        const { outcome, pod: from, sealedAt: _, ...draft } = open(id, sealed);
        await events.append(
          { reason: 'interrupted', ...draft },
          outcome,
          { is: 'only-if-under-way', act: id },
          from,
        );
      }
    },
  };

  function open(id: string, sealed: string): Kept {
    try {
      return JSON.parse(ring.open(purpose, id, sealed)) as Kept;
    } catch {
      // Not ours: somebody has put it there. That is worth an event as well.
      const draft: Draft = { kind: 'access.refused', actor: { kind: 'system' }, reason: 'forged-act' };
      return keptOf(draft, 'unknown', pod);
    }
  }
}
