import type { Middleware } from 'koa';
import compose from 'koa-compose';
import { consoleRoutes } from './admin/console/console.ts';
import { buildAdminApi } from './app-admin-api.ts';
import type { Parts } from './app-parts.ts';
import { doctorRoute } from './doctor/doctor.ts';
import { createCsrf } from './http/csrf.ts';
import type { Renderer } from './http/render.ts';
import { routesMiddleware } from './http/route.ts';
import { accountPageRoutes } from './interactions/account-pages.ts';
import { interactionRoutes } from './interactions/interactions.ts';
import { browserCookies } from './interactions/sign-in-cookies.ts';
import { createSignInEvents } from './interactions/sign-in-events.ts';
import { createSignInNotices } from './interactions/sign-in-notices.ts';
import type { Log } from './log.ts';
import { finishLinking, selfServiceRoutes } from './self-service/self-service.ts';

/** The part of app.ts that collects the routes of all modules, in the order in which a request meets them. */
export function buildRequests(built: Parts, renderer: Renderer, log: Log): Middleware {
  const { oidc, config } = built;
  const isHttps = config.issuer.startsWith('https:');
  const cookies = browserCookies({ ...built, isHttps });
  const consoleParts = {
    ...built,
    issuer: config.issuer,
    signedIn: oidc.signedIn,
    renderer,
    csrf: createCsrf(built.csrfKey),
    trustedCookie: cookies.trusted,
    knownCookie: cookies.giveKnown,
  };
  const interactions = interactionRoutes({
    ...built,
    finishLinking: finishLinking(consoleParts),
    interactions: oidc.interactions,
    renderer,
    csrf: createCsrf(built.csrfKey),
    notices: createSignInNotices(built),
    signInEvents: createSignInEvents(built),
    isHttps,
  });
  const accountPages = accountPageRoutes({
    ...built,
    interactions: oidc.interactions,
    renderer,
    csrf: createCsrf(built.csrfKey),
    showsMails: config.mail.areShown,
  });
  return compose([
    oidc.published.middleware,
    oidc.demandFreshKeys,
    buildAdminApi({
      ...built,
      issuer: config.issuer,
      renderer,
      log,
    }),
    oidc.commitRequest,
    routesMiddleware(
      [
        doctorRoute(built),
        ...interactions,
        ...accountPages,
        ...selfServiceRoutes(consoleParts),
        ...consoleRoutes(consoleParts),
      ],
      { strict: false },
    ),
    oidc.engine,
  ]) as Middleware;
}
