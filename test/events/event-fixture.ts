import { createEvents } from '../../src/events/create-events.ts';
import type { Room } from '../../src/events/event-store.ts';
import type { Events, NewEvent } from '../../src/events/events.ts';
import { openAccounts } from '../accounts/account-fixture.ts';

/** The audit trail as a pod has it, on a real Redis, under a prefix of its own. */
export type EventFixture = Awaited<ReturnType<typeof openEvents>>;

/** @param options.prefix that of another fixture, to be a second pod on the same data */
export async function openEvents(
  url: string,
  options: { prefix?: string; pod?: string; room?: Room; days?: { admin: number; people: number } } = {},
) {
  const base = await openAccounts(url, options.prefix);
  const pod = options.pod ?? 'pod-1';
  const days = options.days ?? { admin: 400, people: 90 };
  const parts = {
    ...base,
    pod,
    keepDays: () => days,
    ...(options.room ? { room: options.room } : {}),
  };
  return { ...base, pod, days, parts, events: createEvents(parts) as Events };
}

export const somebody = { kind: 'account', id: 'acc-ida', name: 'ida@example.org' } as const;

export function signIn(more: Partial<NewEvent> = {}): NewEvent {
  return {
    kind: 'sign-in.succeeded',
    outcome: 'success',
    actor: somebody,
    clientId: 'notes',
    address: '192.0.2.7',
    browser: 'Firefox, Linux',
    via: 'sign-in',
    requestId: 'request-0001',
    ...more,
  };
}

export function adminAct(more: Partial<NewEvent> = {}): NewEvent {
  return {
    kind: 'client.updated',
    outcome: 'success',
    actor: { kind: 'account', id: 'acc-olga', name: 'olga@example.org' },
    target: { kind: 'client', id: 'notes', name: 'Harbour Notes' },
    via: 'console',
    requestId: 'request-0002',
    ...more,
  };
}

/** Chains all that is new. */
export async function chainAll(events: Events): Promise<void> {
  for (let left = 1; left > 0; ) {
    await events.sweep();
    const found = await events.verify();
    if (found.some(({ isIntact }) => !isIntact)) return;
    left = found.reduce((sum, { unchained }) => sum + unchained, 0);
  }
}

export async function verifyTrail(events: Events, trail: 'admin' | 'people', heads?: string[]) {
  const found = (await events.verify(heads)).find((one) => one.trail === trail);
  if (!found) throw new Error('no such trail');
  return found;
}
