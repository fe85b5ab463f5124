import { type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Config } from '../config.ts';
import type { Observer } from '../observer.ts';
import { randomText } from '../random.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { sealLocator } from './account-locator.ts';
import type { Stores } from './adapter.ts';
import type { ClientStore } from './client-store.ts';
import { firstGrantTag } from './policy.ts';
import { isUniqueProof } from './proof-store.ts';
import { mintSessionId } from './session-store.ts';
import { mintTag, mintTokenId, type TokenStore } from './token-store.ts';
import { unitOfWork } from './unit-of-work.ts';

/**
 * What of the engine's models is not left as it is: their ids, and the checks that would hold on one pod alone. The
 * settings are in engine.ts.
 */
export type ModelParts = {
  config: Config;
  store: Store;
  ring: KeyRing;
  stores: Stores;
  observer: Pick<Observer, 'replay'>;
  /** The attributes of the session cookie. */
  sessionCookie: { httpOnly: true; sameSite: 'lax'; signed: true; secure: boolean; path: string };
};

export function adaptModels(provider: Provider, parts: ModelParts): void {
  mintOurIds(provider, parts.ring, parts.stores.tokens);
  keepLateSessions(provider, parts);
  checkOncePerPod(provider, parts);
}

/** Members of the engine's models that its published types leave out. */
type TokenModel = {
  kind: string;
  grantId?: string;
  accountId?: string;
  sessionUid?: string;
  expiresWithSession?: boolean;
  resourceServer?: { accessTokenFormat?: string };
};
type SessionModel = {
  id: string;
  uid: string;
  jti: string;
  exp?: number;
  oldId?: string;
  touched?: boolean;
  save(seconds: number): Promise<string>;
};

/** Ids that lead to a slot without an index: see token-store.ts and session-store.ts. */
function mintOurIds(provider: Provider, ring: KeyRing, tokens: TokenStore): void {
  const inGrant = new Set(['AuthorizationCode', 'AccessToken', 'RefreshToken']);

  function ourId(this: TokenModel): string {
    if (this.kind === 'Grant') return mintTag();
    if (this.kind === 'PushedAuthorizationRequest') return randomText(32);
    const tag = inGrant.has(this.kind) && this.grantId ? this.grantId : mintTag();
    const { sessionUid, accountId } = this;
    const account = this.kind === 'AccessToken' && accountId ? sealLocator(ring, tag, accountId) : undefined;
    return mintTokenId(tag, {
      ...(this.expiresWithSession && sessionUid ? { sessionUid } : {}),
      ...(account ? { account } : {}),
    });
  }
  Object.assign(provider.BaseToken.prototype, { generateTokenId: ourId });
  // These two come as a JWT as well, which is not stored; the engine settles the format when it makes the id.
  for (const { prototype } of [provider.AccessToken, provider.ClientCredentials]) {
    const { generateTokenId: engineId } = prototype as unknown as { generateTokenId(): string };
    Object.assign(prototype, {
      generateTokenId(this: TokenModel): string {
        const id = engineId.call(this);
        return this.resourceServer?.accessTokenFormat === 'jwt' ? id : ourId.call(this);
      },
    });
  }

  const { Session } = provider;
  const getSession = Session.get;
  Session.get = async function get(this: typeof Session, ctx) {
    readGrantAhead(ctx as KoaContextWithOIDC);
    const session = await getSession.call(this, ctx);
    if (session.exp === undefined) {
      // A session that a resumed interaction begins has an id that follows from the interaction: however
      // often the request is sent, and on however many pods at once, it begins one session.
      const isResume = (ctx as KoaContextWithOIDC).oidc?.route === 'resume';
      const interactionUid = isResume ? ctx.cookies.get(provider.cookieName('resume')) : undefined;
      session.uid = interactionUid ? sessionOfInteraction(ring, interactionUid) : mintTag();
      session.jti = mintSessionId(session.uid);
    }
    return session;
  };
  /** A silent sign-on needs session and grant; both are found from the request, so one round trip reads both. */
  function readGrantAhead(ctx: KoaContextWithOIDC): void {
    const clientId = ctx.query?.client_id;
    if (ctx.oidc?.route !== 'authorization' || typeof clientId !== 'string') return;
    const cookie = ctx.cookies.get(provider.cookieName('session'), { signed: false });
    const uid = cookie?.split('.')[0];
    if (uid) tokens.readGrantAhead(firstGrantTag(ring, uid, clientId));
  }

  Object.assign(Session.prototype, {
    resetIdentifier(this: SessionModel): void {
      unitOfWork().retiredSessionIds.add(this.id);
      this.oldId = this.id;
      this.id = mintSessionId(this.uid);
      this.touched = true;
    },
  });
}

/**
 * The device page's error handler begins a session for the form token of a browser that had none, when the engine
 * has set its cookies already; saving such a one throws.
 */
function keepLateSessions(provider: Provider, { config, sessionCookie }: ModelParts): void {
  const { persist } = provider.Session.prototype;
  Object.assign(provider.Session.prototype, {
    async persist(this: SessionModel): Promise<string> {
      if (this.exp !== undefined) return persist.call(this as never);
      Provider.ctx?.oidc.cookies.set(provider.cookieName('session'), this.id, sessionCookie);
      return this.save(config.lifetimes.sessionIdleSeconds);
    },
  });
}

/**
 * The engine digests a client's metadata at each use to find the instance that it made of it, and keeps a hundred
 * instances. The store gives the same object as long as nothing changed, which is enough to know the instance by.
 */
function keepClientInstances(provider: Provider, clients: ClientStore): void {
  const { Client } = provider;
  const find = Client.find;
  const instances = new WeakMap<object, Awaited<ReturnType<typeof find>>>();
  Client.find = async (id) => {
    const metadata = typeof id === 'string' ? await clients.findForEngine(id) : undefined;
    if (!metadata) return undefined;
    let instance = instances.get(metadata);
    if (!instance) {
      instance = await find.call(Client, id);
      instances.set(metadata, instance);
    }
    return instance;
  };
}

/** The uid of the session that begins with this interaction. */
export function sessionOfInteraction(ring: KeyRing, interactionUid: string): string {
  return ring.hash('session-of', interactionUid);
}

/** Checks that the engine makes by reading first and writing later, made atomic across pods. */
function checkOncePerPod(provider: Provider, { store, ring, stores, observer }: ModelParts): void {
  provider.ReplayDetection.unique = async (issuer, id, expiresAt) => {
    const isUnique = await unitOfWork().guard(isUniqueProof(store, ring, issuer, id, expiresAt));
    if (!isUnique) observer.replay('proof');
    return isUnique;
  };
  keepClientInstances(provider, stores.clients);
  // The engine awaits what its types call a boolean.
  Object.assign(provider.Client.prototype, {
    async compareClientSecret(this: { clientId: string; clientSecret?: string }, given: string) {
      const { clientId, clientSecret } = this;
      return clientSecret !== undefined && stores.clients.isSecret(clientId, clientSecret, given);
    },
  });
}
