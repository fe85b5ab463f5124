import type { Locale } from '../locale.ts';

/**
 * The mails that there are, with what each one says. `link`s are absolute and open a page of ours; `when` is in
 * milliseconds since the epoch; `minutes` says for how long a link or code works. Names, places and browsers are
 * plain text, whoever made it up.
 */
export type MailValues = {
  /** With a code it may also be typed in where the person registered. */
  'verify-email': { link: string; code?: string };
  'confirm-new-email': { link: string };
  /** To the address that the account had; `link` undoes it, for 7 days. */
  'email-changed': { link: string };
  'reset-password': { link: string; minutes: number };
  'password-changed': { when: number; where?: string };
  'email-code': { code: string; minutes: number };
  invitation: { link: string; inviter: string };
  /** Somebody wanted to register with an address that has an account. */
  'address-already-known': { signInLink: string; resetLink: string };
  'factor-added': { name: string; when: number; where?: string };
  'factor-removed': { name: string; when: number; where?: string };
  'new-browser': { when: number; browser: string; place?: string };
  'account-deleted': Record<string, never>;
  /** `left` is the number of codes that still work. */
  'recovery-code-used': { left: number };
};

export type MailKind = keyof MailValues;

/** A mail to be composed: which one, to whom, in which language, with what in it. */
export type Mail = {
  [Kind in MailKind]: { kind: Kind; to: string; locale: Locale; values: MailValues[Kind] };
}[MailKind];

/** What a mail has besides the texts that every one has; see views/mail. */
export type MailContent = {
  /** Where there is another text than `<kind>.text`, its key. */
  textKey?: string;
  /** For the texts. */
  words?: Record<string, string>;
  /** How many minutes, or how many are left: words whose form goes by the number. */
  counts?: { minutes?: number; left?: number };
  details?: {
    label: 'when' | 'where' | 'browser' | 'place' | 'factor';
    value: string | number | undefined;
  }[];
  code?: string;
  /** Of the one button. */
  link?: string;
  /** A second link, beneath the button, under `<kind>.second`. */
  secondLink?: string;
};

type Pages = { account: string; home: string };

/** @param pages addresses of ours that mails without a link of their own lead to */
export function contentOf(mail: Mail, pages: Pages): MailContent {
  switch (mail.kind) {
    case 'verify-email': {
      const { link, code } = mail.values;
      return code === undefined ? { link } : { link, code, textKey: 'verify-email.text.code' };
    }
    case 'confirm-new-email':
    case 'email-changed':
      return { link: mail.values.link };
    case 'reset-password':
      return { link: mail.values.link, counts: { minutes: mail.values.minutes } };
    case 'password-changed':
      return { link: pages.account, details: whenAndWhere(mail.values) };
    case 'email-code':
      return { code: mail.values.code, counts: { minutes: mail.values.minutes } };
    case 'invitation':
      return { link: mail.values.link, words: { inviter: mail.values.inviter } };
    case 'address-already-known':
      return { link: mail.values.signInLink, secondLink: mail.values.resetLink };
    case 'factor-added':
    case 'factor-removed':
      return {
        link: pages.account,
        details: [{ label: 'factor', value: mail.values.name }, ...whenAndWhere(mail.values)],
      };
    case 'new-browser':
      return {
        link: pages.account,
        details: [
          { label: 'when', value: mail.values.when },
          { label: 'browser', value: mail.values.browser },
          { label: 'place', value: mail.values.place },
        ],
      };
    case 'account-deleted':
      return { link: pages.home };
    case 'recovery-code-used':
      return { link: pages.account, counts: { left: mail.values.left } };
    default:
      // Enqueued by a pod of a later version: such a one will come and take it.
      throw new Error(`there is no mail of the kind "${(mail as { kind: string }).kind}"`);
  }
}

function whenAndWhere(values: { when: number; where?: string }): NonNullable<MailContent['details']> {
  return [
    { label: 'when', value: values.when },
    { label: 'where', value: values.where },
  ];
}
