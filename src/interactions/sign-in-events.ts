import type { Context } from 'koa';
import type { Account } from '../accounts/accounts.ts';
import { normaliseEmail } from '../accounts/email.ts';
import { accountTarget, type EventKind, type PeopleEvents, person } from '../events/events.ts';
import type { PendingInteraction } from '../oidc/oidc.ts';

/**
 * What the audit trail has of sign-ins. A failure has its true reason there, for administrators alone: the person
 * sees the same whether or not there is an account, and it takes as long.
 */
export type SignInEvents = {
  /** Not awaited: it goes beside the answer. */
  succeeded(
    ctx: Context,
    pending: PendingInteraction,
    account: Account,
    proved: { amr: string[]; acr: string },
  ): Promise<void>;
  /** Returns at once, and records beside what the answer waits for anyway. */
  failed(
    ctx: Context,
    pending: Pick<PendingInteraction, 'client'> | undefined,
    failure: {
      kind?: Extract<EventKind, `sign-in.${string}`>;
      reason: string;
      /** As it was typed; kept only when it is an address, since people type passwords where names belong. */
      email?: string;
      /** Whose account it is, where it is known by now or about to be. */
      account?: Account | Promise<Account | undefined> | undefined;
      details?: Record<string, string>;
    },
  ): void;
  consent(ctx: Context, pending: PendingInteraction, isGiven: boolean): Promise<void>;
};

export function createSignInEvents({ people }: { people: PeopleEvents }): SignInEvents {
  return {
    succeeded: (ctx, pending, account, { amr, acr }) =>
      people.note(ctx, {
        kind: 'sign-in.succeeded',
        actor: person(account),
        clientId: pending.client.clientId,
        via: 'sign-in',
        after: { amr, acr },
      }),

    failed(ctx, pending, { kind = 'sign-in.failed', reason, email, account: looking, details }) {
      const note = async () => {
        const account = await looking;
        const typed = email === undefined ? undefined : normaliseEmail(email);
        await people.note(ctx, {
          kind,
          outcome: 'failure',
          reason,
          actor: { kind: 'anonymous', ...(typed?.ok ? { name: typed.email } : {}) },
          ...(account ? { target: accountTarget(account) } : {}),
          ...(pending ? { clientId: pending.client.clientId } : {}),
          via: 'sign-in',
          ...(details ? { after: details } : {}),
        });
      };
      // What the account cannot be read for fails the request itself.
      note().catch(() => {});
    },

    consent: async (ctx, pending, isGiven) => {
      const { accountId, asked, client } = pending;
      if (accountId === undefined) return;
      await people.note(ctx, {
        kind: isGiven ? 'consent.given' : 'consent.refused',
        actor: { kind: 'account', id: accountId },
        target: { kind: 'client', id: client.clientId, name: client.name },
        clientId: client.clientId,
        via: 'sign-in',
        after: { scopes: asked.scopes, claims: asked.claims, resources: asked.resources },
      });
    },
  };
}

/** Why a password that was refused did not let anybody in. */
export function whyRefused(account: Account | undefined): string {
  if (!account) return 'no-account';
  if (account.status !== 'active') return 'disabled';
  return account.hasPassword ? 'wrong-password' : 'no-password';
}
