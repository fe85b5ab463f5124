import type { Log } from '../log.ts';
import { randomText } from '../random.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Identity } from './identity.ts';
import type { Provider } from './provider.ts';
import { problemOf } from './provider-problem.ts';
import type { SignInContext, SignInStore, SignInUnderWay } from './sign-in-store.ts';

export type BeginOutcome =
  | {
      ok: true;
      /** Where the browser goes. */
      url: string;
      /** To be set as a cookie of this browser alone (`__Host-`, HttpOnly, SameSite=Lax), and given to `finish`. */
      browserSecret: string;
    }
  | { ok: false; problem: 'unknown-provider' | 'provider-error' }
  | { ok: false; problem: 'provider-away'; retryAfterSeconds: number };

export type FinishOutcome =
  | { ok: true; context: SignInContext; identity: Identity }
  | {
      ok: false;
      /**
       *   expired         no such sign-in is under way: it took too long, or was never begun
       *   other-browser   it was begun in another browser
       */
      problem: 'expired' | 'other-browser' | 'unknown-provider';
    }
  | {
      ok: false;
      /**
       *   refused         the person said no at the provider
       *   start-again     it was answered before, or its code has run out; nothing is half done
       *   bad-answer      the answer is not one to what was asked
       *   provider-error  the provider does not take us as a client
       */
      problem: 'refused' | 'start-again' | 'bad-answer' | 'provider-error';
      /** Where the person can begin anew from. */
      context: SignInContext;
    }
  | { ok: false; problem: 'provider-away'; retryAfterSeconds: number; context: SignInContext };

const retryAfterSeconds = 5;
const secretPattern = /^[\w-]{43}$/;

/** Sends people to other providers, and reads what they come back with. */
export function createSignIn(parts: {
  providers: ReadonlyMap<string, Provider>;
  redirectUri: (providerId: string) => string;
  store: SignInStore;
  ring: KeyRing;
  log: Log;
}) {
  const { providers, redirectUri, store, ring, log } = parts;

  const browserHash = (secret: string) => ring.hash('upstream-browser', secret);

  /** An operator must look at what neither a person nor the weather has done. */
  function note(providerId: string, error: unknown) {
    const { problem, reason, isUnexpected } = problemOf(error);
    const fields = { upstream: providerId, problem, reason, ...(isUnexpected ? { err: error } : {}) };
    if (isUnexpected || problem === 'provider-error')
      log.error(fields, 'a sign-in at another provider failed');
    else if (problem !== 'refused') log.warn(fields, 'a sign-in at another provider failed');
    return problem;
  }

  return {
    /** @param ownedSecret what this browser keeps from a sign-in before, so that several tabs do not disturb each other */
    async begin(providerId: string, context: SignInContext, ownedSecret?: string): Promise<BeginOutcome> {
      const provider = providers.get(providerId);
      if (!provider) return { ok: false, problem: 'unknown-provider' };
      const [state, nonce, verifier] = [randomText(32), randomText(32), randomText(32)];
      let url: URL;
      try {
        url = await provider.authorizationUrl(
          { state, nonce, verifier },
          context.kind === 'sign-in' && context.isFresh === true,
        );
      } catch (error) {
        const isAway = note(providerId, error) === 'provider-away';
        return isAway
          ? { ok: false, problem: 'provider-away', retryAfterSeconds }
          : { ok: false, problem: 'provider-error' };
      }
      const browserSecret = ownedSecret && secretPattern.test(ownedSecret) ? ownedSecret : randomText(32);
      const underWay = { providerId, browser: browserHash(browserSecret), context };
      await store.add(state, underWay, { nonce, verifier });
      return { ok: true, url: url.href, browserSecret };
    },

    /** @param query what came back to the redirect URI */
    async finish(
      providerId: string,
      query: URLSearchParams,
      browserSecret: string | undefined,
    ): Promise<FinishOutcome> {
      const provider = providers.get(providerId);
      if (!provider) return { ok: false, problem: 'unknown-provider' };
      const [state = '', ...moreStates] = query.getAll('state');
      if (!secretPattern.test(state) || moreStates.length > 0) return { ok: false, problem: 'expired' };
      const underWay = await store.find(state);
      if (!underWay) return { ok: false, problem: 'expired' };
      // Whoever has the state alone can neither use it up nor learn what it was for.
      if (browserSecret === undefined || browserHash(browserSecret) !== underWay.browser) {
        log.warn({ upstream: providerId }, 'an answer of another provider came to another browser');
        return { ok: false, problem: 'other-browser' };
      }
      const checks = await store.spend(state);
      if (!checks) return { ok: false, problem: 'start-again', context: underWay.context };
      return answer(provider, underWay, query, { state, ...checks });
    },
  };

  async function answer(
    provider: Provider,
    { providerId, context }: SignInUnderWay,
    query: URLSearchParams,
    checks: { state: string; nonce: string; verifier: string },
  ): Promise<FinishOutcome> {
    if (providerId !== provider.settings.id) {
      // Mix-up (RFC 9700 4.4): each provider has a redirect URI of its own, and this is another's.
      log.warn(
        { upstream: provider.settings.id, begunAt: providerId },
        'an answer came from another provider',
      );
      return { ok: false, problem: 'bad-answer', context };
    }
    // Built from our own address: the one that the request names is the sender's choice.
    const callback = new URL(redirectUri(providerId));
    callback.search = query.toString();
    try {
      return { ok: true, context, identity: await provider.identify(callback, checks) };
    } catch (error) {
      const problem = note(providerId, error);
      if (problem === 'provider-away') return { ok: false, problem, retryAfterSeconds, context };
      return { ok: false, problem, context };
    }
  }
}
