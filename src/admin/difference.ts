/** Fields that change with every write and tell nothing, and those that would be secrets. */
const leftOut = new Set(['version', 'updatedAt', 'epoch', 'client_secret', 'registration_access_token']);

/** What two readings of a thing do not have in common: field by field, for the audit. Never a secret. */
export type Difference = { before: Record<string, unknown>; after: Record<string, unknown> };

/** @param before undefined for what was not there */
export function differenceOf(before: object | undefined, after: object | undefined): Difference {
  const difference: Difference = { before: {}, after: {} };
  const old = Object.entries(before ?? {});
  const fresh = Object.entries(after ?? {});
  const values = { before: new Map(old), after: new Map(fresh) };
  for (const field of new Set([...values.before.keys(), ...values.after.keys()])) {
    const from = values.before.get(field);
    const to = values.after.get(field);
    if (leftOut.has(field) || isSame(from, to)) continue;
    if (from !== undefined) difference.before[field] = from;
    if (to !== undefined) difference.after[field] = to;
  }
  return difference;
}

/** Whether two values of JSON are the same, whatever the order of their keys. */
export function isSame(one: unknown, other: unknown): boolean {
  return canonical(one) === canonical(other);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
