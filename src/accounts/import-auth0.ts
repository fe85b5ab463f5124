import { readDeclaredHash } from './import-declared-hash.ts';
import { given, isTrue, objectOf, type RowReader, textOf } from './import-row.ts';

/** A user as Auth0's export with password hashes has it, or as its import takes it. */
export const readAuth0Row: RowReader = (record) => {
  const custom = objectOf(record.custom_password_hash);
  const declared = custom && readDeclaredHash(custom);
  if (custom && declared === undefined) return { problem: 'hash-unknown' };
  const passwordHash = declared ?? textOf(record.passwordHash) ?? textOf(record.password_hash);
  const metadata = objectOf(record.user_metadata);
  return {
    email: textOf(record.email) ?? '',
    emailVerified: isTrue(record.email_verified),
    status: isTrue(record.blocked) ? 'disabled' : 'active',
    profile: given({
      name: textOf(record.name),
      given_name: textOf(record.given_name),
      family_name: textOf(record.family_name),
      nickname: textOf(record.nickname),
      preferred_username: textOf(record.username),
      picture: textOf(record.picture),
      locale: textOf(record.locale) ?? textOf(metadata?.locale),
    }),
    ...(passwordHash === undefined ? {} : { passwordHash }),
  };
};
