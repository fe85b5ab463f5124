import { formatFirebaseScrypt } from './foreign-hashes/foreign-hashes.ts';
import { given, isTrue, type RowReader, textOf } from './import-row.ts';

/** Of a project, as its console shows it; the two texts are base64. */
export type FirebaseHashParameters = {
  signerKey: string;
  saltSeparator: string;
  rounds: number;
  memoryCost: number;
};

/** @param text as the console shows it, or the same names in JSON; undefined when something is missing */
export function parseFirebaseHashParameters(text: string): FirebaseHashParameters | undefined {
  const value = (name: string, form: string) =>
    new RegExp(`"?${name}"?\\s*[:=]\\s*"?(${form})`).exec(text)?.[1];
  const signerKey = value('base64_signer_key', '[A-Za-z0-9+/_=-]+');
  const saltSeparator = value('base64_salt_separator', '[A-Za-z0-9+/_=-]*');
  const rounds = Number(value('rounds', '\\d+'));
  const memoryCost = Number(value('mem_cost', '\\d+'));
  if (signerKey === undefined || !(rounds > 0) || !(memoryCost > 0)) return undefined;
  return { signerKey, saltSeparator: saltSeparator ?? '', rounds, memoryCost };
}

/** A user as `firebase auth:export` has it, in the list `users`. */
export function readFirebaseRow(parameters: FirebaseHashParameters | undefined): RowReader {
  return (record) => {
    const [hash, salt] = [textOf(record.passwordHash), textOf(record.salt)];
    // Accounts of other providers and of phone numbers have none.
    if (hash !== undefined && !parameters) return { problem: 'hash-unknown' };
    const passwordHash =
      hash === undefined || !parameters
        ? undefined
        : formatFirebaseScrypt(parameters, { salt: salt ?? '', passwordHash: hash });
    return {
      email: textOf(record.email) ?? '',
      emailVerified: isTrue(record.emailVerified),
      status: isTrue(record.disabled) ? 'disabled' : 'active',
      profile: given({ name: textOf(record.displayName), picture: textOf(record.photoUrl) }),
      ...(passwordHash === undefined ? {} : { passwordHash }),
    };
  };
}
