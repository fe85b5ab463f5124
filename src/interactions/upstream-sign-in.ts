import type { Context } from 'koa';
import { z } from 'zod';
import { type Account, mintAccountId } from '../accounts/accounts.ts';
import { nowMs } from '../clock.ts';
import { Refusal } from '../errors.ts';
import { accountTarget, person } from '../events/events.ts';
import { type Reply, type Route, route } from '../http/route.ts';
import { upstreamCookie, upstreamSecret } from '../http/upstream-cookie.ts';
import type { PendingInteraction } from '../oidc/oidc.ts';
import type { FinishOutcome, Identity } from '../upstream/upstream.ts';
import { interactionParams } from './open-interaction.ts';
import type { StepParts } from './step-parts.ts';

/**
 * The way to another provider and back. The interaction's cookie goes with its own path alone, so the answer is
 * taken at the callback, kept with the interaction, and looked at on the interaction's page.
 */
const providerParams = interactionParams.path.extend({ provider: z.string().regex(/^[\w-]{1,64}$/) });
const callbackParams = z.strictObject({ provider: z.string().regex(/^[\w-]{1,64}$/) });
/** Signed in there at most this long ago. */
const freshMs = 5 * 60_000;
/** Whatever the other provider adds. */
const anything = z.record(z.string(), z.unknown());

export function upstreamRoutes(parts: StepParts): Route[] {
  const { accounts, factors, flows, upstream, signIn, pages, open, isHttps, signInEvents, people } = parts;
  const cookie = upstreamCookie(isHttps);
  const secretOf = (ctx: Context) => upstreamSecret(ctx, isHttps);

  async function comeBack(ctx: Context, pending: PendingInteraction, identity: Identity): Promise<Reply> {
    const resolution = await upstream.resolve(identity);
    const { outcome } = resolution;
    if (outcome === 'known' || outcome === 'trusted') {
      const account = await accounts.find(resolution.accountId);
      if (outcome === 'known') await upstream.letGo(pending.uid);
      // Nothing is bound to the account before all that it asks for was proved.
      else await upstream.hold(pending.uid, identity, resolution.accountId);
      if (account?.status !== 'active') {
        failed(ctx, pending, identity.providerId, account ? 'disabled' : 'no-account', account);
        return back(pending.uid, 'no-account');
      }
      if (!(await isEnough(pending, identity, account))) return back(pending.uid, 'sign-in-here');
      return signIn.prove(ctx, pending, account, 'upstream');
    }
    if (outcome === 'sign-in-to-link') {
      await upstream.hold(pending.uid, identity, resolution.accountId);
      return back(pending.uid, 'link-by-sign-in');
    }
    const made = await register(identity);
    await upstream.letGo(pending.uid);
    if (!made) {
      failed(ctx, pending, identity.providerId, 'no-account');
      return back(pending.uid, 'no-account');
    }
    await people.note(ctx, {
      kind: 'registration',
      actor: person(made),
      target: accountTarget(made),
      clientId: pending.client.clientId,
      after: { provider: identity.providerId },
      via: 'sign-in',
    });
    return signIn.prove(ctx, pending, made, 'upstream');
  }

  function failed(
    ctx: Context,
    pending: PendingInteraction | undefined,
    provider: string,
    reason: string,
    account?: Account,
  ): void {
    const kind = pending ? 'sign-in.failed' : 'sign-in.refused';
    signInEvents.failed(ctx, pending, { kind, reason, account, details: { provider } });
  }

  /**
   * Who is signed in here already proves that it is still them. A click at a provider that has not asked for anything
   * proves nothing, so it counts only for who has no other way.
   */
  async function isEnough(pending: PendingInteraction, identity: Identity, account: Account) {
    if (pending.accountId === undefined) return true;
    const { authenticatedAt, providerId } = identity;
    const canBeAsked = upstream.providers.some(({ id, kind }) => id === providerId && kind !== 'github');
    const isFresh = authenticatedAt === undefined ? canBeAsked : authenticatedAt > nowMs() - freshMs;
    if (isFresh) return true;
    return !account.hasPassword && !(await factors.list(account.id)).some(({ kind }) => kind === 'passkey');
  }

  /**
   * An account for somebody who has none. Only where the provider is trusted to have verified the address: anybody
   * else could take an address that is not theirs, and wait for its owner.
   */
  async function register(identity: Identity) {
    if (!flows.register.isOpen || !identity.isEmailTrusted || !identity.email) return undefined;
    const outcome = await accounts.create({
      id: mintAccountId(),
      email: identity.email,
      emailVerified: true,
      ...(identity.name ? { name: identity.name } : {}),
      ...(identity.givenName ? { given_name: identity.givenName } : {}),
      ...(identity.familyName ? { family_name: identity.familyName } : {}),
    });
    if (!outcome.ok) return undefined;
    const linked = await upstream.link(outcome.account.id, outcome.account.epoch, identity);
    return linked.ok ? outcome.account : undefined;
  }

  return [
    route({
      method: 'GET',
      path: '/interaction/:uid/upstream/:provider',
      params: providerParams,
      statuses: [303, 400],
      async handle({ params: { uid, provider }, raw }) {
        return open(raw, uid, { toAnswer: false }, async (pending) => {
          if (pending.prompt !== 'login') return { redirect: `/interaction/${uid}` };
          const begun = await upstream.begin(
            provider,
            { kind: 'sign-in', interactionUid: uid, isFresh: pending.accountId !== undefined },
            secretOf(raw),
          );
          if (!begun.ok) return back(uid, 'provider-away');
          return { redirect: begun.url, cookies: [{ name: cookie, value: begun.browserSecret }] };
        });
      },
    }),

    route({
      method: 'GET',
      path: '/upstream/callback/:provider',
      params: callbackParams,
      query: anything,
      statuses: [303, 400],
      async handle({ params: { provider }, raw }) {
        const outcome = await upstream.finish(provider, new URLSearchParams(raw.querystring), secretOf(raw));
        const { context } = outcome as { context?: Extract<FinishOutcome, { ok: true }>['context'] };
        if (!context) {
          throw new Refusal(400, 'expired', {
            description: 'the sign-in at the other provider has expired, or was begun in another browser',
          });
        }
        if (context.kind === 'link') {
          if (!parts.finishLinking) throw new Refusal(400, 'expired');
          return parts.finishLinking(raw, outcome);
        }
        const { interactionUid } = context;
        if (!outcome.ok) {
          const isAway = outcome.problem === 'provider-away' || outcome.problem === 'provider-error';
          const isRefused = outcome.problem === 'refused';
          failed(raw, undefined, provider, isRefused ? 'provider-refused' : outcome.problem);
          return back(
            interactionUid,
            isRefused ? 'provider-refused' : isAway ? 'provider-away' : 'start-again',
          );
        }
        await upstream.hold(interactionUid, outcome.identity);
        return { redirect: `/interaction/${interactionUid}/came-back` };
      },
    }),

    route({
      method: 'GET',
      path: '/interaction/:uid/came-back',
      params: interactionParams.path,
      statuses: [200, 303, 400],
      async handle({ params: { uid }, raw }) {
        return open(raw, uid, { toAnswer: true }, async (pending) => {
          const held = pending.prompt === 'login' ? await upstream.held(uid) : undefined;
          if (!held) return pages.show(raw, pending, { step: 'login' }, { notice: 'start-again' });
          return comeBack(raw, pending, held.identity);
        });
      },
    }),
  ];
}

function back(uid: string, notice: string): Reply {
  return { redirect: `/interaction/${uid}?notice=${notice}` };
}
