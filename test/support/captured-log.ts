import { pino } from 'pino';
import type { Log } from '../../src/log.ts';

/** A log whose lines a test can look at. */
export function captureLog(): {
  log: Log;
  lines: { level: number; msg: string; [field: string]: unknown }[];
} {
  const lines: { level: number; msg: string }[] = [];
  const log = pino({ level: 'debug', base: null }, { write: (line: string) => lines.push(JSON.parse(line)) });
  return { log, lines };
}
