import { given, objectOf, type RowReader, textOf } from './import-row.ts';

/** A user as `manage.py dumpdata auth.user` has it, also of a model of one's own with the same fields. */
export const readDjangoRow: RowReader = (record) => {
  const fields = objectOf(record.fields);
  if (!fields) return { problem: 'unreadable' };
  if (fields.password === undefined || !/user|account|person/i.test(textOf(record.model) ?? '')) {
    return { problem: 'not-an-account' };
  }
  const [first, last] = [textOf(fields.first_name), textOf(fields.last_name)];
  const password = textOf(fields.password);
  // What Django begins with "!" is no password that could be used.
  const passwordHash = password?.startsWith('!') ? undefined : password;
  const username = textOf(fields.username);
  return {
    email: textOf(fields.email) ?? (username?.includes('@') ? username : ''),
    emailVerified: false,
    status: fields.is_active === false ? 'disabled' : 'active',
    profile: given({
      name: [first, last].filter(Boolean).join(' ') || undefined,
      given_name: first,
      family_name: last,
      preferred_username: username,
    }),
    ...(passwordHash === undefined ? {} : { passwordHash }),
  };
};
