import { expect } from 'chai';
import { startSmtp, type TestSmtp } from '../mail/smtp-fixture.ts';
import { formOf, type Person, type Reply } from '../support/person.ts';
import { startPod } from '../support/pods.ts';
import { startProvider, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

export const password = 'seven lanterns under violet rain';
export const otherPassword = 'a quiet harbour keeps nine boats';
export const terms = { url: 'https://id.example/terms', version: '2026-11' };

/** Three pods on one Redis, whose mails go to a real SMTP server. */
export type AccountPages = {
  provider: TestProvider;
  smtp: TestSmtp;
  settings: Record<string, string>;
  /** The link in the first mail to this person, or in the one with this number, once it is there. */
  link(to: string, number?: number): Promise<string>;
  /** Another pod on the same Redis. */
  startPod(environment?: Record<string, string>): ReturnType<typeof startPod>;
  /** Looks through all that the pods have logged for what must not be there, and ends everything. */
  stop(): Promise<void>;
};

export async function startAccountPages(): Promise<AccountPages> {
  const [redis, smtp]: [Topology, TestSmtp] = await Promise.all([
    startStandalone({ appendOnly: false }),
    startSmtp(),
  ]);
  const settings = {
    HOLDFAST_SMTP_URL: `smtp://127.0.0.1:${smtp.port}`,
    HOLDFAST_MAIL_FROM: 'Holdfast <id@example.com>',
    HOLDFAST_REGISTRATION: 'open',
    HOLDFAST_TERMS_URL: terms.url,
    HOLDFAST_TERMS_VERSION: terms.version,
    HOLDFAST_ADDRESS_LIMIT_FACTOR: '1000',
    HOLDFAST_LOG_LEVEL: 'debug',
  };
  const provider = await startProvider(redis.url, 3, settings);
  const pods = [...provider.pods];
  const secrets = new Set([password, otherPassword]);

  return {
    provider,
    smtp,
    settings,
    async link(to, number = 1) {
      const mails = () => smtp.received.filter((mail) => mail.to.includes(to));
      await smtp.until(() => mails().length >= number);
      const link = /https?:\/\/\S+token=([\w.-]+)/.exec(mails()[number - 1]?.email.text ?? '');
      if (!link) throw new Error(`no link was mailed to ${to}`);
      secrets.add(link[1] ?? '');
      return link[0];
    },
    async startPod(environment = {}) {
      const { issuer } = provider;
      const pod = await startPod({
        name: `pod-${pods.length}`,
        issuer,
        redisUrl: redis.url,
        environment: { ...settings, ...environment },
      });
      pods.push(pod);
      return pod;
    },
    async stop() {
      await Promise.all(pods.map((pod) => pod.kill('SIGKILL')));
      await provider.stop();
      await smtp.stop();
      await redis.stop();
      const log = pods.map((pod) => pod.log()).join('\n');
      expect(log).to.include('"msg":"request"');
      for (const secret of secrets) expect(log.includes(secret), 'a secret is in the log').to.equal(false);
      expect(log).to.not.match(/"level":(50|60|"error"|"fatal")/);
    },
  };
}

/** Follows redirects within the provider. */
export async function follow(person: Person, reply: Reply): Promise<Reply> {
  let last = reply;
  for (let hop = 0; hop < 10 && last.location?.startsWith('/'); hop++) {
    expect(last.status).to.equal(303);
    last = await person.request(last.location);
  }
  return last;
}

/** Sends the form of a page, and gives the answer as it is. */
export async function send(
  person: Person,
  page: Reply,
  values: Record<string, string> = {},
  options: { pod?: number } = {},
): Promise<Reply> {
  const { action, fields } = formOf(page.body);
  return person.request(action, { form: { ...fields, ...values }, ...options });
}

/** What a person does whose request broke off: sends it again, and meets another pod. */
export async function sendAgain(
  person: Person,
  page: Reply,
  values: Record<string, string> = {},
): Promise<{ reply: Reply; brokeOff: number }> {
  for (let brokeOff = 0; ; brokeOff++) {
    try {
      return { reply: await send(person, page, values), brokeOff };
    } catch (error) {
      if (brokeOff >= 4) throw error;
    }
  }
}

export function titleOf(page: Reply): string {
  return /<h1>([^<]*)<\/h1>/.exec(page.body)?.[1] ?? '';
}

/** The problems that a page tells, as it tells them. */
export function problemsOf(page: Reply): string[] {
  const [notice = ''] = /<div class="notice notice-danger"[\s\S]*?<\/div>\s*<\/div>/.exec(page.body) ?? [];
  return [...notice.matchAll(/<p[^>]*>([\s\S]*?)<\/p>/g)].map(([, text = '']) =>
    text
      .replace(/<[^>]*>/g, '')
      .replace(/\s+/g, ' ')
      .trim(),
  );
}
