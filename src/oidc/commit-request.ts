import type { Context, Middleware } from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { Refusal } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Observer, ReplayKind } from '../observer.ts';
import { Change } from '../redis/change.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { giveAnswerAgain, sealAnswer } from './answer-again.ts';
import type { AccountSource } from './claims.ts';
import { replaceFormPost } from './form-post.ts';
import type { EnginePages } from './pages.ts';
import type { SessionStore } from './session-store.ts';
import type { TokenStore } from './token-store.ts';
import { type CommitResult, inUnitOfWork, type Single, UnitOfWork } from './unit-of-work.ts';

type Refused = Exclude<CommitResult, { ok: true }>;

export type CommitParts = {
  store: Store;
  ring: KeyRing;
  tokens: TokenStore;
  sessions: SessionStore;
  accounts: AccountSource;
  pages: EnginePages;
  /** A short name for a browser, from its User-Agent. */
  labelBrowser(userAgent: string): string;
  /** @throws Unavailable while the clock of this pod is not to be trusted */
  demandClock(): void;
  /** Takes the session cookie off the browser. */
  clearSessionCookie(ctx: Context): void;
  log: Log;
  observer: Pick<Observer, 'conflict' | 'replay' | 'answeredAgain'>;
};

/** Routes at which a request that is sent again gets the answer of the first. */
const answeringPaths = /^\/(token|auth(\/[^/]+)?|device\/[^/]+)$/;

/** Routes that end something, and say so also when it has ended before. */
const endingRoutes = new Set(['revocation', 'end_session', 'end_session_confirm']);

/**
 * Gives each request its unit of work, and commits it when the answer is made and before a byte of it leaves.
 * A refused commit replaces the answer; nothing that the engine made for it was told to anybody.
 */
export function commitRequest(parts: CommitParts): Middleware {
  return async (ctx, next) => {
    const unit = new UnitOfWork(parts.store, {
      mayAnswerAgain: answeringPaths.test(ctx.path),
      accounts: parts.accounts,
      describeBrowser: () => ({
        label: parts.labelBrowser(ctx.get('user-agent')),
        address: ctx.ip,
      }),
    });
    await inUnitOfWork(unit, async () => {
      await next();
      // Whatever became of it on the way, an outage is a refusal: 503, and nothing was done. So is a clock that was
      // set meanwhile: who knows what was judged by it.
      if (unit.outage) throw unit.outage;
      parts.demandClock();
      await finish(parts, ctx, unit);
    });
  };
}

async function finish(parts: CommitParts, ctx: Context, unit: UnitOfWork): Promise<void> {
  if (ctx.status >= 500) return;
  if (isTokenRequest(ctx) && ctx.status >= 400) {
    await unit.commitRevocations();
    // Shown by another client, with another key, for another scope: not the first request sent again.
    if (unit.spentGrantKey) await endFamily(parts, unit.spentGrantKey, unit.spentKind);
    return;
  }
  replaceFormPost(ctx, parts.pages);
  keepNewerCookie(ctx, unit);

  const askedAgain = unit.singles.find((single) => single.earlierAnswer !== undefined);
  if (askedAgain) {
    // Since the first answer the account may have been disabled or have got a new password.
    const account = await unit.commitAccount();
    if (!account.ok) return refuse(parts, ctx, unit, account);
    return answerOrRefuse(parts, ctx, unit, askedAgain, askedAgain.earlierAnswer);
  }

  await keepSessionAlive(parts, ctx);
  const kept = unit.singles.filter((single) => single.answerForMs > 0 && !isStrict(ctx));
  for (const single of kept) {
    unit
      .change(single.rank, single.aggregate)
      .text(single.answerKey, single.answerForMs, sealAnswer(parts.ring, ctx, unit, single));
  }

  const result = await unit.commit();
  if (endingRoutes.has(routeOf(ctx))) await unit.settleEnded();
  if (!result.ok) return refuse(parts, ctx, unit, result);
  for (const single of kept) if (single.until === 'response-sent') forgetWhenSent(parts, ctx, single);
}

async function keepSessionAlive({ sessions }: CommitParts, ctx: Context): Promise<void> {
  if (!isTokenRequest(ctx)) return;
  const { oidc } = ctx as unknown as KoaContextWithOIDC;
  const token = oidc?.entities.RefreshToken as
    | { expiresWithSession?: boolean; sessionUid?: string }
    | undefined;
  if (token?.expiresWithSession && token.sessionUid) await sessions.keepAlive(token.sessionUid);
}

/** The engine sets the cookie that it was shown anew; one that was replaced must not come back over the newer. */
function keepNewerCookie(ctx: Context, unit: UnitOfWork): void {
  const name = (ctx as unknown as KoaContextWithOIDC).oidc?.provider.cookieName('session');
  const lines = [ctx.res.getHeader('set-cookie') ?? []].flat().map(String);
  if (!lines.some((line) => line.startsWith(`${name}=${unit.replacedSessionId};`))) return;
  const isSession = (line: string) => line.startsWith(`${name}=`) || line.startsWith(`${name}.sig=`);
  ctx.res.setHeader(
    'set-cookie',
    lines.filter((line) => !isSession(line)),
  );
}

/** What was handed to the system can still be lost in the buffers of the pod, a proxy, or a connection that breaks. */
const onItsWayMs = 1000;

/**
 * An authorization code is answered again only while its first answer may not have arrived. A pod that dies in this
 * moment leaves the answer to its lifetime.
 */
function forgetWhenSent({ store, log }: CommitParts, ctx: Context, single: Single): void {
  const forget = () => {
    store.call('DEL', single.answerKey).catch((error) => {
      log.debug({ err: error }, 'a sent answer was not removed; it expires by itself');
    });
  };
  ctx.res.once('finish', () => setTimeout(forget, onItsWayMs).unref());
}

async function refuse(parts: CommitParts, ctx: Context, unit: UnitOfWork, result: Refused): Promise<void> {
  const { rank, refused } = result;
  parts.observer.conflict(rank, refused.reason);
  if (rank === 'account') {
    if (isTokenRequest(ctx)) return refuseToken(ctx, 'the account may no longer sign in');
    // What the person answered would be refused each time that the browser came back with it.
    if (isResume(ctx)) {
      throw new Refusal(400, 'expired', { description: 'the account may no longer sign in' });
    }
    return startOver(parts, ctx);
  }
  if (unit.fallBack) {
    // Refused means here that another answer was first; then the browser goes on with that one.
    if (unit.fallBack.change) await parts.store.commit(unit.fallBack.change);
    return sendTo(ctx, unit.fallBack.location);
  }
  if (refused.reason === 'spent') {
    const single = unit.singles.find(({ key }) => key === refused.key);
    if (!single) throw new Error(`spent, but by nothing of this request: ${rank}`);
    return answerOrRefuse(parts, ctx, unit, single, refused.answer);
  }
  if (isTokenRequest(ctx)) return refuseToken(ctx, 'the grant was revoked or has expired');
  if (rank === 'session') return startOver(parts, ctx);
  if (rank === 'grant' && ctx.method === 'GET') {
    // Another request of the same person changed or ended the grant meanwhile; look again.
    return sendTo(ctx, ctx.url);
  }
  throw new Refusal(400, 'expired', { description: 'the request was already answered or has expired' });
}

/** The thing was spent before: by this very request, whose answer is given again, or else this is a replay. */
async function answerOrRefuse(
  parts: CommitParts,
  ctx: Context,
  unit: UnitOfWork,
  single: Single,
  sealed: string | undefined,
): Promise<void> {
  if (sealed !== undefined && giveAnswerAgain(parts.ring, ctx, unit, single, sealed)) {
    // The first request may still wait for its replicas, or have given up on them: what it wrote must be kept
    // before anybody acts on it. WAIT covers what this connection wrote, so something must be written.
    const kept = new Change().durable().requireAlive(single.key).set(single.key, 0, { again: '1' });
    if (!(await parts.store.commit(kept)).ok) {
      throw new Refusal(400, 'expired', { description: 'the request was already answered' });
    }
    parts.observer.answeredAgain();
    parts.log.info({ route: routeOf(ctx) }, 'answered again');
    return;
  }
  if (single.grantKey === undefined) {
    parts.observer.replay(single.kind);
    throw new Refusal(400, 'expired', { description: 'the request was already answered' });
  }
  await endFamily(parts, single.grantKey, single.kind);
  refuseToken(ctx, 'the code or token was already used');
}

/** RFC 6749 4.1.2 and RFC 9700 4.14.2: whoever shows a spent code or token may have stolen it. */
async function endFamily(
  { tokens, log, observer }: CommitParts,
  grantKey: string,
  kind: ReplayKind,
): Promise<void> {
  observer.replay(kind);
  await tokens.revokeNow(grantKey);
  log.warn({ grant: grantKey }, 'a spent code or token was presented: its grant is revoked');
}

function refuseToken(ctx: Context, description: string): void {
  for (const name of ['set-cookie', 'location']) ctx.res.removeHeader(name);
  ctx.status = 400;
  ctx.body = { error: 'invalid_grant', error_description: description };
}

/** The session of this browser has ended: it goes on as one that is not signed in. */
function startOver(parts: CommitParts, ctx: Context): void {
  if (ctx.method !== 'GET') {
    throw new Refusal(400, 'expired', { description: 'the session has ended' });
  }
  sendTo(ctx, ctx.url);
  parts.clearSessionCookie(ctx);
}

function sendTo(ctx: Context, location: string): void {
  ctx.res.removeHeader('set-cookie');
  ctx.status = 303;
  ctx.body = '';
  ctx.set('location', location);
}

function isTokenRequest(ctx: Context): boolean {
  return ctx.path === '/token';
}

/** Whether this goes on with an interaction that a person has answered. */
function isResume(ctx: Context): boolean {
  return ['resume', 'device_resume'].includes(routeOf(ctx));
}

function routeOf(ctx: Context): string {
  return (ctx as unknown as KoaContextWithOIDC).oidc?.route ?? '';
}

function isStrict(ctx: Context): boolean {
  const { client } = (ctx as unknown as KoaContextWithOIDC).oidc ?? {};
  return (client as { strict_token_use?: boolean } | undefined)?.strict_token_use === true;
}
