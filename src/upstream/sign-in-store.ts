import { Change } from '../redis/change.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import type { Identity } from './identity.ts';

/** What a sign-in at another provider is for. */
export type SignInContext =
  /** isFresh: the person is to sign in there anew, since they are to prove here that it is still them. */
  | { kind: 'sign-in'; interactionUid: string; isFresh?: boolean }
  /** To link it to an account that is signed in here. The epoch is that of the sign-in. */
  | { kind: 'link'; accountId: string; epoch: number };

export type SignInUnderWay = {
  providerId: string;
  /** A keyed hash of what the browser keeps. */
  browser: string;
  context: SignInContext;
};

export type StoredChecks = { nonce: string; verifier: string };

/** Who came back from another provider, and whose account it may be linked to, if anybody's. */
export type Held = { identity: Identity; owner?: string };

const lifetimeMs = 10 * 60 * 1000;

/**
 * Sign-ins at other providers that are under way, a hash each: `purpose` says whose and what for, `checks` is
 * what the answer is checked by, and goes when an answer came. Both are sealed; the state is a keyed hash.
 *
 * Beside them the identities of people who have still to say which account is theirs, by interaction.
 */
export function createSignInStore(store: Store, ring: KeyRing, options: { heldSeconds: number }) {
  const hashOf = (state: string) => ring.hash('upstream-state', state);
  const keyOf = (hash: string) => store.keys.upstreamSignIn(hash);
  const heldHash = (interactionUid: string) => ring.hash('upstream-held', interactionUid);

  return {
    async add(state: string, underWay: SignInUnderWay, checks: StoredChecks): Promise<void> {
      const hash = hashOf(state);
      const fields = {
        purpose: ring.seal('upstream-purpose', hash, JSON.stringify(underWay)),
        checks: ring.seal('upstream-checks', hash, JSON.stringify(checks)),
      };
      await store.commit(new Change().requireAbsent(keyOf(hash)).set(keyOf(hash), lifetimeMs, fields));
    },

    /** Also one whose answer came already. */
    async find(state: string): Promise<SignInUnderWay | undefined> {
      const hash = hashOf(state);
      const sealed = (await store.read(keyOf(hash)))?.purpose;
      if (sealed === undefined) return undefined;
      return JSON.parse(ring.open('upstream-purpose', hash, sealed)) as SignInUnderWay;
    },

    /** For the first who asks; undefined for everyone else. */
    async spend(state: string): Promise<StoredChecks | undefined> {
      const hash = hashOf(state);
      const sealed = (await store.run('upstream-spend', [keyOf(hash)], [])) as string | null;
      await store.settle(keyOf(hash));
      if (sealed === null) return undefined;
      return JSON.parse(ring.open('upstream-checks', hash, sealed)) as StoredChecks;
    },

    /**
     * Keeps an identity until the person of this interaction has signed in.
     * @param owner the account that it may be linked to then; nobody's when left out
     */
    async hold(interactionUid: string, identity: Identity, owner?: string): Promise<void> {
      const hash = heldHash(interactionUid);
      const held: Held = { identity, ...(owner === undefined ? {} : { owner }) };
      const sealed = ring.seal('upstream-held', hash, JSON.stringify(held));
      await store.commit(new Change().text(keyOf(hash), options.heldSeconds * 1000, sealed));
    },

    async held(interactionUid: string): Promise<Held | undefined> {
      const hash = heldHash(interactionUid);
      const sealed = await store.readText(keyOf(hash));
      const held = sealed === undefined ? undefined : JSON.parse(ring.open('upstream-held', hash, sealed));
      // What an earlier version kept is an identity without an owner.
      return held?.identity ? (held as Held) : undefined;
    },

    async letGo(interactionUid: string): Promise<void> {
      await store.commit(new Change().remove(keyOf(heldHash(interactionUid))));
    },
  };
}

export type SignInStore = ReturnType<typeof createSignInStore>;
