import { nowMs, nowSeconds } from '../clock.ts';
import { randomText } from '../random.ts';
import { Change } from '../redis/change.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import type { Payload } from './adapter.ts';
import { type Era, onlyEra } from './eras.ts';
import { clientsOf, createSessionIndex } from './session-index.ts';
import { type Fields, unitOfWork } from './unit-of-work.ts';

/**
 * Sign-in sessions. One hash for each, in the slot of its uid, written as a difference, so that two tabs that
 * bring new clients at the same moment both stay:
 *
 *   p            the person: account, time, acr and amr
 *   e            the account's epoch at sign-in
 *   r            the era at sign-in (eras.ts); not there for the first
 *   t            that the second factor was left out, as the account trusts the browser
 *   n            that it was left out, as the client asks for none
 *   b            the browser and its address at sign-in
 *   x            state of an open logout or device page
 *   c            when it was made (ms); the absolute limit counts from here
 *   a:<client>   what the session has with one client: sid, grant
 *   u            when it was last used (s)
 *   i:<hash>     a cookie id that opens it: 0; or, until a browser shows it, `>` and the hash of the id that it
 *                replaces; or the time (ms) until which a replaced one still does
 *   dead         a tombstone: it was ended, and nothing in flight brings it back
 *
 * A cookie id is `<uid>.<random>`, so that it leads to the session's slot without an index. The answer that
 * brings a new one may be lost; so the old one ends when the new was shown, not when it was made.
 */

/** How long a replaced cookie id still works: for the requests that a browser sent before it had the new. */
const retiredIdMs = 30_000;
/** Of a session that nobody has signed in to: it holds the state of a logout or device page. */
const anonymousSeconds = 60 * 60;
/** Token requests are frequent; the life of the session is lengthened this often at the most. */
const keepAliveEverySeconds = 300;
/** Ids in use at once; more than one when answers to several tabs crossed. */
const mostIds = 8;
/** Longer than any request or interaction that could still name an ended session. */
const tombstoneMs = 24 * 60 * 60 * 1000;

/** Read at each use: it may change, and holds for the sessions that there are as well. */
export type SessionPolicy = { readonly idleSeconds: number; readonly absoluteSeconds: number };

export type Authorization = { sid?: string; grantId?: string; persistsLogout?: boolean };

const personFields = ['accountId', 'loginTs', 'acr', 'amr', 'transient'] as const;

export function mintSessionId(uid: string): string {
  return `${uid}.${randomText(32)}`;
}

export function createSessionStore(store: Store, ring: KeyRing, policy: SessionPolicy, era: Era = onlyEra) {
  const index = createSessionIndex(store, era);
  const idField = (id: string) => `i:${ring.hash('session', id)}`;

  function liveKey(uid: string): string {
    return store.keys.session(uid);
  }

  /** Every use of a session reads it by this. Undefined when it has ended in any way. */
  function unlessOver(fields: Fields): Fields {
    if (!fields || fields.dead !== undefined || Number(fields.r ?? 0) < era.current()) return undefined;
    return isTooOld(fields) ? undefined : fields;
  }

  /** By the policy that holds now, which may be stricter than when its key was given a lifetime. */
  function isTooOld({ c: createdAt, u: usedAt }: Record<string, string>): boolean {
    const now = nowMs();
    const idleMs = now - (Number(usedAt) + 1) * 1000;
    return now - Number(createdAt) > policy.absoluteSeconds * 1000 || idleMs > policy.idleSeconds * 1000;
  }

  return {
    liveKey,

    /** @param id the value of a cookie, not checked yet */
    readAhead(id: string): void {
      const uid = uidOf(id);
      if (uid !== undefined) unitOfWork().readAhead(liveKey(uid));
    },

    /** @param id the value of the session cookie */
    async find(id: string): Promise<Payload | undefined> {
      const uid = uidOf(id);
      if (uid === undefined) return undefined;
      const unit = unitOfWork();
      const fields = unlessOver(await unit.read(liveKey(uid)));
      if (!fields) {
        unit.ended.add(liveKey(uid));
        return undefined;
      }
      const state = fields[idField(id)];
      if (state === undefined || (isRetired(state) && Number(state) < nowMs())) return undefined;
      if (isRetired(state) || Object.values(fields).includes(`>${idField(id).slice(2)}`)) {
        unit.replacedSessionId = id;
      }
      unit.browserSecret ??= id;
      if (fields.e !== undefined) unit.signInEpoch = Number(fields.e);
      unit.signInEra = Number(fields.r ?? 0);
      unit.signedInTrusted = fields.t !== undefined;
      unit.signedInWaived = fields.n !== undefined;
      return toPayload(uid, id, fields);
    },

    async findByUid(uid: string): Promise<Payload | undefined> {
      if (!uidPattern.test(uid)) return undefined;
      const fields = unlessOver(await unitOfWork().read(liveKey(uid)));
      return fields && toPayload(uid, undefined, fields);
    },

    async upsert(id: string, payload: Payload, idleSeconds: number): Promise<void> {
      const uid = payload.uid as string;
      const key = liveKey(uid);
      const unit = unitOfWork();
      const before = await unit.asRead(key);
      const after = toFields(payload);

      // The session ends at the absolute limit, however busy it is.
      const createdAt = Number(before?.c ?? nowMs());
      const leftMs = createdAt + policy.absoluteSeconds * 1000 - nowMs();
      const wantedSeconds = payload.accountId === undefined ? anonymousSeconds : idleSeconds;
      const lifetimeMs = Math.min(wantedSeconds * 1000, idleSeconds * 1000, leftMs);
      if (lifetimeMs <= 0) return this.end(id);

      const changed: Record<string, string> = {};
      for (const [field, value] of Object.entries(after)) {
        if (before?.[field] !== value) changed[field] = value;
      }
      const gone = Object.keys(before ?? {}).filter((field) => isOurs(field) && after[field] === undefined);
      if (before === undefined) changed.c = String(createdAt);
      if (payload.accountId !== undefined && unit.signInEpoch !== undefined) {
        const epoch = String(unit.signInEpoch);
        if (before?.e !== epoch) changed.e = epoch;
        const signedIn = String(unit.signInEra ?? era.current());
        if ((before?.r ?? '0') !== signedIn) changed.r = signedIn;
      }
      // Not the time alone: two sign-ins may come in one second.
      const isSignIn = before?.p !== after.p;
      if (payload.accountId !== undefined && isSignIn) {
        changed.b = JSON.stringify(unit.describeBrowser());
        if (unit.signedInTrusted) changed.t = '1';
        else if (before?.t !== undefined) gone.push('t');
        if (unit.signedInWaived) changed.n = '1';
        else if (before?.n !== undefined) gone.push('n');
        unit
          .change('account', `account ${payload.accountId}`)
          .list(store.keys.accountSignedIn(payload.accountId), `s${uid}`, leftMs);
      }
      if (payload.accountId !== undefined) {
        index.list(unit, uid, { ...before, ...changed }, { isSignIn, before, lifetimeMs, leftMs });
      }
      const namesNothingNew = Object.keys(changed).length === 0;
      const ids = moveIds(before, idField(id), personOf(before).accountId !== payload.accountId);
      Object.assign(changed, ids.set);

      const change = unit.change('session', key).durable();
      if (before === undefined) change.requireNotDead(key);
      else change.requireAlive(key);
      change.set(key, lifetimeMs, { ...changed, u: String(nowSeconds()) });
      change.drop(key, [...gone, ...ids.drop]);
      for (const field of ids.retire) change.stamp(key, field, retiredIdMs);
      if (before !== undefined && namesNothingNew) unit.markIndependent(key);
      unit.hold(key, { ...before, ...changed });
    },

    /** A session lives on while the tokens that end with it are in use. */
    async keepAlive(uid: string): Promise<void> {
      const key = liveKey(uid);
      const unit = unitOfWork();
      const before = await unit.asRead(key);
      const everySeconds = Math.min(keepAliveEverySeconds, policy.idleSeconds / 4);
      if (!before || nowSeconds() - Number(before.u) < everySeconds) return;
      const leftMs = Number(before.c) + policy.absoluteSeconds * 1000 - nowMs();
      const lifetimeMs = Math.max(0, Math.min(policy.idleSeconds * 1000, leftMs));
      unit
        .change('session', key)
        .durable()
        .requireAlive(key)
        .set(key, 0, { u: String(nowSeconds()) })
        .extend(key, lifetimeMs);
      unit.markIndependent(key);
      index.list(unit, uid, before, { isSignIn: false, before, lifetimeMs, leftMs });
    },

    /** What a browser is signed in to, by the value of its cookie. Outside the engine's own requests as well. */
    async shown(id: string): Promise<StoredSession | undefined> {
      const uid = uidOf(id);
      const fields = uid === undefined ? undefined : unlessOver(await store.read(liveKey(uid)));
      const state = fields?.[idField(id)];
      if (!uid || !fields || state === undefined) return undefined;
      if (isRetired(state) && Number(state) < nowMs()) return undefined;
      return toStored(uid, fields);
    },

    /** A session as it is in Redis now; undefined when it has ended or nobody is signed in to it. */
    async look(uid: string): Promise<StoredSession | undefined> {
      if (!uidPattern.test(uid)) return undefined;
      const fields = unlessOver(await store.read(liveKey(uid)));
      return fields && toStored(uid, fields);
    },

    /**
     * Ends a session at once, outside the writes that a request holds.
     * @param clientIds those that it is known to have, so that it goes from their lists as well
     */
    async endNow(uid: string, clientIds: string[] = []): Promise<void> {
      const change = new Change().durable().bury(liveKey(uid), tombstoneMs);
      const later = index.unlist(change, uid, clientIds);
      await store.commit(change);
      await later?.().catch(() => {});
    },

    /** Moves the sign-in of a session to a later epoch of its account. @returns false when it was not at `from` */
    async carryOver(uid: string, from: number, to: number): Promise<boolean> {
      const key = liveKey(uid);
      const change = new Change().durable().requireAlive(key).requireSame(key, 'e', String(from));
      return (await store.commit(change.set(key, 0, { e: String(to) }))).ok;
    },

    /** The engine destroys an id when it replaces it, and when the session ends. */
    async destroy(id: string): Promise<void> {
      if (!unitOfWork().retiredSessionIds.has(id)) await this.end(id);
    },

    async end(id: string): Promise<void> {
      const uid = uidOf(id);
      if (uid === undefined) return;
      const key = liveKey(uid);
      const unit = unitOfWork();
      const change = unit.change('session', key).durable().bury(key, tombstoneMs);
      const later = index.unlist(change, uid, clientsOf(await unit.asRead(key)));
      if (later) unit.besideCommit(later);
      unit.hold(key, { dead: '1' });
    },
  };

  /**
   * What becomes of the cookie ids. One that the browser shows retires the one that it replaced, which works a
   * little longer, for the tab next door; but never one from before the sign-in (session fixation).
   */
  function moveIds(
    before: Fields,
    current: string,
    isOtherPerson: boolean,
  ): { set: Record<string, string>; drop: string[]; retire: string[] } {
    const known = Object.entries(before ?? {}).filter(([field]) => field.startsWith('i:'));
    const others = known.filter(([field]) => field !== current).map(([field]) => field);
    if (isOtherPerson) return { set: { [current]: '0' }, drop: others, retire: [] };

    const [replacedId] = unitOfWork().retiredSessionIds;
    const shown = replacedId === undefined ? current : idField(replacedId);
    const set: Record<string, string> = {};
    if (before?.[current] === undefined) set[current] = shown === current ? '0' : `>${shown.slice(2)}`;
    const outlived = known.flatMap(([field, state]) => (isRetired(state) ? [] : [field])).slice(0, -mostIds);
    const state = before?.[shown];
    if (state?.startsWith('>')) {
      set[shown] = '0';
      const predecessor = `i:${state.slice(1)}`;
      if (before?.[predecessor] !== undefined && !isRetired(before[predecessor])) outlived.push(predecessor);
    }
    return {
      set,
      drop: known.flatMap(([field, until]) => (isRetired(until) && Number(until) < nowMs() ? [field] : [])),
      retire: outlived.filter((field) => field !== current && field !== shown),
    };
  }

  function toPayload(uid: string, id: string | undefined, fields: Record<string, string>): Payload {
    const payload: Payload = { ...JSON.parse(fields.p ?? '{}'), kind: 'Session', uid };
    if (id !== undefined) payload.jti = id;
    // The engine wants to know when it ends, to keep the rest of its life when it saves it in between.
    payload.exp = nowSeconds() + policy.idleSeconds;
    payload.iat = nowSeconds();
    if (fields.x !== undefined) payload.state = JSON.parse(fields.x);
    // Without what every object has: the engine looks in it by the names of clients.
    const authorizations: Record<string, Authorization> = Object.create(null);
    payload.authorizations = authorizations;
    for (const [field, value] of Object.entries(fields)) {
      if (field.startsWith('a:')) authorizations[field.slice(2)] = JSON.parse(value);
    }
    return payload;
  }
}

/** Times are ms since the epoch. */
export type StoredSession = {
  uid: string;
  accountId: string;
  epoch: number;
  signedInAt: number;
  lastUsedAt: number;
  browser: string;
  address: string;
  acr: string | undefined;
  amr: string[];
  /** Whether the second factor of the account was left out because the client asks for none. */
  isWaived: boolean;
  /** Whether it was left out because the account trusts the browser. */
  isTrusted: boolean;
  clientIds: string[];
  /** The grants that it has with them. */
  grantTags: string[];
};

function toStored(uid: string, fields: Record<string, string>): StoredSession | undefined {
  const { accountId, loginTs, acr, amr } = personOf(fields) as {
    accountId?: string;
    loginTs?: number;
    acr?: string;
    amr?: string[];
  };
  if (fields.dead !== undefined || accountId === undefined) return undefined;
  const { label = '', address = '' } = JSON.parse(fields.b ?? '{}') as { label?: string; address?: string };
  return {
    uid,
    accountId,
    epoch: Number(fields.e ?? -1),
    signedInAt: (loginTs ?? 0) * 1000,
    lastUsedAt: Number(fields.u ?? 0) * 1000,
    browser: label,
    address,
    acr,
    amr: amr ?? [],
    isWaived: fields.n !== undefined,
    isTrusted: fields.t !== undefined,
    clientIds: clientsOf(fields),
    grantTags: clientsOf(fields).flatMap(
      (id) => (JSON.parse(fields[`a:${id}`] ?? '{}') as Authorization).grantId ?? [],
    ),
  };
}

export type SessionStore = ReturnType<typeof createSessionStore>;

const uidPattern = /^[A-Za-z0-9_-]{22}$/;

function uidOf(id: string): string | undefined {
  const dot = id.indexOf('.');
  const uid = id.slice(0, Math.max(dot, 0));
  return uidPattern.test(uid) ? uid : undefined;
}

/** Whether the state of a cookie id is the time of its end. */
function isRetired(state: string): boolean {
  return /^[1-9]/.test(state);
}

function personOf(fields: Fields): Payload {
  return JSON.parse(fields?.p ?? '{}') as Payload;
}

/** The fields that a payload decides about; the others belong to the store. */
function isOurs(field: string): boolean {
  return field === 'p' || field === 'x' || field.startsWith('a:');
}

function toFields(payload: Payload): NonNullable<Fields> {
  const person: Record<string, unknown> = {};
  for (const field of personFields) if (payload[field] !== undefined) person[field] = payload[field];
  const fields: Record<string, string> = { p: JSON.stringify(person) };
  if (payload.state !== undefined) fields.x = JSON.stringify(payload.state);
  const authorizations = (payload.authorizations ?? {}) as Record<string, Authorization>;
  for (const [clientId, authorization] of Object.entries(authorizations)) {
    // The engine makes an empty entry for each client that it looks up.
    if (Object.keys(authorization).length === 0) continue;
    fields[`a:${clientId}`] = JSON.stringify(authorization);
  }
  return fields;
}
