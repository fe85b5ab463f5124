import { percentile, type Record } from './record.ts';

export type Row = { fault: string; record: Record } | { fault: string; skipped: string };

const head = [
  ...['fault', 'flows', 'kills', 'requests', 'failed', 'resent', 'read back'],
  ...['signed out', 'lost', 'double', 'revived', 'wrong', 'longest gap ms', 'p50 ms', 'p99 ms'],
];

export function toTable(rows: Row[]): string {
  const line = (cells: unknown[]) => `| ${cells.join(' | ')} |`;
  const body = rows.map((row) => {
    if ('skipped' in row) return line([row.fault, 'skipped', ...head.slice(2).map(() => '')]);
    const { flows, kills, requests, failed, resent, readBack, five, longestGapMs, times } = row.record;
    const counts = [flows, kills, requests, failed, resent, readBack, ...Object.values(five), longestGapMs];
    const shares = [0.5, 0.99].map((share) => percentile(times, share).toFixed(0));
    return line([row.fault, ...counts, ...shares]);
  });
  const words = rows.flatMap((row) =>
    'skipped' in row
      ? [`${row.fault} was skipped: ${row.skipped}`]
      : [
          ...row.record.violations.map((what) => `${row.fault}: ${what}`),
          ...(row.record.violations.length > 0
            ? row.record.podErrors.map((error) => `${row.fault}: logged: ${error}`)
            : []),
        ],
  );
  return [line(head), line(head.map(() => '---')), ...body, '', ...words].join('\n');
}

export function toReport(rows: Row[]): unknown[] {
  return rows.map((row) => {
    if ('skipped' in row) return row;
    const { times, ...counts } = row.record;
    return {
      fault: row.fault,
      ...counts,
      p50Ms: percentile(times, 0.5),
      p99Ms: percentile(times, 0.99),
    };
  });
}
