import type { PasswordProblem, ProfileField } from '../accounts/accounts.ts';
import type { PasswordReason } from '../accounts/new-password.ts';
import { changed, notFound, type Refused, refused, unfit } from './outcome.ts';

const weaknesses: Record<PasswordReason, string> = {
  'password-too-common': 'This password is among those that are tried first, or made of them.',
  'password-like-yours':
    'This password is made of the e-mail address, the name, or the name of this service.',
  'password-repeats': 'This password repeats itself.',
  'password-pattern': 'This password follows a pattern, as on a keyboard or in the alphabet.',
  'password-breached':
    'This password was stolen somewhere before, and is on the lists of those who guess. Choose another one.',
};

const webAddress = 'Give a web address, such as https://example.com/ada.';
const fieldHints: Partial<Record<ProfileField, string>> = {
  birthdate: 'Give a date such as 1985-03-21, or only a year.',
  zoneinfo: 'Give a time zone such as Europe/Berlin.',
  locale: 'Give a language such as en or de-AT.',
  profile: webAddress,
  picture: webAddress,
  website: webAddress,
};

/** What can be wrong with an account that is made or changed. */
export type AccountProblem =
  | { ok: false; problem: 'not-found' | 'changed' | 'email-invalid' | 'email-taken' | 'last-owner' }
  | { ok: false; problem: 'profile-invalid'; fields: ProfileField[] }
  | PasswordProblem;

export function explainAccountProblem(outcome: AccountProblem): Refused {
  switch (outcome.problem) {
    case 'not-found':
      return notFound('account');
    case 'changed':
      return changed('account');
    case 'email-invalid':
      return unfit([{ path: 'email', message: 'This is not an e-mail address.' }]);
    case 'email-taken':
      return refused('conflict', 'There is an account with this e-mail address already.', [
        { path: 'email', message: 'There is an account with this e-mail address already.' },
      ]);
    case 'last-owner':
      return lastOwner;
    case 'profile-invalid':
      return unfit(
        outcome.fields.map((path) => ({
          path,
          message: fieldHints[path] ?? 'Give 1 to 200 characters, without line breaks.',
        })),
      );
    case 'password-too-short':
      return password(`Use at least ${outcome.minimumLength} characters, such as a few words.`);
    case 'password-too-long':
      return password(`Use at most ${outcome.maximumLength} characters.`);
    case 'password-weak':
      return password(weaknesses[outcome.reason]);
  }
}

const lastOwner = refused(
  'conflict',
  'This is the last owner. Make somebody else an owner first: without one, nobody could administer everything.',
);

function password(message: string): Refused {
  return unfit([{ path: 'password', message }]);
}
