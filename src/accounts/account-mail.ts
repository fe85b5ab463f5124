import { chooseLocale, type Locale } from '../locale.ts';
import type { Mails } from '../mail/mail.ts';

/** The way into the outbox. */
export type Mailer = Pick<Mails, 'enqueue'>;

/** The language of mails to this account: its choice, else English. */
export function localeOf(account: { locale?: string | undefined }): Locale {
  return chooseLocale(account.locale === undefined ? {} : { uiLocales: account.locale });
}
