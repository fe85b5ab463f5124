import type { AccountStatus } from './account-record.ts';

/** An account as another system tells of it, whatever its own words for that are. */
export type ImportRow = {
  /** Of an account that Holdfast itself exported; otherwise one is made up from the e-mail address. */
  id?: string;
  email: string;
  emailVerified: boolean;
  status: AccountStatus;
  /** Standard claims; values that do not fit are left out. */
  profile: Record<string, unknown>;
  /** As `adoptHash` takes it. */
  passwordHash?: string;
  terms?: { version: string; acceptedAt: number };
};

export type RowProblem =
  /** Not of the format, or cut off. */
  | 'unreadable'
  /** Of the format, but not a person: another model of a Django dump, say. */
  | 'not-an-account'
  /** The format names a hash, but what it says of it makes none. */
  | 'hash-unknown';

export type RowReader = (record: Record<string, unknown>) => ImportRow | { problem: RowProblem };

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** As JSON and CSV have it. */
export function isTrue(value: unknown): boolean {
  return value === true || value === 1 || (typeof value === 'string' && /^(true|1|yes)$/i.test(value));
}

/** The fields that are set. */
export function given(fields: { [name: string]: string | undefined }): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
