import type { Context } from 'koa';
import type { AccountFlows } from '../accounts/account-flows.ts';
import type { Account, Accounts } from '../accounts/accounts.ts';
import {
  decideFactors,
  enrolledFrom,
  type Fact,
  type FactMethod,
  type PolicyInput,
} from '../accounts/factor-policy.ts';
import type { Factor, Factors } from '../accounts/factors.ts';
import type { KnownBrowsers } from '../accounts/known-browsers.ts';
import { meetsAcr, twoFactors } from '../acr.ts';
import { nowMs } from '../clock.ts';
import { Unavailable } from '../errors.ts';
import type { Reply } from '../http/route.ts';
import { upstreamSecret } from '../http/upstream-cookie.ts';
import type { Mails } from '../mail/mail.ts';
import type { Interactions, PendingInteraction } from '../oidc/oidc.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { type BrowserCookies, browserCookies } from './sign-in-cookies.ts';
import type { SignInEvents } from './sign-in-events.ts';
import type { SignInNotices } from './sign-in-notices.ts';
import { readProgress, type SignInProgress, withFact } from './sign-in-progress.ts';

/**
 * The one dispatcher of a sign-in. Every step adds a fact and comes back here; what is asked next follows from the
 * facts alone, so no step can be left out by opening a later page, and any pod goes on where another was killed.
 */
export type SignInStep =
  /** Nothing was proved yet. */
  | { step: 'login' }
  /** One of these is to be proved. */
  | { step: 'factor'; account: Account; methods: FactMethod[]; mayTrust: boolean }
  /** One of these is to be set up, since it is needed and the account has none. */
  | { step: 'enrol'; account: Account; kinds: ('passkey' | 'totp')[] }
  | { step: 'recovery-codes'; account: Account; codes: string[] }
  /** The password was right once more. */
  | { step: 'new-password'; account: Account }
  | { step: 'terms'; account: Account; terms: { url: string; version: string } }
  | Done;

type Done = {
  step: 'done';
  account: Account;
  amr: string[];
  acr: string;
  isTrusted: boolean;
  isWaived: boolean;
};

export type SignIn = {
  progress(pending: PendingInteraction): Promise<SignInProgress | undefined>;
  /** What is to be shown now. */
  step(ctx: Context, pending: PendingInteraction, progress: SignInProgress | undefined): Promise<SignInStep>;
  /** Adds a fact, and goes on: to the next page, or to the client. */
  prove(
    ctx: Context,
    pending: PendingInteraction,
    account: Account,
    method: FactMethod,
    options?: {
      remember?: boolean;
      trust?: boolean;
      /** Those of the account, where they are read already. */
      factors?: Promise<Factor[]> | undefined;
    },
  ): Promise<Reply>;
  /** Goes on with what is proved; after a step that adds no fact. */
  goOn(ctx: Context, pending: PendingInteraction, progress: SignInProgress): Promise<Reply>;
};

export type SignInParts = {
  interactions: Interactions;
  accounts: Accounts;
  factors: Factors;
  flows: AccountFlows;
  knownBrowsers: KnownBrowsers;
  mail: Mails;
  upstream: Upstream;
  notices: SignInNotices;
  signInEvents: SignInEvents;
  isHttps: boolean;
};

export function createSignIn(parts: SignInParts): SignIn {
  const { interactions, accounts, factors, flows, mail, upstream, notices } = parts;
  const cookies: BrowserCookies = browserCookies(parts);
  const nameOf = ({ providerId }: { providerId: string }) =>
    upstream.providers.find(({ id }) => id === providerId)?.name ?? providerId;

  async function step(
    ctx: Context,
    pending: PendingInteraction,
    progress: SignInProgress | undefined,
    known?: { account: Account; factors: Factor[] },
  ): Promise<SignInStep> {
    if (!progress) return { step: 'login' };
    const [account, enrolled] = known
      ? [known.account, known.factors]
      : await Promise.all([accounts.find(progress.accountId), factors.list(progress.accountId)]);
    // Since the first fact it was disabled, or its password was changed: what was proved is worth nothing.
    if (account?.status !== 'active' || account.epoch !== progress.epoch) return { step: 'login' };
    if (progress.newCodes) return { step: 'recovery-codes', account, codes: progress.newCodes };

    const has = enrolledFrom(enrolled);
    const isTrusted = await factors.browsers.isTrusted(
      account.id,
      cookies.trusted(ctx, account.id),
      has.passkey || has.totp,
    );
    const input: PolicyInput = {
      settings: [pending.secondFactor],
      enrolled: has,
      mayMailCode: mail.isOn && account.emailVerified,
      isTrustedBrowser: isTrusted,
      requestedAcr: pending.acrValues.split(' ').filter(Boolean),
      facts: progress.facts,
    };
    const decision = decideFactors(input);
    if (!decision.complete) {
      return decision.next.length > 0
        ? {
            step: 'factor',
            account,
            methods: decision.next,
            mayTrust: pending.secondFactor !== 'required-always',
          }
        : { step: 'enrol', account, kinds: decision.mustEnrol };
    }
    if (account.mustChangePassword && account.hasPassword) return { step: 'new-password', account };
    const { current } = flows.terms;
    if (current && flows.terms.isDue(account)) return { step: 'terms', account, terms: current };
    const { amr, acr } = decision;
    // What is enough for a client that asks for none is not for the next one.
    const isWaived = !decideFactors({ ...input, settings: ['optional'] }).complete;
    return { step: 'done', account, amr, acr, isTrusted, isWaived };
  }

  async function finish(
    ctx: Context,
    pending: PendingInteraction,
    progress: SignInProgress,
    done: Done,
  ): Promise<Reply> {
    const { account, amr, acr, isTrusted, isWaived } = done;
    // Who never went to another provider has left nothing to be linked.
    if (upstreamSecret(ctx, parts.isHttps) !== undefined) await linkHeld(ctx, pending, progress, account);
    const isKnown = cookies.known(ctx, account) !== undefined;
    const given = isKnown ? [] : [cookies.giveKnown(account)];
    if (progress.trust && !isTrusted) {
      const trusted = await factors.browsers.trust(account.id, {
        epoch: account.epoch,
        isStrong: meetsAcr(acr, twoFactors),
        userAgent: ctx.get('user-agent'),
      });
      if (trusted) given.push(cookies.giveTrusted(account.id, trusted));
    }
    await notices.signedIn(ctx, pending, account, { isKnownBrowser: isKnown });
    interactions.besideAnswer(() => notices.noteSignIn(ctx, pending, account.id));
    interactions.besideAnswer(() => parts.signInEvents.succeeded(ctx, pending, account, { amr, acr }));
    await interactions.login(ctx, pending, {
      accountId: account.id,
      epoch: account.epoch,
      amr,
      acr,
      // So is one with a code by mail, which is less than a factor: the session would never do otherwise.
      isTrusted: isTrusted || progress.trust || progress.facts.some(({ method }) => method === 'email-code'),
      isWaived,
      remember: progress.remember,
    });
    return { asIs: true, cookies: given };
  }

  /** An identity at another provider whose person had to sign in here first (see upstream.ts, sign-in-to-link). */
  async function linkHeld(
    ctx: Context,
    pending: PendingInteraction,
    progress: SignInProgress,
    account: Account,
  ) {
    const held = await upstream.held(pending.uid);
    if (held?.owner !== account.id) return;
    const linked = await upstream.link(account.id, account.epoch, held.identity);
    if (!linked.ok && progress.facts.some(({ method }) => method === 'upstream')) {
      throw new Unavailable('the account, or the identity at another provider, has just changed');
    }
    if (linked.ok) await notices.providerLinked(ctx, account, nameOf(linked.link), linked.link);
    await upstream.letGo(pending.uid);
  }

  async function goOn(
    ctx: Context,
    pending: PendingInteraction,
    progress: SignInProgress,
    known?: { account: Account; factors: Factor[] },
  ): Promise<Reply> {
    const next = await step(ctx, pending, progress, known);
    if (next.step === 'done') return finish(ctx, pending, progress, next);
    await interactions.keepProgress(pending, progress);
    return { redirect: `/interaction/${pending.uid}` };
  }

  const progressOf = async (pending: PendingInteraction) =>
    readProgress(await interactions.progress(pending));

  return {
    progress: progressOf,
    step,
    goOn,
    async prove(ctx, pending, account, method, { factors: read, ...options } = {}) {
      const fact: Fact = { method, at: nowMs() };
      const reading = read ?? factors.list(account.id);
      const [before, enrolled] = await Promise.all([progressOf(pending), reading]);
      const progress = withFact(before, { accountId: account.id, epoch: account.epoch, fact });
      return goOn(ctx, pending, { ...progress, ...options }, { account, factors: enrolled });
    },
  };
}
