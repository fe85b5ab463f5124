import { nowMs } from '../clock.ts';
import type { Store } from '../redis/redis.ts';
import { countDays, dayMs, hourMs } from './event-store.ts';
import type { Events } from './events.ts';

const mostClients = 10;

/** Sign-ins as charts show them. They count also what was not kept one by one. */
export function createCounts(parts: { store: Store }): Pick<Events, 'signInsByHour' | 'topClients'> {
  const { store } = parts;
  const { keys } = store;

  return {
    async signInsByHour(hours) {
      const now = nowMs();
      const lastHour = Math.floor(now / hourMs);
      const firstHour = lastHour - Math.min(Math.max(1, Math.floor(hours)), countDays * 24) + 1;
      const days = range(Math.floor((firstHour * hourMs) / dayMs), Math.floor(now / dayMs));
      const found = await Promise.all(days.map((day) => store.read(keys.auditHours(day))));
      const counts: Record<string, string> = Object.assign({}, ...found);
      return range(firstHour, lastHour).map((hour) => ({
        hour: hour * hourMs,
        succeeded: Number(counts[`s:${hour}`] ?? 0),
        failed: Number(counts[`f:${hour}`] ?? 0),
      }));
    },

    async topClients(days) {
      const today = Math.floor(nowMs() / dayMs);
      const first = today - Math.min(Math.max(1, Math.floor(days)), countDays) + 1;
      const totals = new Map<string, number>();
      const lists = await Promise.all(
        range(first, today).map((day) => store.call('ZRANGE', keys.auditClients(day), 0, -1, 'WITHSCORES')),
      );
      for (const [clientId, signIns] of (lists as [string, number | string][][]).flat()) {
        totals.set(clientId, (totals.get(clientId) ?? 0) + Number(signIns));
      }
      return [...totals]
        .map(([clientId, signIns]) => ({ clientId, signIns }))
        .sort((a, b) => b.signIns - a.signIns || (a.clientId < b.clientId ? -1 : 1))
        .slice(0, mostClients);
    },
  };
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
