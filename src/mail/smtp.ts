/** The connection to the SMTP server, and what its refusals mean. The only user of nodemailer. */
import { isIP } from 'node:net';
import { createTransport } from 'nodemailer';
import type { Config } from '../config.ts';
import type { ComposedMail } from './compose.ts';

export type SmtpServer = NonNullable<Config['mail']['smtp']>;
export type Sender = NonNullable<Config['mail']['from']>;

/**
 * `hopeless`: the server knows that there is no such recipient, another try is no use. `why` is for logs and
 * records: codes alone, since what servers answer in words often has the address in it.
 */
export type Sent = { ok: true } | { ok: false; hopeless: boolean; why: string };

export type Smtp = {
  /**
   * Resolves when the server has taken the mail or will not; never throws.
   * @param id makes the Message-ID, the same at each try @param at ms since the epoch, the mail's date
   */
  send(mail: ComposedMail, id: string, at: number): Promise<Sent>;
  /** Whether the server can be reached, and takes our name and password. Sends nothing. */
  verify(): Promise<Sent>;
  close(): void;
};

const connectMs = 10_000;
// RFC 5321 4.5.3.2 would have us wait for ten minutes; a lease is held on to for as long as this takes.
const silenceMs = 120_000;
const idleMs = 30_000;

/** @param connections mails that may be on their way at once */
export function openSmtp(
  server: SmtpServer,
  from: Sender,
  options: { connections: number; allowPlain: boolean },
): Smtp {
  const isNear = isLoopback(server.host);
  const transport = createTransport({
    pool: true,
    host: server.host,
    port: server.port,
    secure: server.isSecure,
    requireTLS: !server.isSecure && !isNear && !options.allowPlain,
    ...(server.user === '' ? {} : { auth: { user: server.user, pass: server.password } }),
    // On loopback nobody is in between, and the certificate there is seldom made out to that name.
    tls: { minVersion: 'TLSv1.2', rejectUnauthorized: !isNear },
    maxConnections: options.connections,
    maxRequeues: 1,
    idleTimeout: idleMs,
    connectionTimeout: connectMs,
    greetingTimeout: connectMs,
    socketTimeout: silenceMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  // Of an idle connection; whatever befalls a mail comes back from its sending.
  transport.on('error', () => {});
  const domain = from.address.slice(from.address.lastIndexOf('@') + 1);

  return {
    async send(mail, id, at) {
      try {
        await transport.sendMail({
          from,
          to: { name: '', address: mail.to },
          envelope: { from: from.address, to: [mail.to] },
          messageId: `<${id}@${domain}>`,
          date: new Date(at),
          subject: mail.subject,
          text: mail.text,
          html: mail.html,
          headers: {
            // RFC 3834: no out-of-office answers, please; the second is what Exchange listens to.
            'Auto-Submitted': 'auto-generated',
            'X-Auto-Response-Suppress': 'All',
            'Content-Language': mail.language,
          },
        });
        return { ok: true };
      } catch (error) {
        return refusalOf(error);
      }
    },
    async verify() {
      try {
        await transport.verify();
        return { ok: true };
      } catch (error) {
        return refusalOf(error);
      }
    },
    close: () => transport.close(),
  };
}

type SmtpError = {
  code?: string;
  originalCode?: string;
  responseCode?: number;
  response?: string;
  command?: string;
};

/**
 * Only a refusal of the recipient is final. One of the sender, of our password or of the content is a matter
 * between us and the server that somebody may yet put right, and so is a policy against us that is told at the
 * recipient (enhanced status x.7.x, RFC 3463).
 */
export function refusalOf(error: unknown): Sent & { ok: false } {
  const { code, originalCode, responseCode = 0, response = '', command } = error as SmtpError;
  const [, subject = ''] = /^5\d\d[ -]5\.(\d)\.\d/.exec(response) ?? [];
  const isAboutRecipient = subject === '' ? responseCode !== 530 : subject === '1' || subject === '2';
  const words = [originalCode ?? code, responseCode || undefined, command];
  return {
    ok: false,
    hopeless: command === 'RCPT TO' && responseCode >= 500 && responseCode < 600 && isAboutRecipient,
    why:
      words.filter((word) => word !== undefined && /^[\w ]{1,40}$/.test(String(word))).join(' ') || 'unknown',
  };
}

function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  if (isIP(host) === 4) return host.startsWith('127.');
  return isIP(host) === 6 && (host === '::1' || /^::ffff:127\./i.test(host));
}
