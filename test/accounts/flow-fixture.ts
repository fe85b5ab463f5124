import { expect } from 'chai';
import { createAccountFlows } from '../../src/accounts/account-flows.ts';
import { createAccounts } from '../../src/accounts/accounts.ts';
import { createNewPasswords, type PasswordRule } from '../../src/accounts/new-password.ts';
import { createSignInLimits, defaultRules, type LimitRules } from '../../src/accounts/sign-in-limits.ts';
import { readConfig } from '../../src/config.ts';
import type { Mail } from '../../src/mail/mail.ts';
import type { Store } from '../../src/redis/redis.ts';
import type { Topology } from '../support/redis-topologies.ts';
import { type AccountFixture, interrupted, Killed, openAccounts } from './account-fixture.ts';

export const password = 'correct horse battery staple';

/** What was enqueued on any pod; once for each id, as the outbox does it. */
export function createMailbox() {
  const mails = new Map<string, Mail>();
  let asked = 0;
  return {
    async enqueue(mail: Mail, { id }: { id?: string } = {}): Promise<void> {
      asked += 1;
      if (!mails.has(id ?? `${asked}`)) mails.set(id ?? `${asked}`, mail);
    },
    asked: () => asked,
    all: () => [...mails.values()],
    to: (email: string) => [...mails.values()].filter((mail) => mail.to === email),
    /** The token of the link in the last mail of this kind to this address. */
    token(kind: Mail['kind'], to: string): string {
      const mail = [...mails.values()].filter((one) => one.kind === kind && one.to === to).at(-1);
      const link = mail && 'link' in mail.values ? mail.values.link : undefined;
      if (link === undefined) throw new Error(`no ${kind} was mailed to ${to}`);
      return new URL(link).searchParams.get('token') ?? '';
    },
  };
}

export type Mailbox = ReturnType<typeof createMailbox>;

type Settings = {
  environment?: Record<string, string>;
  passwordRule?: PasswordRule;
  leave?: ((id: string) => Promise<void>)[];
  rules?: Partial<LimitRules>;
};

/** The flows of a pod. @param store another than the pod's, to be killed between two commands */
export function flowsOn(
  pod: AccountFixture,
  mail: Mailbox,
  { environment = {}, passwordRule, leave = [], rules = {} }: Settings = {},
  store: Store = pod.store,
) {
  const { ring, hasher, log } = pod;
  const config = readConfig({
    HOLDFAST_ISSUER: 'https://id.example.com',
    HOLDFAST_KEYS: `test:${Buffer.alloc(32, 7).toString('base64url')}`,
    REDIS_URL: 'redis://unused',
    HOLDFAST_REGISTRATION: 'open',
    ...environment,
  });
  const limits = createSignInLimits({
    store,
    ring,
    config,
    rules: {
      // The tests ask from one address, for more than a person would.
      mailAddress: { ...defaultRules.mailAddress, most: 10_000 },
      mailBlock: { ...defaultRules.mailBlock, most: 10_000 },
      registrationAddress: { ...defaultRules.registrationAddress, most: 10_000 },
      registrationBlock: { ...defaultRules.registrationBlock, most: 10_000 },
      ...rules,
    },
  });
  const accounts = createAccounts({ store, ring, hasher, log, ...(passwordRule && { passwordRule }) });
  const passwords = createNewPasswords({ ring, hasher, check: passwordRule });
  const flows = createAccountFlows({
    store,
    ring,
    accounts,
    passwords,
    limits,
    mail,
    log,
    config,
    leave,
    linkUrl: (purpose, token) => `https://id.example.com/${purpose}?token=${token}`,
    pages: {
      signIn: 'https://id.example.com/sign-in',
      forgotPassword: 'https://id.example.com/forgot-password',
    },
  });
  return { ...flows, limits, accounts };
}

export type Flows = ReturnType<typeof flowsOn>;

/**
 * Two pods on a Redis of their own, for the tests of the `describe` that calls this; each test has a new mailbox.
 * The members are there from the first hook on.
 */
export function usePods(start: () => Promise<Topology>) {
  const pods = {} as {
    first: AccountFixture;
    second: AccountFixture;
    mail: Mailbox;
    /** On the first pod, and on the other. */
    flows: Flows;
    other: Flows;
  };
  let topology: Topology;
  before(async () => {
    topology = await start();
    pods.first = await openAccounts(topology.url);
    pods.second = await openAccounts(topology.url, pods.first.prefix);
  });
  beforeEach(() => {
    pods.mail = createMailbox();
    pods.flows = flowsOn(pods.first, pods.mail);
    pods.other = flowsOn(pods.second, pods.mail);
  });
  after(async () => {
    await Promise.all([pods.first?.close(), pods.second?.close()]);
    await topology?.stop();
  });
  return pods;
}

/**
 * Runs a step of a flow again and again on a pod that is killed before its first command, its second, and so on,
 * until it comes through; after each kill `check` looks at what it left. Each round begins with `prepare`.
 * @returns how many kills there were
 */
export async function killEverywhere<Prepared>(
  pod: AccountFixture,
  mail: Mailbox,
  round: {
    settings?: Settings;
    prepare: () => Promise<Prepared>;
    step: (flows: Flows, prepared: Prepared) => Promise<unknown>;
    check: (prepared: Prepared, at: number) => Promise<void>;
  },
): Promise<number> {
  for (let at = 0; ; at++) {
    const prepared = await round.prepare();
    const { store, count } = interrupted(pod.store, at, async () => {
      throw new Killed();
    });
    const error = await round.step(flowsOn(pod, mail, round.settings, store), prepared).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error !== undefined) expect(error).to.be.instanceOf(Killed);
    await round.check(prepared, at);
    if (count() <= at) return at;
  }
}

/** The commands that a step sends, each by name. */
export async function commandsOf(
  pod: AccountFixture,
  mail: Mailbox,
  step: (flows: Flows) => Promise<unknown>,
  settings: Settings = {},
): Promise<string[]> {
  const { store, sent } = interrupted(pod.store, -1, async () => {});
  await step(flowsOn(pod, mail, settings, store));
  return sent.map(({ command }) => command);
}
