/** Owns the routes of the relying party: they join the browser's state, the flows and the pages. */
import { Router } from '@koa/router';
import type { Context } from 'koa';
import * as oidc from 'openid-client';
import type { BrowserState, FoundSession } from './browser-state.ts';
import { type Failure, failureOf } from './failure.ts';
import { isFromOurPage, isSameToken, readFormToken } from './form-guard.ts';
import { viewSession, viewTrail } from './home-page.ts';
import * as messages from './messages.ts';
import type { HomeData, Pages } from './pages.ts';
import { createStepLog, type ProviderLink } from './provider-link.ts';
import { fingerprint, type Session } from './records.ts';
import { callApi, refreshSession } from './renew.ts';
import { beginSignIn, finishSignIn } from './sign-in.ts';
import { readTrail } from './trail.ts';

export type RouteParts = {
  link: ProviderLink;
  state: BrowserState;
  pages: Pages;
  publicOrigin: string;
  api: { url: string; audience: string };
  keptIn: string;
  hint: HomeData['hint'];
  trailUrl: string | undefined;
};

/** What a renewal of the session ended in; `elsewhere` when another tab had just done it. */
type Renewal = { ok: true; elsewhere: boolean } | Failure;

export function createRoutes(parts: RouteParts): Router {
  const { link, state, pages, publicOrigin, api, keptIn, hint, trailUrl } = parts;
  const signIn = { redirectUri: `${publicOrigin}/callback`, apiAudience: api.audience };
  const router = new Router();

  const seeHome = (ctx: Context, done: string) => seeOther(ctx, `/?done=${done}`);

  /** A POST from a page of ours by someone who is signed in. */
  const action = (act: (ctx: Context, found: FoundSession) => Promise<void>) => async (ctx: Context) => {
    const token = await readFormToken(ctx);
    if (!isFromOurPage(ctx, publicOrigin)) return pages.message(ctx, messages.formRefused);
    const found = await state.session(ctx);
    if (found === undefined) return pages.message(ctx, messages.notSignedIn);
    if (token === undefined || !isSameToken(token, found.session.csrf)) {
      return pages.message(ctx, messages.formRefused);
    }
    return act(ctx, found);
  };

  const renew = async (
    ctx: Context,
    found: FoundSession,
    done: string,
    change: (newest: Session) => Promise<{ session?: Session; result: Renewal }>,
  ) => {
    const changed = await state.changeSession(ctx, found, change);
    if (changed.ended) {
      await state.endSession(ctx);
      return pages.message(ctx, messages.sessionEnded);
    }
    const { result } = changed;
    if (result.ok) return seeHome(ctx, result.elsewhere ? 'refreshed-elsewhere' : done);
    if (result.problem !== 'ended') return pages.message(ctx, messages.renewMessage(result));
    // Perhaps another tab was faster, and its cookie is already in the browser: only the next request can tell.
    return seeOther(ctx, `/session-ended?was=${fingerprint(found.session.refreshToken ?? '')}`);
  };

  router.get('/', async (ctx) => {
    const [found, trail] = await Promise.all([
      state.session(ctx),
      trailUrl === undefined ? null : readTrail(trailUrl).then(viewTrail),
    ]);
    const notice = messages.notices.get(String(ctx.query.done)) ?? null;
    const session = found === undefined ? null : viewSession(found.session, keptIn);
    pages.home(ctx, { notice, session, hint, trail });
  });

  router.get('/trail', async (ctx) => {
    if (trailUrl === undefined) return pages.message(ctx, messages.notFound);
    pages.trail(ctx, viewTrail(await readTrail(trailUrl)));
  });

  router.get('/login', async (ctx) => {
    const begun = await beginSignIn(link, signIn, ctx.query.prompt === 'none');
    if (!begun.ok) return pages.message(ctx, messages.signInMessage(begun));
    await state.startLogin(ctx, begun.login);
    seeOther(ctx, begun.url.href);
  });

  router.get('/callback', async (ctx) => {
    const login = typeof ctx.query.state === 'string' ? await state.login(ctx, ctx.query.state) : undefined;
    if (login === undefined) {
      // Going back in the browser's history leads here as well.
      const isSignedIn = (await state.session(ctx)) !== undefined;
      return isSignedIn ? seeOther(ctx, '/') : pages.message(ctx, messages.loginExpired);
    }

    const finished = await finishSignIn(link, signIn, login, ctx.search);
    if (finished.ok) {
      await state.startSession(ctx, finished.session);
      await state.finishLogin(ctx, login.state);
      return seeHome(ctx, login.silent ? 'checked' : 'signed-in');
    }

    // While the provider cannot be reached, loading this address again may still finish the login.
    if (finished.problem !== 'unreachable') await state.finishLogin(ctx, login.state);
    if (finished.problem === 'needs interaction' && (await state.session(ctx))) {
      return seeHome(ctx, 'not-at-provider');
    }
    return pages.message(ctx, messages.signInMessage(finished));
  });

  router.post(
    '/refresh',
    action((ctx, found) =>
      renew(ctx, found, 'refreshed', async (newest) => {
        if (newest.generation > found.session.generation) return { result: { ok: true, elsewhere: true } };
        const renewed = await refreshSession(link, newest, api.audience);
        return renewed.ok
          ? { session: renewed.session, result: { ok: true, elsewhere: false } }
          : { result: renewed };
      }),
    ),
  );

  router.post(
    '/call-api',
    action((ctx, found) =>
      renew(ctx, found, 'called', async (newest) => {
        const called = await callApi(link, newest, api);
        return called.ok
          ? { session: called.session, result: { ok: true, elsewhere: false } }
          : { result: called };
      }),
    ),
  );

  router.get('/session-ended', async (ctx) => {
    const found = await state.session(ctx);
    if (found !== undefined) {
      const isSame = fingerprint(found.session.refreshToken ?? '') === ctx.query.was;
      if (!isSame) return seeHome(ctx, 'refreshed-elsewhere');
      await state.endSession(ctx, found);
    }
    pages.message(ctx, messages.sessionEnded);
  });

  router.post(
    '/logout',
    action(async (ctx, found) => {
      await state.endSession(ctx, found);
      const url = await endSessionUrl(link, found.session, `${publicOrigin}/signed-out`);
      if (url === undefined) return pages.message(ctx, messages.signedOutHereOnly);
      seeOther(ctx, url.href);
    }),
  );

  router.post(
    '/forget',
    action(async (ctx, found) => {
      await state.endSession(ctx, found);
      seeHome(ctx, 'forgotten');
    }),
  );

  router.get('/signed-out', async (ctx) => {
    if (await state.session(ctx)) return seeOther(ctx, '/');
    pages.message(ctx, messages.signedOut);
  });

  router.get('/healthz', (ctx) => {
    ctx.body = { status: 'ok' };
  });

  return router;
}

/** Where the browser ends its session at the provider; undefined when the provider cannot say so just now. */
async function endSessionUrl(
  link: ProviderLink,
  session: Session,
  returnTo: string,
): Promise<URL | undefined> {
  try {
    const { configuration } = await link.connect(createStepLog('Sign-out'));
    if (configuration.serverMetadata().end_session_endpoint === undefined) return undefined;
    return oidc.buildEndSessionUrl(configuration, {
      post_logout_redirect_uri: returnTo,
      ...(session.idToken === undefined ? {} : { id_token_hint: session.idToken }),
    });
  } catch (error) {
    failureOf(error);
    return undefined;
  }
}

function seeOther(ctx: Context, url: string): void {
  ctx.redirect(url);
  ctx.status = 303;
}
