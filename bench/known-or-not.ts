/**
 * `npm run bench:known-or-not`: whether the time of an answer tells if an address has an account. Sends the same
 * request for a known and an unknown address in turns, 500 times each, and compares the two with Welch's t. A value
 * beyond 3 would be a difference that an observer sees; the noise of this machine is in the spread.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { startSmtp } from '../test/mail/smtp-fixture.ts';
import { authorizationRequest, formOf, type Person } from '../test/support/person.ts';
import { clients, startProvider, type TestProvider } from '../test/support/provider.ts';
import { startStandalone } from '../test/support/redis-topologies.ts';

const pairs = 500;
/** Below what one account may be tried before it has to wait. */
const perAccount = 4;

const redis = await startStandalone({ appendOnly: false });
const smtp = await startSmtp();
const provider = await startProvider(redis.url, 1, {
  HOLDFAST_SMTP_URL: `smtp://127.0.0.1:${smtp.port}`,
  HOLDFAST_MAIL_FROM: 'Holdfast <id@example.com>',
  HOLDFAST_REGISTRATION: 'open',
  HOLDFAST_ADDRESS_LIMIT_FACTOR: '1000',
  HOLDFAST_SIGN_IN_FAILURES_PER_MINUTE: '1000000',
});
try {
  for (let i = 0; i * perAccount < pairs; i++) {
    for (const prefix of ['', 'more-']) {
      const email = `${prefix}known-${i}@example.com`;
      const password = 'correct horse battery staple';
      await provider.parts.accounts.create({ email, emailVerified: true, password });
    }
  }
  await compare('sign-in', signIn);
  await compare('forgotten password', forgotPassword);
  await compare('registration', register);
} finally {
  await provider.stop();
  await smtp.stop();
  await redis.stop();
}

async function compare(what: string, ask: (provider: TestProvider, email: string) => Promise<number>) {
  const times: Record<'known' | 'unknown', number[]> = { known: [], unknown: [] };
  for (let i = 0; i < pairs; i++) {
    const order = i % 2 === 0 ? (['known', 'unknown'] as const) : (['unknown', 'known'] as const);
    for (const kind of order) {
      times[kind].push(await ask(provider, `${kind}-${Math.floor(i / perAccount)}@example.com`));
    }
    if (i % 100 === 99) process.stderr.write(`${what}: ${i + 1} of ${pairs}\n`);
  }
  const [known, unknown] = [spread(times.known), spread(times.unknown)];
  const t = (known.mean - unknown.mean) / Math.sqrt(known.variance / pairs + unknown.variance / pairs);
  process.stdout.write(
    `${what}: known ${known.median.toFixed(2)} ms, unknown ${unknown.median.toFixed(2)} ms (medians), t ${t.toFixed(2)}\n`,
  );
}

/** The tenth that took longest is left out: the machine does other things too. */
function spread(times: number[]) {
  const sorted = [...times].sort((a, b) => a - b).slice(0, Math.floor(times.length * 0.9));
  const mean = sorted.reduce((sum, one) => sum + one, 0) / sorted.length;
  const variance = sorted.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (sorted.length - 1);
  return { mean, variance, median: sorted[Math.floor(sorted.length / 2)] ?? 0 };
}

async function timed(work: () => Promise<{ status: number }>, expected: number): Promise<number> {
  const started = performance.now();
  const { status } = await work();
  const took = performance.now() - started;
  if (status !== expected) throw new Error(`answered ${status}`);
  // What goes on behind the answer must not be measured with the next one.
  await pause(3);
  return took;
}

async function signIn({ person }: TestProvider, email: string): Promise<number> {
  const browser = person();
  const started = await browser.request(authorizationRequest(clients.first).path);
  const { action, fields } = formOf((await browser.request(started.location ?? '')).body);
  const form = { ...fields, email, password: 'not the password of anybody', decision: 'sign-in' };
  return timed(() => browser.request(action, { form }), 400);
}

async function post(browser: Person, path: string, values: Record<string, string>): Promise<number> {
  const { action, fields } = formOf((await browser.request(path)).body);
  return timed(() => browser.request(action, { form: { ...fields, ...values } }), 303);
}

function forgotPassword({ person }: TestProvider, email: string): Promise<number> {
  return post(person(), '/forgot-password', { email });
}

/** To other addresses, since few mails go to one in an hour. */
function register({ person }: TestProvider, email: string): Promise<number> {
  const password = 'seven lanterns under violet rain';
  return post(person(), '/register', { email: `more-${email}`, password });
}
