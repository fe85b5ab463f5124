import type { Config } from '../config.ts';
import { openSmtp } from '../mail/mail.ts';
import { about, type Finding } from './finding.ts';

/** Whether the SMTP server takes our name and password; sends nothing. */
export async function checkMail({ mail }: Pick<Config, 'mail'>): Promise<Finding> {
  const { ok, warning, fault } = about('Mail');
  if (mail.areShown) return ok('mails are shown at /local/mails, and not sent');
  if (!mail.smtp || !mail.from) {
    return warning(
      'none is sent: nobody can confirm an address or get a new password by themselves',
      'set HOLDFAST_SMTP_URL and HOLDFAST_MAIL_FROM',
    );
  }
  const { host, port } = mail.smtp;
  const smtp = openSmtp(mail.smtp, mail.from, { connections: 1, allowPlain: mail.allowPlainSmtp });
  try {
    const tried = await smtp.verify();
    if (tried.ok) return ok(`${host}:${port} takes mails from ${mail.from.address}`);
    return fault(
      `${host}:${port} does not (${tried.why})`,
      'look at host, port, user and password in HOLDFAST_SMTP_URL, at its certificate, and whether the network lets it through',
    );
  } finally {
    smtp.close();
  }
}
