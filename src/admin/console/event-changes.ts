import type { RecordedEvent } from '../../events/events.ts';
import type { Change } from './audit-views.ts';

/** What an act has changed, field by field: in a list only what was taken out or put in. */
export function changesOf({ before = {}, after = {} }: Pick<RecordedEvent, 'before' | 'after'>): Change[] {
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return fields.flatMap((field) => {
    const old = partsOf(before[field]);
    const now = partsOf(after[field]);
    const removed = old.filter((part) => !now.includes(part));
    const added = now.filter((part) => !old.includes(part));
    return removed.length + added.length > 0 ? [{ field, removed, added }] : [];
  });
}

function partsOf(value: unknown): string[] {
  if (value === undefined || value === null || value === '') return [];
  if (Array.isArray(value)) return value.map(textOf);
  return [textOf(value)];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
