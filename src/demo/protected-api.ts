/**
 * The demo API: a service that takes access tokens and keeps nothing. Owns its route and its answers. It trusts
 * the provider's published keys only, and never asks it about a single token.
 */
import { Router } from '@koa/router';
import Koa, { type Context } from 'koa';
import { type BearerProblem, createTokenCheck } from './access-token.ts';
import { listen, type RunningServer } from './http-server.ts';

export type ProtectedApiOptions = {
  issuer: string;
  /** The resource indicator of this API: the audience that a token must have. */
  audience: string;
  /** Where to listen; the default is the loopback address. */
  host?: string;
  port: number;
};

const requiredScope = 'api:read';

/** Starts the API: `GET /whoami` for a bearer of `api:read`. The provider need not be up. */
export async function startProtectedApi(options: ProtectedApiOptions): Promise<RunningServer> {
  const { issuer, audience, host = '127.0.0.1', port } = options;
  const checkToken = createTokenCheck(issuer, audience);
  const router = new Router();

  router.get('/whoami', async (ctx) => {
    const checked = await checkToken(ctx.get('authorization'), requiredScope);
    if (!checked.ok) return refuse(ctx, checked.problem);
    const { subject, clientId, scope, expiresAt } = checked;
    ctx.body = { sub: subject, client_id: clientId, scope, expiresAt };
  });

  router.get('/healthz', (ctx) => {
    ctx.body = { status: 'ok' };
  });

  const app = new Koa();
  app.use(async (ctx, next) => {
    ctx.set({
      'Cache-Control': 'no-store',
      'Content-Security-Policy': `default-src 'none'; frame-ancestors 'none'`,
      'X-Content-Type-Options': 'nosniff',
    });
    await next();
  });
  app.use(router.routes());
  app.use(router.allowedMethods());
  return listen(app.callback(), host, port);
}

const realm = 'Bearer realm="harbour-notes-api"';

/** RFC 6750, section 3: status and challenge for each way in which a token does not open the door. */
const refusals: Record<BearerProblem, { status: number; challenge?: string; error: string; text: string }> = {
  'no token': {
    status: 401,
    challenge: realm,
    error: 'token_missing',
    text: 'Send an access token in the Authorization header.',
  },
  'malformed request': {
    status: 400,
    challenge: `${realm}, error="invalid_request", error_description="The Authorization header is malformed"`,
    error: 'invalid_request',
    text: 'The Authorization header is malformed.',
  },
  'invalid token': {
    status: 401,
    challenge: `${realm}, error="invalid_token", error_description="The access token is not valid here or not any more"`,
    error: 'invalid_token',
    text: 'The access token is not valid here or not any more.',
  },
  'insufficient scope': {
    status: 403,
    challenge: `${realm}, error="insufficient_scope", error_description="The access token lacks a scope", scope="${requiredScope}"`,
    error: 'insufficient_scope',
    text: `The access token lacks the scope ${requiredScope}.`,
  },
  'keys unreachable': {
    status: 503,
    error: 'temporarily_unavailable',
    text: 'The keys to check the token cannot be fetched just now. Try again.',
  },
};

function refuse(ctx: Context, problem: BearerProblem): void {
  const { status, challenge, error, text } = refusals[problem];
  ctx.status = status;
  if (challenge !== undefined) ctx.set('WWW-Authenticate', challenge);
  if (status === 503) ctx.set('Retry-After', '1');
  ctx.body = { error, error_description: text };
}
