/**
 * Owns what the relying party remembers of one browser: its session and its logins in flight, by cookie and
 * store together. Does not own what happens in a login.
 */
import type { JWTPayload } from 'jose';
import type { Context } from 'koa';
import type { CookieJar } from './cookie-jar.ts';
import {
  asLogin,
  asSession,
  type Login,
  loginLifetimeSeconds,
  type Session,
  sessionLifetimeSeconds,
  trimSession,
} from './records.ts';
import type { StateStore } from './state-store.ts';

/** A session and where it came from. */
export type FoundSession = { session: Session; handle: string };

export type BrowserState = {
  session(ctx: Context): Promise<FoundSession | undefined>;
  /** A new session in place of the one the browser may have; it never keeps the old one's id. */
  startSession(ctx: Context, session: Omit<Session, 'generation'>): Promise<void>;
  /**
   * Runs `change` on the newest state of the session, one at a time where the store allows it, and keeps the
   * session that it gives back. `ended` means that the session was ended by someone else meanwhile.
   */
  changeSession<T>(
    ctx: Context,
    found: FoundSession,
    change: (newest: Session) => Promise<{ session?: Session; result: T }>,
  ): Promise<{ ended: false; result: T } | { ended: true }>;
  endSession(ctx: Context, found?: FoundSession): Promise<void>;

  startLogin(ctx: Context, login: Login): Promise<void>;
  login(ctx: Context, state: string): Promise<Login | undefined>;
  /** Forgets a login. In a shared store it lives a little longer, for a callback whose answer never arrived. */
  finishLogin(ctx: Context, state: string): Promise<void>;
};

/** How long a finished login can be asked for again, when its record is not in the browser. */
const graceSeconds = 60;

export function createBrowserState(jar: CookieJar, store: StateStore): BrowserState {
  const keep = (ctx: Context, generation: number, value: string) =>
    // A shared store orders changes itself, and an id of it never changes with them.
    jar.setSession(ctx, { generation: store.shared ? 0 : generation, value }, sessionLifetimeSeconds);

  const browserState: BrowserState = {
    async session(ctx) {
      for (const { generation, value } of jar.sessions(ctx)) {
        const payload = await store.load('session', value);
        if (payload === undefined) continue;
        const session = asSession(payload);
        if (store.shared || session.generation === generation) return { session, handle: value };
      }
      return undefined;
    },

    async startSession(ctx, started) {
      const before = await browserState.session(ctx);
      const generation = (before?.session.generation ?? 0) + 1;
      const session = trimSession({ ...started, generation });
      const handle = await store.create('session', asPayload(session), sessionLifetimeSeconds);
      if (before !== undefined) await store.end('session', before.handle);
      keep(ctx, generation, handle);
    },

    async changeSession(ctx, found, change) {
      return store.exclusively(found.handle, async () => {
        const payload = await store.load('session', found.handle);
        if (payload === undefined) return { ended: true };
        const newest = asSession(payload);
        const { session: changed, result } = await change(newest);
        if (changed === undefined) return { ended: false, result };

        const session = trimSession(changed);
        const record = asPayload(session);
        const handle = await store.replace('session', found.handle, record, sessionLifetimeSeconds);
        if (handle === undefined) return { ended: true };
        keep(ctx, session.generation, handle);
        return { ended: false, result };
      });
    },

    async endSession(ctx, found) {
      jar.clearSessions(ctx);
      if (found !== undefined) await store.end('session', found.handle);
    },

    async startLogin(ctx, login) {
      const handle = await store.create('login', asPayload(login), loginLifetimeSeconds);
      jar.setLogin(ctx, login.state, handle, loginLifetimeSeconds);
    },

    async login(ctx, state) {
      const handle = jar.login(ctx, state);
      const payload = handle === undefined ? undefined : await store.load('login', handle);
      const login = payload === undefined ? undefined : asLogin(payload);
      return login?.state === state ? login : undefined;
    },

    async finishLogin(ctx, state) {
      const handle = jar.login(ctx, state);
      if (handle !== undefined) await store.end('login', handle, graceSeconds);
      jar.clearLogin(ctx, state);
    },
  };
  return browserState;
}

function asPayload(record: Login | Session): JWTPayload {
  return { ...record };
}
