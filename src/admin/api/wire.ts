import { z } from 'zod';
import { isWholeNumber } from '../../http/body.ts';

/** How values look on the wire: names in snake_case, times as RFC 3339 in UTC, lists by the page. */

export const time = z.iso.datetime().describe('RFC 3339, in UTC');

/** @param ms since the epoch */
export function toTime(ms: number): string {
  return new Date(ms).toISOString();
}

export function toTimeOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : toTime(ms);
}

/** @param text that `time` has taken; @returns ms since the epoch */
export function fromTime(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}

/** An id of anything: visible ASCII, without what would change the place of a key in Redis. */
export const id = z
  .string()
  .regex(/^[\x21-\x7a\x7c\x7e]{1,256}$/, 'is no id')
  .describe('An id');

/** Of what administrators name themselves: roles and groups. */
export const slug = z
  .string()
  .regex(/^[a-z0-9._:-]{1,64}$/, 'must be 1 to 64 of a-z, 0-9, - _ . :')
  .describe('1 to 64 of a-z, 0-9, - _ . :');

export const version = z.number().int().describe('Counts up with every change; the ETag is this in quotes');

export const text = (longest: number) => z.string().max(longest);

/** Of a query: in digits alone. Not all that is a number to JavaScript is one here: 0x10, 1e3, an empty text. */
export function wholeNumber(least: number, most: number) {
  const read = (given: unknown) =>
    typeof given === 'string' && isWholeNumber(given) ? Number(given) : given;
  return z.preprocess(read, z.number().int().min(least).max(most));
}

/** @param longest number of items on a page */
export function pageQuery(longest = 200) {
  return {
    cursor: z.string().max(2048).optional().describe('`next_cursor` of the page before'),
    limit: wholeNumber(1, longest).default(50).describe('How many at the most; a page may hold fewer'),
  };
}

/** @param item a schema with a name of its own */
export function page<T extends z.ZodType>(item: T) {
  return z.strictObject({
    items: z.array(item),
    next_cursor: z.string().nullable().describe('For the next page; null at the end'),
  });
}

export function list<T extends z.ZodType>(item: T) {
  return z.strictObject({ items: z.array(item) });
}

export const rowProblem = z
  .strictObject({
    type: z.string().describe('The kind of problem, as the last part of its `type` address'),
    detail: z.string(),
    errors: z.array(z.strictObject({ pointer: z.string(), detail: z.string() })).optional(),
  })
  .meta({ id: 'RowProblem', description: 'Why one row was refused; the others do not depend on it' });

/** Without what is undefined, so that a field that was left out stays as it is. */
export function given<T extends Record<string, unknown>>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>;
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };
