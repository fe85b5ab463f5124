import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import { readAuth0Row } from './import-auth0.ts';
import { readDjangoRow } from './import-django.ts';
import { type FirebaseHashParameters, readFirebaseRow } from './import-firebase.ts';
import { readCsvRow, readHoldfastRow } from './import-holdfast.ts';
import { type FoundRecord, readJsonRecords } from './import-json.ts';
import { readKeycloakRow } from './import-keycloak.ts';
import type { ImportRow, RowProblem, RowReader } from './import-row.ts';

export const importFormats = ['holdfast', 'keycloak', 'auth0', 'firebase', 'django', 'csv'] as const;
export type ImportFormat = (typeof importFormats)[number];

export type FileRow = { line: number; row: ImportRow | { problem: RowProblem } };

const longestCsvRecord = 1024 * 1024;

/**
 * The accounts in a file, read as they are asked for.
 * @param options firebase: without it accounts of Firebase with a password have the problem `hash-unknown`
 * @throws Error of the file system when it cannot be read
 */
export async function* readImportFile(
  path: string,
  format: ImportFormat,
  options: { firebase?: FirebaseHashParameters | undefined } = {},
): AsyncGenerator<FileRow> {
  const readers: Record<ImportFormat, RowReader> = {
    holdfast: readHoldfastRow,
    keycloak: readKeycloakRow,
    auth0: readAuth0Row,
    firebase: readFirebaseRow(options.firebase),
    django: readDjangoRow,
    csv: readCsvRow,
  };
  const read = readers[format];
  const records = format === 'csv' ? readCsvRecords(path) : readJsonRecords(createReadStream(path, 'utf8'));
  for await (const { line, record } of records) {
    yield { line, row: record ? read(record) : { problem: 'unreadable' } };
  }
}

async function* readCsvRecords(path: string): AsyncGenerator<FoundRecord> {
  const parser = createReadStream(path).pipe(
    parse({
      ...{ bom: true, columns: true, info: true, trim: true },
      ...{ skip_empty_lines: true, max_record_size: longestCsvRecord },
    }),
  );
  const source = parser[Symbol.asyncIterator]();
  let line = 1;
  for (;;) {
    try {
      const next = await source.next();
      if (next.done) return;
      line = next.value.info.lines;
      yield { line, record: next.value.record };
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || !String(error.code).startsWith('CSV_'))
        throw error;
      // Columns that do not fit, or a quote without an end: what follows could be read wrongly.
      yield { line: line + 1, record: undefined };
      return;
    }
  }
}
