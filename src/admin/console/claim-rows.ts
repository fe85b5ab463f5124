import type { ClaimValues, Fault } from '../../access/access.ts';
import { linesOf } from './client-fields.ts';
import { manyField } from './console-route.ts';

/**
 * Claims as rows of a form: a name, a type and a value each, without script. A few rows are empty, for more; one whose
 * name is taken away goes.
 */
export type ClaimRow = { name: string; type: ClaimType; value: string };

export const claimTypes = ['text', 'number', 'boolean', 'list'] as const;
export type ClaimType = (typeof claimTypes)[number];

const emptyRows = 3;

export const claimFields = { 'claim-name': manyField, 'claim-type': manyField, 'claim-value': manyField };
type Entered = Record<keyof typeof claimFields, string[]>;

export function claimRows(claims: ClaimValues): ClaimRow[] {
  return withEmpty(
    Object.entries(claims).map(([name, value]) => ({ name, type: typeOf(value), value: textOf(value) })),
  );
}

/** What was entered, to be shown again. */
export function enteredRows(entered: Entered): ClaimRow[] {
  return withEmpty(filled(entered));
}

/** @returns faults where a value is none of its type, or a name comes twice */
export function claimsIn(entered: Entered): { claims: ClaimValues; faults: Fault[] } {
  const claims: ClaimValues = {};
  const faults: Fault[] = [];
  for (const { name, type, value } of filled(entered)) {
    const read = readAs(type, value);
    const path = `claims.${name.slice(0, 120)}`;
    if (Object.hasOwn(claims, name)) faults.push({ path, message: 'It is there twice.' });
    else if (read === undefined) faults.push({ path, message: `This is not ${wordFor[type]}.` });
    // A name such as __proto__ is an entry like any other, and refused as such.
    else
      Object.defineProperty(claims, name, {
        value: read,
        enumerable: true,
        configurable: true,
        writable: true,
      });
  }
  return { claims, faults };
}

const wordFor: Record<ClaimType, string> = {
  text: 'a text',
  number: 'a number',
  boolean: 'yes or no',
  list: 'a list',
};

function filled(entered: Entered): ClaimRow[] {
  return entered['claim-name']
    .map((name, at) => ({
      name: name.trim(),
      type: claimTypes.find((one) => one === entered['claim-type'][at]) ?? 'text',
      value: (entered['claim-value'][at] ?? '').trim(),
    }))
    .filter(({ name }) => name !== '');
}

function withEmpty(rows: ClaimRow[]): ClaimRow[] {
  return [
    ...rows,
    ...Array.from({ length: emptyRows }, () => ({ name: '', type: 'text' as const, value: '' })),
  ];
}

function typeOf(value: ClaimValues[string]): ClaimType {
  if (Array.isArray(value)) return 'list';
  return typeof value === 'string' ? 'text' : (typeof value as 'number' | 'boolean');
}

function textOf(value: ClaimValues[string]): string {
  if (Array.isArray(value)) return value.join('\n');
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
}

function readAs(type: ClaimType, value: string): ClaimValues[string] | undefined {
  switch (type) {
    case 'text':
      return value;
    case 'number':
      return value !== '' && Number.isFinite(Number(value)) ? Number(value) : undefined;
    case 'boolean':
      if (/^(yes|true|ja)$/i.test(value)) return true;
      return /^(no|false|nein)$/i.test(value) ? false : undefined;
    case 'list':
      return linesOf(value);
  }
}
