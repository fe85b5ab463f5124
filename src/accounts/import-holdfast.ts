import { readDeclaredHash } from './import-declared-hash.ts';
import { isTrue, objectOf, type RowReader, textOf } from './import-row.ts';

/**
 * What `account export` writes, and what others may write for us: standard claims under their own names, and
 * `password_hash` or `password_digest` (see import-declared-hash.ts).
 */
export const readHoldfastRow: RowReader = (record) => {
  const digest = objectOf(record.password_digest);
  const declared = digest && readDeclaredHash(digest);
  if (digest && declared === undefined) return { problem: 'hash-unknown' };
  const terms = objectOf(record.terms);
  const version = textOf(terms?.version);
  const acceptedAt = Number(terms?.accepted_at) * 1000;
  const id = textOf(record.id);
  const passwordHash = declared ?? textOf(record.password_hash);
  return {
    ...(id === undefined ? {} : { id }),
    email: textOf(record.email) ?? '',
    emailVerified: isTrue(record.email_verified),
    status: record.status === 'disabled' ? 'disabled' : 'active',
    profile: record,
    ...(passwordHash === undefined ? {} : { passwordHash }),
    ...(version === undefined || Number.isNaN(acceptedAt) ? {} : { terms: { version, acceptedAt } }),
  };
};

/**
 * A table with the same names as columns. A hash in parts stands in `hash_algorithm`, `hash`, `hash_encoding`,
 * `salt`, `salt_encoding`, `salt_position`, and for PBKDF2 `iterations` and `hash_digest`.
 */
export const readCsvRow: RowReader = (record): ReturnType<RowReader> => {
  const algorithm = textOf(record.hash_algorithm);
  if (algorithm === undefined) return readHoldfastRow({ ...record, password_digest: undefined });
  const part = (prefix: string, value: unknown) => ({
    value,
    ...(textOf(record[`${prefix}_encoding`]) && { encoding: record[`${prefix}_encoding`] }),
  });
  const salt = textOf(record.salt) && { ...part('salt', record.salt), position: record.salt_position };
  const digest = {
    ...{ algorithm, hash: part('hash', record.hash), iterations: record.iterations },
    ...(textOf(record.hash_digest) && { digest: record.hash_digest }),
    ...(salt && { salt }),
  };
  return readHoldfastRow({ ...record, password_digest: digest });
};
