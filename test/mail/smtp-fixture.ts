import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

/** A mail as a real SMTP server got it. */
export type Received = { from: string; to: string[]; raw: string; email: Email; isEncrypted: boolean };

export type TestSmtp = {
  port: number;
  received: Received[];
  /** Resolves when this holds for what was received. */
  until(condition: (received: Received[]) => boolean): Promise<void>;
  stop(): Promise<void>;
};

/**
 * @param options.refuse answers a recipient with this SMTP error, such as "550 5.1.1 No such user"
 * @param options.beforeTaking runs when the whole mail is there, before the server says that it has it
 */
export async function startSmtp(
  options: {
    port?: number;
    refuse?: (address: string) => string | undefined;
    beforeTaking?: (mail: Received) => Promise<void> | void;
    server?: SMTPServerOptions;
  } = {},
): Promise<TestSmtp> {
  const received: Received[] = [];
  let changed = () => {};
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    closeTimeout: 200,
    onRcptTo(address, _session, answer) {
      const refusal = options.refuse?.(address.address);
      if (!refusal) return answer();
      const error = new Error(refusal.slice(4));
      answer(Object.assign(error, { responseCode: Number(refusal.slice(0, 3)) }));
    },
    onData(stream, session, answer) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', async () => {
        const bytes = Buffer.concat(chunks);
        const { mailFrom, rcptTo } = session.envelope;
        const mail: Received = {
          from: mailFrom ? mailFrom.address : '',
          to: rcptTo.map(({ address }) => address),
          raw: bytes.toString('latin1'),
          email: await PostalMime.parse(bytes),
          isEncrypted: session.secure === true,
        };
        await options.beforeTaking?.(mail);
        received.push(mail);
        changed();
        answer();
      });
    },
    ...options.server,
  });
  // What a killed client leaves behind.
  server.on('error', () => {});
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server.server, 'listening');
  return {
    port: (server.server.address() as AddressInfo).port,
    received,
    async until(condition) {
      while (!condition(received)) {
        await new Promise<void>((resolve) => {
          changed = resolve;
        });
      }
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
