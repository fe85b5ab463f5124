import type { Locale } from '../../src/locale.ts';
import type { Mail, MailKind, MailValues } from '../../src/mail/mail.ts';

export const link = 'https://id.example.com/do?token=aB3_-x&next=1';
const when = Date.UTC(2031, 4, 6, 7, 8);

/** One of each kind; `satisfies` makes this fail to compile when a kind is missing. */
export const samples = {
  'verify-email': { link, code: '482913' },
  'confirm-new-email': { link },
  'email-changed': { link },
  'reset-password': { link, minutes: 30 },
  'password-changed': { when, where: 'Firefox, Linux' },
  'email-code': { code: '739204', minutes: 10 },
  invitation: { link, inviter: 'Zoë Müller 🪁' },
  'address-already-known': { signInLink: link, resetLink: 'https://id.example.com/forgot' },
  'factor-added': { name: 'مفتاح ليلى', when, where: '203.0.113.7' },
  'factor-removed': { name: '鍵 <b>1</b>', when },
  'new-browser': { when, browser: 'Chromium', place: 'Århus' },
  'account-deleted': {},
  'recovery-code-used': { left: 3 },
} satisfies { [Kind in MailKind]: MailValues[Kind] };

export const kinds = Object.keys(samples) as MailKind[];

export function sample(kind: MailKind, locale: Locale, to = 'ada@example.com'): Mail {
  return { kind, to, locale, values: samples[kind] } as Mail;
}
