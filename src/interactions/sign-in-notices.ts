import type { Context } from 'koa';
import { localeOf } from '../accounts/account-mail.ts';
import type { Account } from '../accounts/accounts.ts';
import type { Activity } from '../accounts/activity.ts';
import { nameBrowser } from '../accounts/browser-label.ts';
import { nowMs } from '../clock.ts';
import { type PeopleEvents, person } from '../events/events.ts';
import type { Mails } from '../mail/mail.ts';
import type { PendingInteraction } from '../oidc/oidc.ts';

/** What the owner of an account learns of a sign-in, by mail and in their recent activity; each once for an interaction. */
export type SignInNotices = {
  signedIn(
    ctx: Context,
    pending: PendingInteraction,
    account: Account,
    how: { isKnownBrowser: boolean },
  ): Promise<void>;
  /** Notes a sign-in among what happened lately. Not awaited: it must not matter if it is lost. */
  noteSignIn(ctx: Context, pending: PendingInteraction, accountId: string): Promise<void>;
  /** @param accountId of nobody where there is no account, for the same work */
  noteFailure(accountId: string): Promise<void>;
  recoveryCodeUsed(pending: PendingInteraction, account: Account, left: number): Promise<void>;
  passwordChanged(ctx: Context, pending: PendingInteraction, account: Account): Promise<void>;
  factorAdded(ctx: Context, pending: PendingInteraction, account: Account, name: string): Promise<void>;
  /** An identity at another provider signs in to the account from now on. */
  providerLinked(
    ctx: Context,
    account: Account,
    name: string,
    link: { identityId: string; linkedAt: number },
  ): Promise<void>;
  emailCode(
    pending: PendingInteraction,
    account: Account,
    sent: { code: string; expiresAt: number },
  ): Promise<void>;
};

/** Whoever has just made an account knows that they sign in. */
const newAccountMs = 60 * 60 * 1000;

export function createSignInNotices(parts: {
  mail: Mails;
  activity: Activity;
  people: PeopleEvents;
}): SignInNotices {
  const { mail, activity, people } = parts;
  const addressOf = (account: Account) => ({ to: account.email, locale: localeOf(account) });

  return {
    async signedIn(ctx, pending, account, { isKnownBrowser }) {
      if (isKnownBrowser || account.createdAt > nowMs() - newAccountMs) return;
      const values = {
        when: nowMs(),
        browser: nameBrowser(ctx.get('user-agent')),
        place: ctx.ip,
      };
      await mail.enqueue(
        { kind: 'new-browser', ...addressOf(account), values },
        { id: `new-browser:${pending.uid}` },
      );
    },

    noteSignIn: (ctx, pending, accountId) =>
      activity.record(
        accountId,
        'signed-in',
        { browser: nameBrowser(ctx.get('user-agent')), address: ctx.ip },
        { id: pending.uid },
      ),

    noteFailure: (accountId) => activity.record(accountId, 'sign-in-failed'),

    async recoveryCodeUsed(pending, account, left) {
      await activity.record(account.id, 'recovery-code-used', {}, { id: `${pending.uid} ${left}` });
      await mail.enqueue(
        { kind: 'recovery-code-used', ...addressOf(account), values: { left } },
        { id: `recovery-code-used:${pending.uid}:${left}` },
      );
    },

    async passwordChanged(ctx, pending, account) {
      const id = `password-changed:${account.id}:${account.epoch}`;
      const details = { browser: nameBrowser(ctx.get('user-agent')), address: ctx.ip };
      await Promise.all([
        activity.record(account.id, 'password-changed', details, { id }),
        people.note(ctx, {
          kind: 'password.changed',
          actor: person(account),
          via: 'sign-in',
          clientId: pending.client.clientId,
        }),
      ]);
      const values = { when: nowMs(), where: ctx.ip };
      await mail.enqueue({ kind: 'password-changed', ...addressOf(account), values }, { id });
    },

    async factorAdded(ctx, pending, account, name) {
      await Promise.all([
        activity.record(account.id, 'factor-added', { what: name }, { id: `${pending.uid} ${name}` }),
        people.note(ctx, {
          kind: 'factor.added',
          actor: person(account),
          after: { name },
          via: 'sign-in',
          clientId: pending.client.clientId,
        }),
      ]);
      const values = { name, when: nowMs(), where: ctx.ip };
      await mail.enqueue(
        { kind: 'factor-added', ...addressOf(account), values },
        { id: `factor-added:${pending.uid}:${name}` },
      );
    },

    async providerLinked(ctx, account, name, { identityId, linkedAt }) {
      const id = `${identityId}:${linkedAt}`;
      const details = { browser: nameBrowser(ctx.get('user-agent')), address: ctx.ip, what: name };
      await Promise.all([
        activity.record(account.id, 'provider-linked', details, { id: `provider-linked:${id}` }),
        people.note(ctx, {
          kind: 'factor.added',
          actor: person(account),
          after: { provider: name },
          via: 'sign-in',
        }),
      ]);
      const values = { name, when: nowMs(), where: ctx.ip };
      await mail.enqueue(
        { kind: 'factor-added', ...addressOf(account), values },
        { id: `factor-added:${account.id}:${id}` },
      );
    },

    async emailCode(pending, account, { code, expiresAt }) {
      const minutes = Math.max(1, Math.round((expiresAt - nowMs()) / 60_000));
      await mail.enqueue(
        { kind: 'email-code', ...addressOf(account), values: { code, minutes } },
        { id: `email-code:${pending.uid}:${expiresAt}` },
      );
    },
  };
}
