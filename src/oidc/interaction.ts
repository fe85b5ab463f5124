import type { Context } from 'koa';
import { errors, type InteractionResults, type Provider } from 'oidc-provider';
import { nowSeconds } from '../clock.ts';
import type { CookieKeys } from './cookie-keys.ts';
import { originOf, summarise } from './engine-pages.ts';
import type { InteractionStore } from './interaction-store.ts';
import type { LiveEngine } from './live-engine.ts';
import type { ClientSummary } from './pages.ts';
import type { ConsentDecision } from './policy.ts';
import type { SecondFactorOf, SecondFactorRule } from './second-factor.ts';
import type { SessionStore } from './session-store.ts';
import { unitOfWork } from './unit-of-work.ts';

/**
 * An authorization request that waits for a person: what is asked, and the ways to answer it. The pages that
 * ask are in src/interactions; they know nothing of the engine.
 */
export type PendingInteraction = {
  uid: string;
  /** Which question is open. */
  prompt: 'login' | 'consent';
  client: ClientSummary & { clientId: string };
  /** What is asked of the second factor: by the client, and by what it wants a token for. */
  secondFactor: SecondFactorRule;
  /** `acr_values` of the request, space separated; empty when it has none. */
  acrValues: string;
  /** The account that the browser is signed in to; it may have to sign in anew all the same. */
  accountId: string | undefined;
  loginHint: string | undefined;
  uiLocales: string | undefined;
  /** What the consent page asks for. */
  asked: { scopes: string[]; claims: string[]; resources: Record<string, string[]> };
  alreadyGranted: string[];
  /** Where the browser goes on when this is over: the origin of the client's redirect URI. */
  returnOrigin: string | undefined;
};

export type Login = {
  accountId: string;
  /** The account's epoch when it proved who it is. */
  epoch: number;
  /** RFC 8176 */
  amr: string[];
  acr: string;
  /** Whether the second factor was left out because the account trusts this browser, or a code by mail stood in. */
  isTrusted: boolean;
  /** Whether the second factor of the account was left out because the client asks for none. */
  isWaived: boolean;
  /** Whether the session outlives the browser's. */
  remember: boolean;
};

/** @property era in which the sign-in was finished; see eras.ts */
export type DatedLogin = Login & { era: number; ts: number };

/**
 * Each answer is written once; of two at the same moment the first counts. With the answer the authorization
 * request goes on at once, so that the browser is sent to the client, or to the next question, without a round
 * through the engine's own address: the engine has then answered on `ctx`.
 */
export type Interactions = {
  /**
   * undefined when it has expired or belongs to another browser; with `answered` when a person has answered
   * it already, and the browser only has to go on
   * @param options.toAnswer an answer is coming: reads ahead what it will need
   */
  load(
    ctx: Context,
    uid: string,
    options?: { toAnswer: boolean },
  ): Promise<PendingInteraction | { answered: string } | undefined>;
  /** What the person has proved so far, as it was kept; undefined when that is nothing. */
  progress(pending: PendingInteraction): Promise<unknown>;
  /** Keeps it. Of two requests at the same moment one is sent back to the interaction's page. */
  keepProgress(pending: PendingInteraction, progress: unknown): Promise<void>;
  /** Sends something in the round trip of the answer. Nobody waits for it, so it must not matter if it is lost. */
  besideAnswer(work: () => Promise<unknown>): void;
  login(ctx: Context, pending: PendingInteraction, login: Login): Promise<void>;
  approve(ctx: Context, pending: PendingInteraction): Promise<void>;
  abort(ctx: Context, pending: PendingInteraction): Promise<void>;
};

type EngineInteraction = Awaited<ReturnType<Provider['interactionDetails']>>;

export function createInteractions(parts: {
  engine: LiveEngine;
  /** What is asked of a sign-in by clients that do not say. */
  secondFactorOf: SecondFactorOf;
  /** The era that it is now; see eras.ts. */
  era(): number;
  cookieKeys: CookieKeys;
  store: InteractionStore;
  sessions: SessionStore;
  readGrantAhead(sessionUid: string | undefined, interactionUid: string, clientId: string): void;
}): Interactions {
  const { engine, cookieKeys, store, sessions } = parts;
  // The engine's own object, kept beside what the pages see of it.
  const engineSide = new WeakMap<PendingInteraction, EngineInteraction>();

  async function details(ctx: Context, uid: string): Promise<EngineInteraction | undefined> {
    try {
      const found = await engine.of(ctx).provider.interactionDetails(ctx.req, ctx.res);
      // The engine goes by the cookie alone; the page that was answered must be the one it belongs to.
      return found.uid === uid ? found : undefined;
    } catch (error) {
      if (error instanceof errors.SessionNotFound) return undefined;
      throw error;
    }
  }

  async function answer(
    ctx: Context,
    pending: PendingInteraction,
    result: InteractionResults,
  ): Promise<void> {
    const interaction = engineSide.get(pending);
    if (!interaction) throw new Error('this interaction was not loaded here');
    interaction.result = 'error' in result ? result : { ...interaction.lastSubmission, ...result };
    await interaction.save(interaction.exp - nowSeconds());
    unitOfWork().fallBack = {
      change: await store.answerAlone(interaction.uid),
      location: interaction.returnTo,
    };
    await goOn(ctx, interaction);
  }

  /** What the browser would do next: GET the engine's address for this interaction, with the cookie for it. */
  async function goOn(ctx: Context, { uid, returnTo }: EngineInteraction): Promise<void> {
    const { provider, middleware } = engine.of(ctx);
    const pair = `${provider.cookieName('resume')}=${uid}`;
    const [name] = pair.split('=');
    // First, since the first of two cookies with one name counts.
    ctx.req.headers.cookie = `${pair}; ${name}.sig=${cookieKeys.sign(pair)}; ${ctx.get('cookie')}`;
    ctx.method = 'GET';
    ctx.url = new URL(returnTo).pathname;
    await middleware(ctx, async () => {});
  }

  return {
    async load(ctx, uid, { toAnswer } = { toAnswer: false }) {
      const { provider } = engine.of(ctx);
      const cookie = ctx.cookies.get(provider.cookieName('session'), { signed: false });
      if (cookie) sessions.readAhead(cookie);
      const interaction = await details(ctx, uid);
      if (!interaction) return undefined;
      if (interaction.result !== undefined) return { answered: interaction.returnTo };
      const { prompt, params, session, grantId } = interaction;
      if (toAnswer) parts.readGrantAhead(session?.uid, uid, String(params.client_id));
      const client = await provider.Client.find(String(params.client_id));
      if (!client || (prompt.name !== 'login' && prompt.name !== 'consent')) return undefined;
      const grant = grantId ? await provider.Grant.find(grantId) : undefined;
      const redirectUri = textOf(params.redirect_uri);
      const pending: PendingInteraction = {
        uid,
        prompt: prompt.name,
        client: { ...summarise(client), clientId: client.clientId },
        secondFactor: parts.secondFactorOf(client, params),
        acrValues: textOf(params.acr_values) ?? '',
        accountId: session?.accountId,
        loginHint: textOf(params.login_hint),
        uiLocales: textOf(params.ui_locales),
        asked: {
          scopes: (prompt.details.missingOIDCScope as string[] | undefined) ?? [],
          claims: (prompt.details.missingOIDCClaims as string[] | undefined) ?? [],
          resources: (prompt.details.missingResourceScopes as Record<string, string[]> | undefined) ?? {},
        },
        alreadyGranted: grant?.getOIDCScope().split(' ').filter(Boolean) ?? [],
        returnOrigin: originOf(redirectUri),
      };
      engineSide.set(pending, interaction);
      return pending;
    },

    progress: ({ uid }) => store.progress(uid),

    async keepProgress({ uid }, progress) {
      unitOfWork().fallBack = { location: `/interaction/${uid}` };
      await store.keepProgress(uid, progress);
    },

    besideAnswer: (work) => unitOfWork().besideCommit(work),

    // With its time: the answer of a later page of this request names the sign-in again, and makes it no newer.
    login(ctx, pending, login) {
      const dated: DatedLogin = { ...login, era: parts.era(), ts: nowSeconds() };
      return answer(ctx, pending, { login: dated as never });
    },

    async approve(ctx, pending) {
      if (pending.accountId === undefined) throw new Error('consent without an account');
      const decision: ConsentDecision = { accountId: pending.accountId, ...pending.asked };
      await answer(ctx, pending, { consent: decision as never });
    },

    abort: (ctx, pending) =>
      answer(ctx, pending, { error: 'access_denied', error_description: 'the person did not go on' }),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
