/**
 * The door to other providers: signing in with an account that somebody has there. It owns the way there and
 * back, who somebody is there, and which identity there belongs to which account here.
 *
 * It does not own accounts, nor what signs them in: a caller that gets an account id checks that the account is
 * active, asks for the second factor where one is due, and begins the session. It owns no page and no cookie.
 */
import type { CustomFetch } from 'openid-client';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { createGitHubProvider } from './github-provider.ts';
import type { Identity } from './identity.ts';
import { createLinkStore, type Link, type LinkOutcome, type UnlinkOutcome } from './link-store.ts';
import { createOpenIdProvider } from './openid-provider.ts';
import { createOutboundFetch } from './outbound-fetch.ts';
import type { Provider } from './provider.ts';
import type { ProviderSettings } from './provider-settings.ts';
import { type BeginOutcome, createSignIn, type FinishOutcome } from './sign-in.ts';
import { createSignInStore, type Held, type SignInContext } from './sign-in-store.ts';

export type { Identity } from './identity.ts';
export type { Link, LinkOutcome, UnlinkOutcome } from './link-store.ts';
export type { BeginOutcome, FinishOutcome } from './sign-in.ts';
export type { SignInContext } from './sign-in-store.ts';

/** Whose account it is that somebody came back for. */
export type Resolution =
  | { outcome: 'known'; accountId: string }
  /**
   * The provider is trusted with addresses, and both sides have verified this one: it signs in to the account, and
   * is linked when the sign-in is complete. `hold` it until that.
   */
  | { outcome: 'trusted'; accountId: string }
  /**
   * An account has the address that the provider has verified. Its owner signs in with what they have, and the
   * identity is linked then: `hold` it until that.
   */
  | { outcome: 'sign-in-to-link'; accountId: string }
  /** No account is known for it: the person may make one, where registration is open. */
  | { outcome: 'unknown' };

/** Every function throws `Unavailable` when Redis cannot answer. */
export type Upstream = {
  /** For the buttons, in the order of the settings. */
  readonly providers: readonly Pick<ProviderSettings, 'id' | 'name' | 'kind'>[];
  /** @param ownedSecret the `browserSecret` that this browser has a cookie of already, if any */
  begin(providerId: string, context: SignInContext, ownedSecret?: string): Promise<BeginOutcome>;
  /** For `<issuer>/upstream/callback/<providerId>`. @param query what came back */
  finish(
    providerId: string,
    query: URLSearchParams,
    browserSecret: string | undefined,
  ): Promise<FinishOutcome>;
  /** After a `finish` whose context is a sign-in. */
  resolve(identity: Identity): Promise<Resolution>;
  /**
   * Keeps an identity until the person of this interaction has signed in.
   * @param owner the account of a `sign-in-to-link`, and no other: whoever signs in next in this browser may be
   * somebody else
   */
  hold(interactionUid: string, identity: Identity, owner?: string): Promise<void>;
  held(interactionUid: string): Promise<Held | undefined>;
  letGo(interactionUid: string): Promise<void>;

  findAccount(identity: Identity): Promise<string | undefined>;
  /**
   * May be repeated. After a `finish` whose context is a link, only when its account is the one that is signed in
   * with this session.
   * @param epoch of the account at that sign-in
   */
  link(accountId: string, epoch: number, identity: Identity): Promise<LinkOutcome>;
  /** The last way in stays: a password, a passkey, or another link to a provider that is set. */
  unlink(accountId: string, identityId: string): Promise<UnlinkOutcome>;
  /** For an account that is deleted. May be repeated. */
  unlinkAll(accountId: string): Promise<void>;
  /**
   * The `identityId` of each link to a provider that is set: what is left to somebody who gives up a password or a
   * passkey. A script that takes one of those away looks itself whether they are there still.
   */
  waysIn(accountId: string): Promise<string[]>;
  /** The oldest first. */
  list(accountId: string): Promise<Link[]>;
};

export type UpstreamParts = {
  store: Store;
  ring: KeyRing;
  config: Pick<Config, 'issuer' | 'upstream' | 'lifetimes' | 'allowPrivateAddresses'>;
  accounts: {
    findByEmail(email: string): Promise<{ id: string; emailVerified: boolean; status: string } | undefined>;
  };
  log: Log;
  /** The way to the network; made by the settings when left out. */
  fetch?: CustomFetch;
};

export function createUpstream(parts: UpstreamParts): Upstream {
  const { config, ring, log, accounts } = parts;
  const redirectUri = (providerId: string) => `${config.issuer}/upstream/callback/${providerId}`;
  const providers = new Map<string, Provider>();
  for (const settings of config.upstream) {
    const fetch = parts.fetch ?? fetchFor(settings, config.allowPrivateAddresses);
    const uri = redirectUri(settings.id);
    const isGitHub = settings.kind === 'github';
    providers.set(
      settings.id,
      isGitHub ? createGitHubProvider(settings, uri, fetch) : createOpenIdProvider(settings, uri, fetch, log),
    );
  }
  const signIns = createSignInStore(parts.store, ring, { heldSeconds: config.lifetimes.interactionSeconds });
  const links = createLinkStore(parts.store, ring);
  const { begin, finish } = createSignIn({ providers, redirectUri, store: signIns, ring, log });

  async function link(accountId: string, epoch: number, identity: Identity): Promise<LinkOutcome> {
    const outcome = await links.link(accountId, epoch, identity);
    const { providerId: upstream } = identity;
    if (outcome.ok) log.info({ account: accountId, upstream }, 'an identity at another provider was linked');
    return outcome;
  }

  const leadsIn = ({ providerId }: Link) => providers.has(providerId);

  async function resolve(identity: Identity): Promise<Resolution> {
    const known = await links.findAccount(identity);
    if (known !== undefined) {
      await links.noteUse(known, identity);
      return { outcome: 'known', accountId: known };
    }
    // An address that nobody has verified could be anyone's: it leads nowhere, and tells nothing.
    if (identity.email === undefined || !identity.emailVerified) return { outcome: 'unknown' };
    const account = await accounts.findByEmail(identity.email);
    if (!account) return { outcome: 'unknown' };
    const { id: accountId } = account;
    if (!identity.isEmailTrusted || !account.emailVerified || account.status !== 'active') {
      return { outcome: 'sign-in-to-link', accountId };
    }
    return { outcome: 'trusted', accountId };
  }

  return {
    providers: config.upstream.map(({ id, name, kind }) => ({ id, name, kind })),
    begin,
    finish,
    resolve,
    hold: signIns.hold,
    held: signIns.held,
    letGo: signIns.letGo,
    findAccount: links.findAccount,
    link,
    async unlink(accountId, identityId) {
      const outcome = await links.unlink(accountId, identityId, leadsIn);
      if (outcome.ok) log.info({ account: accountId }, 'an identity at another provider was unlinked');
      return outcome;
    },
    unlinkAll: links.unlinkAll,
    waysIn: async (accountId) =>
      (await links.list(accountId)).filter(leadsIn).map(({ identityId }) => identityId),
    list: links.list,
  };
}

function fetchFor(settings: ProviderSettings, mayAllBePrivate: boolean): CustomFetch {
  const { hostname, protocol } = new URL(settings.issuer);
  const own = new Set(settings.isPrivate ? [hostname.replace(/^\[|\]$/g, '')] : []);
  return createOutboundFetch({
    mayBeHttp: protocol === 'http:',
    privateHosts: mayAllBePrivate ? 'all' : own,
  });
}
